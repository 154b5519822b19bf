"""The roofs of this machine's roofline, measured on one core: operations in registers, bytes from memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import _core
from ..cost import Level, machine_levels

LARGEST = 256 << 20  # bytes read for a memory without a size


def measure_peaks(
    isa: str | None = None, seconds: float = 0.02, levels: Sequence[Level] | None = None
) -> dict[str, Any]:
    """Measure for about ``seconds`` per roof, five times, and take the best.

    Returns {"isa", "word_operations": logical operations on 64-bit words per second (full adders),
    "popcount_operations": ANDs, population counts and additions of words per second, "float_operations":
    float32 additions and multiplications per second, "bytes": {level: bytes read per second}}. A level is
    read by half of its size, the last by four times the largest cache.
    """
    isa = isa or _core.default_isa()
    kernels, levels = _core.kernels, machine_levels() if levels is None else levels
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**63, kernels.PEAK_WORDS, dtype=np.uint64)
    floats = rng.random(kernels.PEAK_FLOATS, dtype=np.float32)
    caches = [level.bytes for level in levels if level.bytes is not None]
    bandwidth = {}
    for level in levels:
        size = level.bytes // 2 if level.bytes is not None else min(LARGEST, 4 * max(caches, default=LARGEST))
        unit = 8 * kernels.PEAK_WORDS
        values = np.ones(max(1, size // unit) * kernels.PEAK_WORDS, np.uint64)
        bandwidth[level.name] = values.nbytes * _rate(partial(kernels.peak_read, isa, values), seconds)
    adders = _rate(partial(kernels.peak_full_adders, isa, words), seconds)
    popcounts = _rate(partial(kernels.peak_popcounts, isa, words), seconds)
    multiply_adds = _rate(partial(kernels.peak_multiply_adds, isa, floats), seconds)
    return {
        "isa": isa,
        "word_operations": 5 * words.size * adders,
        "popcount_operations": 3 * words.size * popcounts,
        "float_operations": 2 * floats.size * multiply_adds,
        "bytes": bandwidth,
    }


def _rate(run: Callable[[int], object], seconds: float) -> float:
    """Rounds per second: the best of five, each of about ``seconds``."""
    rounds, spent = 1, 0.0
    while spent < seconds / 4:
        rounds *= 2
        start = time.perf_counter()
        run(rounds)
        spent = time.perf_counter() - start
    rounds = max(1, round(rounds * seconds / spent))
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        run(rounds)
        best = max(best, rounds / (time.perf_counter() - start))
    return best
