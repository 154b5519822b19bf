"""What each layer of a graph is: form, neurons per status, bits, margins. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ir
from .cost import count_node, neuron_bits

WHY = {
    "level_sets": "gray values compared with float32 levels, bits out",
    "pack_binary": "the input is {0, 1} and is packed as it is",
    "bisel": "thresholded popcounts",
    "truth_table": "functions of few bits by their tables",
    "threshold_conv2d": "thresholded popcounts",
    "max_pool": "an OR of bits",
    "flatten": "a matter of layout",
    "threshold_dense": "thresholded popcounts",
    "count_conv2d": "popcounts, integer sums out",
    "two_value_conv2d": "two popcounts per sum, float32 out",
    "pixel_conv2d": "bytes times small integers, integer sums out",
    "conv2d": "float convolution: float32 sums in a fixed order",
    "linear": "float dense layer: float32 sums in a fixed order",
    "affine": "one rounding per number",
    "add": "one rounding per number",
    "prelu": "one rounding per number",
    "clamp": "comparisons",
    "avg_pool": "float32 sums in a fixed order",
    "concat": "a matter of layout",
}

FLOAT = (ir.Linear, ir.Conv2d)
"""Nodes whose weights stay float."""


@dataclass(frozen=True)
class LayerReport:
    """One layer. ``statuses`` counts neurons by status name; ``min_margin`` and ``max_distance`` are None
    without neurons (and ``min_margin`` also if every neuron is approximated). ``packed`` means that its
    weights are bits or integers; ``macs`` are the multiplications per image of its float counterpart."""

    name: str
    op: str
    packed: bool
    why: str
    shape: tuple[int, ...] = ()
    statuses: dict[str, int] = field(default_factory=dict)
    bits: int = 0
    float_bytes: int = 0
    macs: int = 0
    min_margin: float | None = None
    max_distance: float | None = None

    @property
    def bytes(self) -> int:
        """Whole bytes that ``bits`` need."""
        return -(-self.bits // 8)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, ready for ``json.dump``."""
        return {**asdict(self), "bytes": self.bytes}


def count_statuses(statuses: Sequence[npt.NDArray[np.uint8]]) -> dict[str, int]:
    """Number of neurons per status, in the order of :class:`ir.Status`, zero counts left out."""
    counts = np.zeros(len(ir.Status), np.int64)
    for found in statuses:
        counts += np.bincount(found.reshape(-1), minlength=len(ir.Status))
    return {s.name.lower(): int(counts[s]) for s in ir.Status if counts[s]}


def banks_of(node: ir.AnyNode) -> list[ir.Neurons]:
    """The neuron arrays of a node: (bise, lui), (neurons,) or none."""
    if isinstance(node, ir.Bisel):
        return [node.bise, node.lui]
    return [node.neurons] if isinstance(node, (ir.ThresholdConv2d, ir.ThresholdDense)) else []


def statuses_of(node: ir.AnyNode) -> list[npt.NDArray[np.uint8]]:
    """What is known of a node's neurons: an array of :class:`ir.Status` for each of its banks."""
    return [node.statuses] if isinstance(node, ir.TruthTable) else [bank.status for bank in banks_of(node)]


def describe(node: ir.AnyNode, graph: ir.Graph) -> LayerReport:
    """The report of one node of ``graph``."""
    banks = banks_of(node)
    margins = np.concatenate([b.margin.reshape(-1) for b in banks]) if banks else np.zeros(0)
    margins = margins[~np.isnan(margins)]
    work = count_node(node, graph.type_of(node.input), graph.type_of(node.name))
    bits = sum(neuron_bits(b) for b in banks)
    floats = sum(b.plus.size + b.threshold.size for b in banks)
    if not banks:
        bits, floats = 8 * work.weight_bytes, max(work.float_weight_bytes, work.weight_bytes) // 4
    if isinstance(node, (ir.CountConv2d, ir.TwoValueConv2d, ir.PixelConv2d)):
        floats = work.float_weight_bytes // 4
    return LayerReport(
        name=node.name,
        op=node.op,
        packed=not isinstance(node, FLOAT),
        why=WHY[node.op],
        shape=graph.type_of(node.name).shape,
        statuses=count_statuses(statuses_of(node)),
        bits=int(bits),
        float_bytes=4 * int(floats),
        macs=work.float_macs,
        min_margin=float(margins.min()) if margins.size else None,
        max_distance=max((float(b.distance.max()) for b in banks), default=None),
    )


def describe_graph(graph: ir.Graph) -> tuple[LayerReport, ...]:
    """One report per node, in order."""
    return tuple(describe(node, graph) for node in graph.nodes)


def table(layers: Sequence[LayerReport]) -> str:
    """A text table of layers."""
    rows = [("layer", "op", "output", "form", "bits", "min margin", "max distance", "neurons")]
    for layer in layers:
        margin = "" if layer.min_margin is None else f"{layer.min_margin:.3g}"
        distance = "" if layer.max_distance is None else f"{layer.max_distance:.3g}"
        found = ", ".join(f"{count} {name}" for name, count in layer.statuses.items())
        shape, form = "x".join(map(str, layer.shape)), "packed" if layer.packed else "float"
        rows.append(
            (layer.name, layer.op, shape, form, str(layer.bits), margin, distance, found or layer.why)
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )
