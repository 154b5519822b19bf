"""A case as text for a terminal."""

from __future__ import annotations

import statistics

from .ratios import percentile, ratio
from .record import CaseRecord, SystemRecord


def case_table(case: CaseRecord) -> str:
    """Medians with their spread, and what ours is faster by."""
    threads = f"{case.threads} thread{'s' if case.threads > 1 else ''}"
    cache = "" if case.cache == "hot" else ", caches cold"
    lines = [f"{case.suite}: {case.name}, batch {case.batch}, {threads}{cache}"]
    measured = [system for system in case.systems if system.status == "measured"]
    ours = next((system for system in measured if system.name.startswith("binmorph")), None)
    width = max((len(system.name) for system in measured), default=0)
    for system in measured:
        kernel = "" if system.kernel_seconds is None else f"  kernel {_time(system.kernel_seconds)}"
        line = (
            f"  {system.name:<{width}}  {_time(system.seconds)}"
            f"  p10 {_unit(percentile(system.seconds, 0.1))}  p90 {_unit(percentile(system.seconds, 0.9))}"
        )
        lines.append(f"{line}  {_beside(ours, system)}{kernel}".rstrip())
    return "\n".join(lines)


def _beside(ours: SystemRecord | None, system: SystemRecord) -> str:
    if ours is None or system.name == ours.name:
        return ""
    return f"{ratio(system.seconds, ours.seconds)} of {ours.name}"


def _time(seconds: tuple[float, ...]) -> str:
    return _unit(statistics.median(seconds))


def _unit(seconds: float) -> str:
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 1000:
            return f"{seconds * factor:7.2f} {unit}"
    return f"{seconds:7.2f} s "
