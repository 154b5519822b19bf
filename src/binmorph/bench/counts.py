"""What a case's network counts, moves and spends by the tables, and where its time goes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy.typing as npt

from .. import ir
from ..cost import Cost, Counts
from ..runtime import PackedModel
from .record import StepRecord

CLOCK = 1e-9  # seconds that a step takes at least: the clock's tick


def counts_of(graph: ir.Graph, batch: int, threads: int = 1) -> dict[str, float]:
    """Numbers by name for a batch, as this machine's plan does the work.

    The fields of :class:`binmorph.cost.Counts` and its ACE, BOPs and FLOPs; "operations" in the reference
    form, which rooflines count; "moved.LEVEL", bytes per memory of this machine; and per energy table
    "energy.TABLE.WHAT", picojoules, where WHAT is packed_compute, packed_memory, float_compute, float_memory,
    or share.KIND (packed, with memory, by kind of step).
    """
    return flat(PackedModel(graph, threads=threads).cost(batch))


def flat(cost: Cost) -> dict[str, float]:
    """The numbers of ``cost`` by name; see :func:`counts_of`."""
    total = cost.total
    counts: dict[str, float] = {f.name: getattr(total, f.name) for f in fields(Counts)}
    counts |= {"bops": total.bops, "flops": total.flops, "papers_operations": total.operations}
    counts["operations"] = sum(step.operations for step in cost.steps)
    counts |= {f"moved.{level}": size for level, size in cost.moved.items()}
    for energy in cost.energy:
        start = f"energy.{energy.table}."
        counts[start + "packed_compute"] = energy.packed_compute_pj
        counts[start + "packed_memory"] = energy.packed_memory_pj
        counts[start + "float_compute"] = energy.float_compute_pj
        counts[start + "float_memory"] = energy.float_memory_pj
        counts |= {f"{start}share.{kind}": pj for kind, pj in energy.shares.amounts.items()}
    return counts


def step_records(
    graph: ir.Graph, x: npt.NDArray[Any], threads: int = 1, rounds: int = 15
) -> tuple[StepRecord, ...]:
    """Profile the network on the batch ``x``; see :meth:`binmorph.runtime.PackedModel.profile`."""
    model = PackedModel(graph, threads=threads)
    model.profile(x, rounds=2)  # warm
    times = model.profile(x, rounds)
    cost = model.cost(len(x))
    records = []
    for step in cost.steps:
        if (
            step.key and step.key in times
        ):  # a batch that is cut into blocks and single images has steps of both layouts
            counts = {"operations": step.operations, **{f"moved.{k}": v for k, v in step.moved.items()}}
            kernels = tuple(step.key.partition(": ")[2].split(", "))
            records.append(StepRecord(step.name, step.kind, kernels, counts, _seconds(times[step.key])))
    counted = {step.key for step in cost.steps} | {"", "output"}
    for key in sorted(set(times) - counted):
        name, _, kernels_ = key.partition(": ")
        records.append(StepRecord(name, "layout", tuple(kernels_.split(", ")), {}, _seconds(times[key])))
    records.append(StepRecord("output", "layout", (), {}, _seconds(times["output"])))
    return tuple(records)


def _seconds(milliseconds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(max(CLOCK, ms / 1e3) for ms in milliseconds)
