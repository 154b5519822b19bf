"""A whole network: what it counts, moves and, by the tables, spends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .. import ir
from ..errors import ShapeError
from .counts import Counts
from .energy import Energy, compute_pj, float_compute_pj, memory_pj
from .kinds import step_kind
from .memory import Level, Transfer, add_levels, bytes_per_level, machine_levels
from .methods import as_run
from .nodes import count_node, value_bytes
from .shares import Shares
from .tables import Table, load_tables, tables

if TYPE_CHECKING:  # the runtime imports this module
    from ..runtime.plan import LayoutPlan


@dataclass(frozen=True)
class StepCost:
    """One step of the plan (without a plan: one node) for a batch.

    Its name and the key of its time in a profile, the nodes that run in it, their kind, what it counts, and
    its bytes per memory of this machine. ``operations`` is what a roofline counts, whatever the kernel does:
    in the reference form, operations on words and population counts, and float and 8-bit operations.
    """

    name: str
    key: str
    nodes: tuple[str, ...]
    kind: str
    counts: Counts
    moved: dict[str, int]
    operations: int


@dataclass(frozen=True)
class Cost:
    """Counts per node and in total, the same by steps, and an :class:`Energy` per table.

    ``moved`` are bytes per memory of this machine. With a plan, word operations and look-ups are those of its
    kernels, and values inside a fused step do not move; without one, the reference form.
    """

    nodes: dict[str, Counts]
    total: Counts
    steps: tuple[StepCost, ...]
    moved: dict[str, int]
    energy: tuple[Energy, ...]
    form: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, ready for ``json.dump``."""
        return {
            "form": self.form,
            "nodes": {name: counts.to_json() for name, counts in self.nodes.items()},
            "total": self.total.to_json(),
            "moved": self.moved,
            "steps": [{**asdict(step), "counts": step.counts.to_json()} for step in self.steps],
            "energy_proxy": [energy.to_json() for energy in self.energy],
            "assumptions": load_tables()["assumptions"],
        }


@dataclass(frozen=True)
class _Step:
    """Nodes that run together, for one image, and what they move."""

    name: str
    key: str
    nodes: tuple[str, ...]
    work: Counts
    transfer: Transfer


def _operations(work: Counts) -> int:
    return work.word_ops + work.popcounts + work.float_adds + work.float_muls + 2 * work.int_macs


def _transfer(graph: ir.Graph, nodes: Sequence[str], work: Counts) -> Transfer:
    """Values between the nodes stay inside; those that others read, or the caller, do not."""
    inside = [node for node in graph.nodes if node.name in nodes]
    if all(isinstance(node, ir.Flatten) for node in inside):
        return Transfer(0, 0)  # a matter of layout, as in the counts of the node
    others = {value for node in graph.nodes if node.name not in nodes for value in node.inputs}
    writes = set(nodes) & (others | {graph.output})
    reads = {value for node in inside for value in node.inputs} - set(nodes)
    return Transfer(work.weight_bytes, sum(value_bytes(graph.type_of(name)) for name in reads | writes))


def _steps(graph: ir.Graph, nodes: dict[str, Counts], plan: LayoutPlan | None) -> list[_Step]:
    members: list[tuple[str, str, tuple[str, ...]]]
    if plan is None:
        members = [(node.name, node.name, (node.name,)) for node in graph.nodes]
    else:
        members = [(step.node, step.key, step.nodes) for step in plan.steps]
    made = []
    for name, key, names in members:
        work = sum((nodes[member] for member in names), Counts())
        if names:
            transfer = _transfer(graph, names, work)
        else:  # a repack or a load reads a value and writes it again
            transfer = Transfer(0, 2 * value_bytes(graph.type_of(name)))
        made.append(_Step(name, key, names, work, transfer))
    return made


def _energy(
    table: Table, graph: ir.Graph, steps: Sequence[_Step], nodes: Sequence[Counts], images: int, units: int
) -> Energy:
    parts = bytes_per_level([step.transfer for step in steps], table.levels, images, units)
    floats = [Transfer(work.float_weight_bytes, work.float_value_bytes) for work in nodes]
    moved = add_levels(parts, table.levels)
    float_moved = add_levels(bytes_per_level(floats, table.levels, images, 1), table.levels)
    kinds: dict[str, float] = {}
    for step, part in zip(steps, parts, strict=True):
        kind = step_kind(graph, step.nodes)
        spent = compute_pj(step.work, table.pj) * images + memory_pj(part, table)
        kinds[kind] = kinds.get(kind, 0.0) + spent
    total = sum(nodes, Counts()).times(images)
    return Energy(
        table=table.name,
        title=table.title,
        packed_compute_pj=compute_pj(total, table.pj),
        packed_memory_pj=memory_pj(moved, table),
        packed_bytes=moved,
        float_compute_pj=float_compute_pj(total, table.pj),
        float_memory_pj=memory_pj(float_moved, table),
        float_bytes=float_moved,
        shares=Shares(kinds),
    )


def cost(
    graph: ir.Graph,
    batch: int = 1,
    plan: LayoutPlan | None = None,
    levels: Sequence[Level] | None = None,
) -> Cost:
    """Count the work of ``graph`` for ``batch`` images and price it with every table.

    Weights move once per unit of images (without a ``plan``, per batch), everything else once per image.
    ``levels`` are the memories for ``moved``; default: those of this machine. Raises ShapeError if ``batch``
    is not positive.
    """
    if batch < 1:
        raise ShapeError(f"batch must be at least 1, got {batch}")
    levels = machine_levels() if levels is None else levels
    units = 1 if plan is None else -(-batch // plan.images_per_unit)
    kernels = {name: s.kernels for s in plan.steps for name in s.nodes} if plan is not None else {}
    reference = {
        node.name: count_node(node, graph.type_of(node.input), graph.type_of(node.name))
        for node in graph.nodes
    }
    works = {name: as_run(work, kernels.get(name, ())) for name, work in reference.items()}
    steps = _steps(graph, works, plan)
    moved = bytes_per_level([step.transfer for step in steps], levels, batch, units)
    nodes = {name: work.times(batch) for name, work in works.items()}
    one = list(works.values())
    return Cost(
        nodes=nodes,
        total=sum(nodes.values(), Counts()),
        steps=tuple(
            StepCost(
                name=s.name,
                key=s.key,
                nodes=s.nodes,
                kind=step_kind(graph, s.nodes),
                counts=s.work.times(batch),
                moved=part,
                operations=batch * sum(_operations(reference[name]) for name in s.nodes),
            )
            for s, part in zip(steps, moved, strict=True)
        ),
        moved=add_levels(moved, levels),
        energy=tuple(_energy(table, graph, steps, one, batch, units) for table in tables()),
        form="reference" if plan is None else f"kernels, {plan.layout}",
    )
