"""Interleaved timing: in every round each system runs in turn, so that a drift of the machine hits all."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from .case import Case


@dataclass(frozen=True)
class Timing:
    """Seconds per call, one entry per round, in the order of the rounds."""

    seconds: tuple[float, ...]
    calls_per_round: int

    @property
    def median_ms(self) -> float:
        return 1e3 * statistics.median(self.seconds)

    @property
    def min_ms(self) -> float:
        return 1e3 * min(self.seconds)

    def ratio_to(self, other: Timing) -> tuple[float, float, float]:
        """(10th percentile, median, 90th percentile) of the per-round ratios self / other."""
        ratios = sorted(a / b for a, b in zip(self.seconds, other.seconds, strict=True))
        last = len(ratios) - 1
        return ratios[round(0.1 * last)], statistics.median(ratios), ratios[round(0.9 * last)]


def _seconds(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def measure(case: Case, rounds: int = 40, round_seconds: float = 0.01) -> dict[str, Timing]:
    """Times every system of ``case``: after a warm-up, ``rounds`` rounds of about ``round_seconds`` each."""
    repeats = {}
    for system in case.systems:
        _seconds(system.call, 3)
        repeats[system.name] = max(1, round(round_seconds / max(_seconds(system.call, 3), 1e-7)))
        _seconds(system.call, repeats[system.name])
    seconds: dict[str, list[float]] = {system.name: [] for system in case.systems}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for system in case.systems:
                seconds[system.name].append(_seconds(system.call, repeats[system.name]))
    finally:
        gc.enable()
    return {name: Timing(tuple(s), repeats[name]) for name, s in seconds.items()}
