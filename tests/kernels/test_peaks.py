"""The loops of the rooflines do the work that they are timed for."""

from __future__ import annotations

import time

import numpy as np
import pytest

from binmorph import _core
from binmorph.errors import ShapeError

ISAS = [name for name, supported in _core.isas().items() if supported]
RNG = np.random.default_rng(0)
WORDS = RNG.integers(0, 2**64, _core.kernels.PEAK_WORDS, dtype=np.uint64)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rounds", [0, 1, 7])
def test_results(isa: str, rounds: int) -> None:
    counts = WORDS.copy()
    for _ in range(rounds):
        counts += np.array([int(word).bit_count() for word in WORDS & counts], np.uint64)
    assert _core.kernels.peak_popcounts(isa, WORDS, rounds) == np.bitwise_xor.reduce(counts)

    floats = RNG.random(_core.kernels.PEAK_FLOATS, dtype=np.float32)
    sums = floats.copy()
    for _ in range(rounds):
        sums = sums * np.float32(0.5) + np.float32(0.5)
    assert _core.kernels.peak_multiply_adds(isa, floats, rounds) == np.cumsum(sums)[-1]

    many = np.concatenate([WORDS, WORDS[::-1] >> np.uint64(3)])
    expected = np.bitwise_xor.reduce(many) if rounds % 2 else 0
    assert _core.kernels.peak_read(isa, many, rounds) == expected


@pytest.mark.parametrize("isa", ISAS)
def test_full_adders(isa: str) -> None:
    """The first words go into all chains, so that only equal words give the same on every vector."""
    words = np.full_like(WORDS, WORDS[0])
    total, carry = words.copy(), words.copy()
    for _ in range(5):
        half = total ^ carry
        total, carry = half ^ words, (total & carry) | (half & words)
    expected = np.bitwise_xor.reduce(total) ^ np.bitwise_xor.reduce(carry)
    assert _core.kernels.peak_full_adders(isa, words, 5) == expected


@pytest.mark.parametrize("isa", ISAS)
def test_rounds_are_done(isa: str) -> None:
    """A compiler that sees through a loop leaves nothing to time, and no rate."""
    start = time.perf_counter()
    _core.kernels.peak_full_adders(isa, WORDS, 200_000)
    assert 200_000 * WORDS.size / (time.perf_counter() - start) < 1e11, (
        "more words a second than any core adds"
    )


def test_bad_sizes() -> None:
    with pytest.raises(ShapeError, match="words"):
        _core.kernels.peak_read("generic", WORDS[:-1], 1)
    with pytest.raises(ShapeError, match="floats"):
        _core.kernels.peak_multiply_adds("generic", np.zeros(3, np.float32), 1)
