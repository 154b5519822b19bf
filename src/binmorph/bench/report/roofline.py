"""Rooflines: what layers reach beside what this machine can do at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..record import CaseRecord, RunRecord
from .labels import apart
from .numbers import median, ours, title, with_unit
from .style import KIND_COLOURS, OTHER, Figure, new_figure, svg

ROOFS = (
    ("word_operations", "word operations (full adders)", "#1f4e96"),
    ("popcount_operations", "AND + popcount + add", "#3a8a4f"),
    ("float_operations", "float32 multiply-add", "#d9731a"),
)
NOTE = (
    "Operations per second over operations per byte, both logarithmic, on one core. Operations: ANDs, "
    "population counts and additions of 64-bit words in the reference form, and float operations. Bytes: "
    "weights and values once, wherever they lie. Lines are this machine's measured peaks. Kernels that need "
    "fewer operations than the reference form (tables of sums, rows that are zero) may pass them."
)


@dataclass(frozen=True)
class Point:
    """A layer: operations, bytes and seconds of one call."""

    name: str
    kind: str
    operations: float
    bytes: float
    seconds: float


def roofline_figures(run: RunRecord) -> Iterator[Figure]:
    """One for the layers of each suite (single layers at batch 1), one per profiled network at batch 1."""
    peaks = run.machine.get("peaks")
    if not peaks:
        return
    cases = [case for case in run.cases if case.threads == 1 and case.cache == "hot" and case.counts]
    for suite in dict.fromkeys(case.suite for case in cases):
        made = [_case_point(case) for case in cases if case.suite == suite and not case.steps]
        found = [point for point in made if point is not None]
        if found:
            yield Figure(f"Roofline, suite {suite}", _plot(peaks, found), NOTE)
    for case in cases:
        points = [
            Point(step.name, step.kind, step.counts["operations"], _moved(step.counts), median(step.seconds))
            for step in case.steps
            if step.counts.get("operations") and _moved(step.counts)
        ]
        if points and case.batch == 1:
            yield Figure(f"Roofline, {title(case)}", _plot(peaks, points), NOTE)


def _moved(counts: dict[str, float]) -> float:
    return sum(value for name, value in counts.items() if name.startswith("moved."))


def _case_point(case: CaseRecord) -> Point | None:
    system, counts = ours(case), case.counts or {}
    if system is None or not counts.get("operations") or not _moved(counts):
        return None
    floats = counts["float_adds"] + counts["float_muls"] > counts["operations"] / 2
    seconds = median(system.kernel_seconds or system.seconds)
    kind = "float" if floats else "binary"
    return Point(f"{case.name}, b{case.batch}", kind, counts["operations"], _moved(counts), seconds)


def _plot(peaks: dict[str, Any], points: Sequence[Point]) -> str:
    canvas, (axis, key) = new_figure(
        12.4, max(5.0, 0.19 * len(points) + 0.8), 1, 2, gridspec_kw={"width_ratios": [1.55, 1]}
    )
    intensity = [point.operations / point.bytes for point in points]
    least, most = min(*intensity, 0.5) / 2, max(*intensity, 64.0) * 4
    top = max(peaks[name] for name, _, _ in ROOFS)
    for i, (level, rate) in enumerate(peaks["bytes"].items()):
        end = min(most, top / rate)
        if end > least:
            axis.plot([least, end], [least * rate, end * rate], color="#6b7480", linewidth=1)
            x = least * (end / least) ** (0.05 + 0.13 * i)  # one after the other: lines may lie close
            axis.text(x, x * rate, level, fontsize=7.5, color="#4a5565", ha="center", va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
    fastest = max(peaks["bytes"].values())
    for name, _, shade in ROOFS:
        start = peaks[name] / fastest
        axis.plot([start, most], [peaks[name]] * 2, color=shade, linewidth=1.4)
    places = [(x, point.operations / point.seconds) for x, point in zip(intensity, points, strict=True)]
    for place, point in zip(places, points, strict=True):
        axis.plot(*place, "o", markersize=5, color=KIND_COLOURS.get(point.kind, OTHER))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(least, most)
    axis.set_xlabel("operations per byte moved")
    axis.set_ylabel("operations per second")
    axis.grid(True, which="major", color="#e6e9ee", linewidth=0.6)
    _key(key, peaks, points)
    _number(canvas, axis, places)
    return svg(canvas)


def _number(canvas: Any, axis: Any, places: Sequence[tuple[float, float]]) -> None:
    canvas.draw_without_rendering()  # the layout decides where points lie
    scale = 72 / canvas.dpi
    points = scale * axis.transData.transform(places)
    boxes = [text.get_window_extent() for text in axis.texts]
    texts = [
        (scale * (b.x0 + b.x1) / 2, scale * (b.y0 + b.y1) / 2, scale * b.width / 2, scale * b.height / 2)
        for b in boxes
    ]
    numbers = [str(i) for i in range(1, len(places) + 1)]
    sizes = [(5.0 * len(number) + 1, 8.0) for number in numbers]
    for number, place, offset in zip(numbers, places, apart(points.tolist(), sizes, texts), strict=True):
        line = {"arrowstyle": "-", "color": "#9aa3af", "linewidth": 0.6, "shrinkA": 3, "shrinkB": 3}
        axis.annotate(number, place, xytext=offset, textcoords="offset points", fontsize=7.5, ha="center",
                      va="center", arrowprops=line if max(map(abs, offset)) > 12 else None)  # fmt: skip


def _key(axis: Any, peaks: dict[str, Any], points: Sequence[Point]) -> None:
    """Numbers beside the plot instead of names in it, where they would overlap."""
    axis.axis("off")
    lines = [(f"{text}: {with_unit(peaks[name], 'op/s')}", shade) for name, text, shade in ROOFS]
    lines.append(
        (", ".join(f"{level} {with_unit(r, 'B/s')}" for level, r in peaks["bytes"].items()), "#4a5565")
    )
    for i, point in enumerate(points, 1):
        rate = with_unit(point.operations / point.seconds, "op/s")
        lines.append((f"{i}  {point.name}: {rate}", KIND_COLOURS.get(point.kind, OTHER)))
    for i, (text, shade) in enumerate(lines):
        axis.text(0, 1 - (i + 0.5) / max(len(lines), 24), text, fontsize=8, color=shade, va="center",
                  transform=axis.transAxes)  # fmt: skip
