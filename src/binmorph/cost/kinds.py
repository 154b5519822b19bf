"""What a node or a step works on: the classes that the view after Amdahl tells apart."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ir

KINDS = ("binary", "binary with float epilogue", "integer", "float", "layout")
BINARY, EPILOGUE, INTEGER, FLOAT, LAYOUT = KINDS
_ON_BITS = (ir.Bisel, ir.TruthTable, ir.ThresholdConv2d, ir.ThresholdDense, ir.CountConv2d, ir.TwoValueConv2d)
_AS_THEY_COME = (ir.MaxPool, ir.Concat)


def node_kind(graph: ir.Graph, node: ir.AnyNode) -> str:
    """One of :data:`KINDS`: by the arithmetic of its definition. A last layer that adds float weights where
    bits are set is float."""
    if isinstance(node, (ir.Flatten, ir.PackBinary)):
        return LAYOUT
    if isinstance(node, ir.PixelConv2d):
        return INTEGER
    bits = graph.type_of(node.input).kind == "bits"
    return BINARY if isinstance(node, _ON_BITS) or (bits and isinstance(node, _AS_THEY_COME)) else FLOAT


def step_kind(graph: ir.Graph, nodes: Sequence[str]) -> str:
    """The kind of nodes that run in one step, by the first of them; of none (repacking, loading): layout."""
    if not nodes:
        return LAYOUT
    by_name = {node.name: node for node in graph.nodes}
    kinds = [node_kind(graph, by_name[name]) for name in nodes]
    return EPILOGUE if kinds[0] == BINARY and FLOAT in kinds else kinds[0]
