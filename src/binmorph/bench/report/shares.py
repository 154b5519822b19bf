"""Where time and energy go: by step of one network, and by kind of step over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from ...cost import load_tables
from ...cost.kinds import KINDS
from ...cost.shares import Shares
from ..record import CaseRecord, RunRecord
from .numbers import median, percent, title, with_unit
from .style import KIND_COLOURS, Figure, new_figure, svg
from .tables import energy_shares, time_shares

SHORT = {"horowitz2014_45nm": "energy, 45 nm", "jouppi2021_7nm": "energy, 7 nm"}


def _profiled(run: RunRecord) -> list[CaseRecord]:
    return [case for case in run.cases if case.steps and case.cache == "hot" and case.threads == 1]


def share_figure(run: RunRecord) -> Iterator[Figure]:
    """Stacked bars: time, and energy under each table, by kind of step."""
    bars: list[tuple[str, Shares]] = []
    for case in _profiled(run):
        bars.append((f"{title(case)}: time", time_shares(case)))
        for table in load_tables()["tables"]:
            shares = energy_shares(case, table)
            if shares.total:
                bars.append((SHORT.get(table, table), shares))
    if not bars:
        return
    canvas, (axis,) = new_figure(12.4, 1.2 + 0.26 * len(bars))
    for y, (_, shares) in enumerate(bars):
        left = 0.0
        for kind in KINDS:
            width = 100 * shares.of(kind)
            axis.barh(
                y, width, left=left, color=KIND_COLOURS[kind], height=0.72, label=kind if y == 0 else None
            )
            if width >= 6:
                dark = kind in ("binary", "integer")
                axis.text(left + width / 2, y, f"{width:.0f} %", ha="center", va="center", fontsize=7.5,
                          color="white" if dark else "#1c2430")  # fmt: skip
            left += width
    axis.set_yticks(range(len(bars)), [name for name, _ in bars])
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("share (%)")
    canvas.legend(loc="outside upper right", ncols=len(KINDS), frameon=False, fontsize=8)
    note = (
        "After Amdahl: what is orange or green is still float or 8-bit; light blue are binary sums "
        "with a float epilogue in the same step. Time is that of the profile, energy is a proxy with "
        "memory."
    )
    yield Figure("What is still float", svg(canvas), note)


def step_figures(run: RunRecord) -> Iterator[Figure]:
    """Bars per step of each profiled network at its smallest batch."""
    seen = set()
    for case in _profiled(run):
        if case.name in seen:
            continue
        seen.add(case.name)
        total = sum(median(step.seconds) for step in case.steps)
        canvas, (axis,) = new_figure(12.4, 1.0 + 0.21 * len(case.steps))
        longest = max(median(step.seconds) for step in case.steps)
        for y, step in enumerate(case.steps):
            time = median(step.seconds)
            axis.barh(y, 1e6 * time, color=KIND_COLOURS.get(step.kind, "#b9bfc9"), height=0.72)
            kernels = ", ".join(kernel.replace("__", " ") for kernel in step.kernels[:2])
            text = f"{with_unit(time, 's')}, {percent(time / total)}   {kernels}"
            axis.text(1e6 * (time + 0.008 * longest), y, text, va="center", fontsize=7.5)
        axis.set_yticks(range(len(case.steps)), [step.name for step in case.steps])
        axis.invert_yaxis()
        axis.set_xlim(0, 1e6 * longest * 1.9)
        axis.set_xlabel("time per call (µs)")
        note = (
            "Medians of a profile that reads a clock around every step; colours as in the figure of shares."
        )
        yield Figure(f"Time per step, {title(case)}: {with_unit(total, 's')}", svg(canvas), note)
