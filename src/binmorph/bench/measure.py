"""Interleaved timing: in every round each system runs in turn, so that a drift of the machine hits all.

Hot: the same data again and again, as many calls per round as fill ``round_seconds``; before them one call
that is not counted, since threads of the system before may still spin. Cold: one call per round, and before
it a buffer much larger than the last cache is written. The garbage collector is off while the clock runs.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .contest import System

CASE_SECONDS, FEWEST_ROUNDS = 4.0, 8
L3 = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")


@dataclass
class Timing:
    """Seconds per call, one entry per round in the order of the rounds; ``kernel``: without Python."""

    calls_per_round: int
    seconds: list[float] = field(default_factory=list)
    kernel: list[float] | None = None


def measure(
    systems: list[System], rounds: int, round_seconds: float = 0.005, cold: bool = False
) -> tuple[dict[str, Timing], bool]:
    """Times by name, and whether all rounds ran: Ctrl-C ends with the rounds that were finished.

    Hot cases that would take longer than ``CASE_SECONDS`` get fewer rounds, at least ``FEWEST_ROUNDS``.
    """
    timings, spent = {}, 0.0
    for system in systems:
        timings[system.name], seconds = _warmed_up(system, round_seconds, cold)
        spent += seconds
    if not cold:
        rounds = min(rounds, max(FEWEST_ROUNDS, int(CASE_SECONDS / max(spent, 1e-9))))
    evict = _evictor() if cold else None
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            row = [_round(system, timings[system.name], evict) for system in systems]
            for system, (seconds, kernel) in zip(systems, row, strict=True):
                timing = timings[system.name]
                timing.seconds.append(seconds)
                if timing.kernel is not None and kernel is not None:
                    timing.kernel.append(kernel)
    except KeyboardInterrupt:
        return timings, False
    finally:
        gc.enable()
    return timings, True


def _warmed_up(system: System, round_seconds: float, cold: bool) -> tuple[Timing, float]:
    """Runs the system until its time settles; how often it fits into a round, and what a round takes."""
    once = _seconds(system, 1, cold)
    if cold:
        return Timing(1), once
    for _ in range(2 if once < 0.1 else 0):
        once = min(once, _seconds(system, 1))
    calls = max(1, round(round_seconds / max(once, 1e-7)))
    if calls > 1:
        _seconds(system, calls)
    passes = (1 if system.kernel is None else 2) * calls + (calls > 1)
    return Timing(calls, kernel=None if system.kernel is None else []), passes * once


def _round(system: System, timing: Timing, evict: Callable[[], object] | None) -> tuple[float, float | None]:
    calls = timing.calls_per_round
    if evict is not None:
        evict()
        return _seconds(system, 1, True), None
    if calls > 1:
        system.call()
    seconds = _seconds(system, calls)
    if system.kernel is None or timing.kernel is None:
        return seconds, None
    start = time.perf_counter()
    system.kernel(calls)
    return seconds, (time.perf_counter() - start) / calls


def _seconds(system: System, calls: int, cold: bool = False) -> float:
    """Mean seconds per call, by the clock of the process where they run."""
    return seconds_of(system.call, calls) if system.clock is None else system.clock(calls, cold) / calls


def seconds_of(call: Callable[[], object], calls: int) -> float:
    """Mean seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def last_cache_bytes() -> int:
    """Of the largest cache, as the system states it; 32 MiB where it does not."""
    try:
        text = L3.read_text("utf-8").strip()
        return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}[text[-1]]
    except (OSError, ValueError, KeyError, IndexError):
        return 32 << 20


def evicted_bytes() -> int:
    """How much is written before a cold call."""
    return 2 * last_cache_bytes()


def _evictor() -> Callable[[], object]:
    buffer = np.zeros(evicted_bytes(), np.uint8)
    return lambda: np.add(buffer, 1, out=buffer)
