"""Traced graph to :class:`binmorph.ir.Graph`; every problem is collected before any is raised."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import torch
from torch import fx

from .. import ir
from ..errors import BinmorphError
from . import match
from .handlers import HANDLERS
from .match import Site
from .resolve import settle
from .scores import binary_scores
from .state import Blameless, Lowering, Misfit, Problem, Reference, Stop, Value
from .trace import DTYPES, Traced


@dataclass
class Lowered:
    """The result: ``graph`` is None if there are problems; ``traced_nodes`` maps IR names to traced node
    names. ``references`` names, where a traced value is not the packed one itself, the traced node to look at
    and the function from its value to the stored bits. ``notes`` are for the report."""

    graph: ir.Graph | None
    problems: list[Problem]
    sites: dict[str, Site]
    traced_nodes: dict[str, str]
    removed: list[Site]
    references: dict[str, Reference]
    notes: list[str]


def _visit(low: Lowering, node: fx.Node) -> None:
    handler = HANDLERS.get(match.base_name(node))
    try:
        if handler is None:
            if node.target is operator.getitem:
                low.values[node] = low.values[node.all_input_nodes[0]]
                return  # one result of an operator that was reported already
            for source in node.all_input_nodes:
                if source in low.values:
                    low.consumed.add(low.values[source].name)
            raise Stop("cannot be packed")
        handler(low, node)
    except Blameless:
        low.values[node] = Value(f"?{node.name}", "unresolved")
    except (Stop, BinmorphError) as stop:
        low.problems.append(Problem(match.site(node), str(stop), node.name))
        # Later layers are still visited, and not blamed for an input that is unknown by now.
        kind = "unresolved" if isinstance(stop, Misfit) else "unknown"
        low.values[node] = Value(f"?{node.name}", kind)


def _output(low: Lowering, node: fx.Node) -> str | None:
    results = node.args[0]
    assert isinstance(results, (tuple, list))
    last = results[0] if len(results) == 1 and isinstance(results[0], fx.Node) else None
    value = None if last is None else low.values.get(last)
    if last is not None and value is not None and value.kind in ("pending", "bits", "signs"):
        try:
            value = (binary_scores(low, last) if value.kind == "pending" else None) or _packed(low, last)
        except (Stop, Blameless) as stop:
            if isinstance(stop, Stop):
                low.problems.append(Problem(match.site(last), str(stop), last.name))
            return None
    if value is None or value.kind == "image":
        reason = "the network must return one tensor, the output of a layer"
        low.problems.append(Problem(Site("", type(low.traced.module).__name__, "output", ""), reason))
        return None
    return value.name


def _packed(low: Lowering, node: fx.Node) -> Value:
    """The network's last value as bits, each stored as it is."""
    value = low.read(node, "the output")
    if value.pad is not None:
        raise Stop("padding is packed only in front of a convolution")
    return settle(low, node, value)


def lower(traced: Traced, producer: str = "") -> Lowered:
    """Lower a traced network. Problems are returned, not raised; shape errors of the result raise
    ShapeError."""
    example = traced.example
    spec = ir.InputSpec(DTYPES[example.dtype], tuple(int(s) for s in example.shape[1:]))
    low = Lowering(traced, dict(traced.module.named_modules()), spec)
    constants = match.tensor_constants(traced.program)
    output: str | None = None
    for node in traced.program.graph.nodes:
        if node.op == "placeholder":
            if node.name in constants:
                low.constants[node] = constants[node.name]
            else:
                low.values[node] = Value(spec.name, "image")
        elif node.op == "output":
            output = _output(low, node)
        elif match.base_name(node) not in match.GUARDS and not match.fold(node, low.constants):
            if not isinstance(node.meta.get("val"), (torch.Tensor, tuple, list)):
                continue  # arithmetic on the symbolic batch size
            _visit(low, node)
    for made in low.nodes:
        if isinstance(made, ir.Linear) and made.name in low.consumed:
            low.problems.append(
                Problem(
                    low.sites[made.name], "it is float, and not the last layer", low.traced_nodes[made.name]
                )
            )
    position = {node.name: i for i, node in enumerate(traced.program.graph.nodes)}
    low.problems.sort(key=lambda problem: position.get(problem.node, len(position)))
    graph = None
    if not low.problems and output is not None:
        graph = ir.Graph(spec, tuple(low.nodes), output, producer)
    return Lowered(graph, low.problems, low.sites, low.traced_nodes, low.removed, low.references, low.notes)
