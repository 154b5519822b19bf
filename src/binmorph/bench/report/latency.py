"""Latency bars: one panel per case, one bar per system, on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..ratios import percentile
from ..record import CaseRecord, RunRecord
from .numbers import measured, median, title, with_unit
from .style import Figure, colour, log_axis, new_figure, svg
from .tables import suites

PANELS = 24  # of one figure
NOTE = (
    "Time of a call from Python on a logarithmic axis, shorter is faster: the bar ends at the median,"
    " the line spans the 10th to the 90th percentile of the rounds."
)


def latency_figures(run: RunRecord) -> Iterator[Figure]:
    """One figure per suite, or several where it has many cases."""
    for suite in suites(run):
        cases = [case for case in run.cases if case.suite == suite and measured(case)]
        parts = [cases[i : i + PANELS] for i in range(0, len(cases), PANELS)]
        for number, part in enumerate(parts, 1):
            more = f" ({number} of {len(parts)})" if len(parts) > 1 else ""
            yield Figure(f"Latency, suite {suite}{more}", _panels(part), NOTE)


def _panels(cases: list[CaseRecord]) -> str:
    columns = min(2, len(cases))
    rows = [cases[i : i + columns] for i in range(0, len(cases), columns)]
    heights = [0.75 + 0.2 * max(len(measured(case)) for case in row) for row in rows]
    canvas, axes = new_figure(
        6.2 * columns, sum(heights), len(rows), columns, gridspec_kw={"height_ratios": heights}
    )
    canvas.get_layout_engine().set(h_pad=0.09)
    for axis in axes[len(cases) :]:
        axis.set_visible(False)
    for case, axis in zip(cases, axes, strict=False):
        _panel(case, axis)
    return svg(canvas)


def _panel(case: CaseRecord, axis: Any) -> None:
    systems = measured(case)
    times = [median(system.seconds) for system in systems]
    low = min(min(system.seconds) for system in systems) / 2.5
    high = max(percentile(system.seconds, 0.9) for system in systems)
    for y, (system, time) in enumerate(zip(systems, times, strict=True)):
        axis.barh(y, time - low, left=low, color=colour(system.name), height=0.7)
        ends = [percentile(system.seconds, 0.1), percentile(system.seconds, 0.9)]
        axis.plot(ends, [y, y], color="#1c2430", linewidth=1)
        axis.text(max(ends[1], time) * 1.06, y, with_unit(time, "s"), va="center", fontsize=8)
    log_axis(axis.xaxis, "s")
    axis.set_xlim(low, high * (high / low) ** 0.28)  # room for the numbers behind the bars
    axis.set_yticks(range(len(systems)), [system.name for system in systems])
    axis.invert_yaxis()
    axis.set_xlabel("time per call", fontsize=8)
    axis.set_title(title(case), loc="left", fontsize=9)
