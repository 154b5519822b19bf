"""Numbers as a reader wants them: with a unit, and no more digits than they have."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ..record import CaseRecord, SystemRecord

PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
SMALL = ((1e-9, "n"), (1e-12, "p"))


def with_unit(value: float, unit: str) -> str:
    """Three digits and a prefix: "12.3 µs"."""
    if value == 0:
        return f"0 {unit}"
    for size, prefix in (*PREFIXES, *SMALL):
        if value >= 0.9995 * size or (size, prefix) == SMALL[-1]:
            return f"{three_digits(value / size)} {prefix}{unit}"
    raise AssertionError("the last prefix takes everything")


def three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def median(values: Sequence[float]) -> float:
    """The median of seconds."""
    return statistics.median(values)


def title(case: CaseRecord) -> str:
    """What names a case within its suite."""
    threads = "thread" if case.threads == 1 else "threads"
    cold = ", cold caches" if case.cache == "cold" else ""
    return f"{case.name}, batch {case.batch}, {case.threads} {threads}{cold}"


def ours(case: CaseRecord) -> SystemRecord | None:
    """Our best plan's system, if it was measured."""
    return next((s for s in case.systems if s.name == "binmorph" and s.seconds), None)


def measured(case: CaseRecord) -> list[SystemRecord]:
    """Systems with times, ours first, then from fast to slow."""
    systems = [system for system in case.systems if system.seconds]
    return sorted(systems, key=lambda s: (s.name != "binmorph", median(s.seconds)))
