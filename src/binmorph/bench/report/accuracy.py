"""Accuracy against energy and size, for networks whose accuracy is known."""

from __future__ import annotations

from collections.abc import Iterator

from ...cost import load_tables
from ..record import CaseRecord, RunRecord
from .numbers import with_unit
from .style import OURS, Figure, log_axis, new_figure, svg


def accuracy_figure(run: RunRecord) -> Iterator[Figure]:
    """Networks at batch 1 whose case says ``accuracy`` (a share) and ``file_bytes``."""
    known: dict[str, CaseRecord] = {}
    for case in run.cases:
        if case.batch == 1 and case.counts and isinstance(case.work.get("accuracy"), float):
            known.setdefault(case.name, case)
    if not known:
        return
    tables = load_tables()["tables"]
    canvas, axes = new_figure(12.4, 4.2, 1, 1 + len(tables))
    panels = [
        ("size of the file", "B", {name: float(case.work["file_bytes"]) for name, case in known.items()})
    ]
    for table, entry in tables.items():
        energy = {name: _joules(case, table) for name, case in known.items()}
        panels.append((f"energy per image, {entry['title']}", "J", energy))
    for axis, (label, unit, values) in zip(axes, panels, strict=True):
        for number, (name, value) in enumerate(values.items(), 1):
            axis.plot(value, 100 * known[name].work["accuracy"], "o", color=OURS)
            axis.annotate(str(number), (value, 100 * known[name].work["accuracy"]), xytext=(5, 4),
                          textcoords="offset points", fontsize=8)  # fmt: skip
        log_axis(axis.xaxis, unit)
        axis.set_xlim(min(values.values()) / 4, max(values.values()) * 4)
        axis.set_xlabel(label)
        axis.set_ylabel("accuracy (%)")
        axis.set_ylim(max(0.0, min(100 * case.work["accuracy"] for case in known.values()) - 5), 101)
        axis.grid(True, color="#e6e9ee", linewidth=0.6)
    names = "; ".join(f"{i} {_describe(name, case)}" for i, (name, case) in enumerate(known.items(), 1))
    note = f"{names}. Energies are proxies, with memory; both axes of size and energy are logarithmic."
    yield Figure("Accuracy against size and energy", svg(canvas), note)


def _joules(case: CaseRecord, table: str) -> float:
    counts = case.counts or {}
    return 1e-12 * sum(counts[f"energy.{table}.packed_{part}"] for part in ("compute", "memory"))


def _describe(name: str, case: CaseRecord) -> str:
    source = case.work.get("accuracy_source", "as its case says")
    return (
        f"{name}: {100 * case.work['accuracy']:.2f} % ({source}), {with_unit(case.work['file_bytes'], 'B')}"
    )
