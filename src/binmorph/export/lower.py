"""Traced graph to :class:`binmorph.ir.Graph`; every problem is collected before any is raised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from .. import ir
from ..errors import BinmorphError
from . import match
from .channels import PICK, pick
from .handlers import HANDLERS
from .match import Site
from .resolve import settle
from .scores import ends_in_sums
from .state import Blameless, Lowering, Problem, Stop
from .streams import floats
from .trace import DTYPES, Traced
from .values import Reading, Reference, Rounded, Value


@dataclass
class Lowered:
    """The result: ``graph`` is None if there are problems; ``traced_nodes`` maps IR names to traced node
    names. ``references`` names, where a traced value is not the packed one itself, the traced node to look at
    and the function from its value to the stored bits. ``rounded`` are the traced nodes whose results depend
    on an order of summation. ``readings`` says what each layer of sums reads, ``constants`` what was folded.
    ``notes`` and ``closed_forms`` are for the report."""

    graph: ir.Graph | None
    problems: list[Problem]
    sites: dict[str, Site]
    traced_nodes: dict[str, str]
    removed: list[Site]
    references: dict[str, Reference]
    notes: list[str]
    rounded: dict[str, Rounded]
    readings: dict[str, Reading]
    constants: dict[fx.Node, Any]
    closed_forms: Counter[str]


def _visit(low: Lowering, node: fx.Node) -> None:
    handler = pick if node.target is PICK else HANDLERS.get(match.base_name(node))
    try:
        if handler is None:
            for source in node.all_input_nodes:
                if source not in low.constants:
                    low.known(source)
            raise Stop("cannot be packed")
        handler(low, node)
    except Blameless:
        low.values[node] = Value(f"?{node.name}", "unresolved")
    except (Stop, BinmorphError) as stop:
        low.problems.append(Problem(match.site(node), str(stop), node.name))
        # Later layers are still visited, and not blamed for an input that is unknown by now.
        low.values[node] = Value(f"?{node.name}", "unresolved")


def _output(low: Lowering, node: fx.Node) -> str | None:
    results = node.args[0]
    assert isinstance(results, (tuple, list))
    last = results[0] if len(results) == 1 and isinstance(results[0], fx.Node) else None
    value = None if last is None else low.values.get(last)
    if last is None or value is None or value.kind == "image":
        reason = "the network must return one tensor, the output of a layer"
        low.problems.append(Problem(Site("", type(low.traced.module).__name__, "output", ""), reason))
        return None
    try:
        return floats(low, last) if ends_in_sums(low, last) else _packed(low, last).name
    except Blameless:
        return None
    except Stop as stop:
        low.problems.append(Problem(match.site(last), str(stop), last.name))
        return None


def _packed(low: Lowering, node: fx.Node) -> Value:
    """The network's last value as bits, each stored as it is, or as numbers."""
    value = low.binary(node)
    if value is None:
        return Value(floats(low, node), "float")
    if value.pad is not None:
        raise Stop("padding is packed only in front of a convolution")
    return settle(low, node, value)


def lower(traced: Traced, producer: str = "") -> Lowered:
    """Lower a traced network. Problems are returned, not raised; shape errors of the result raise
    ShapeError."""
    shared: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    while True:
        low, output = _walk(traced, shared, plain)
        # A binary layer with several readers becomes one stream of sums, not one layer for each.
        several = {name for name, count in low.uses.items() if count > 1}
        if several <= shared and low.flipped <= plain:
            break
        shared, plain = shared | several, plain | low.flipped
    low.problems += _smooth_signs(traced.module)
    position = {node.name: i for i, node in enumerate(traced.program.graph.nodes)}
    low.problems.sort(key=lambda problem: position.get(problem.node, len(position)))
    graph = None
    if not low.problems and output is not None:
        graph = ir.Graph(low.input, tuple(low.nodes), output, producer)
    return Lowered(
        graph, low.problems, low.sites, low.traced_nodes, low.removed, low.references, low.notes, low.rounded,
        low.readings, low.constants, low.closed_forms,
    )  # fmt: skip


def _smooth_signs(module: torch.nn.Module) -> list[Problem]:
    """Quantizers that do not give signs yet: what they make of weights would pass for float weights."""
    from ..nn import SelfBinarizingTanh

    reason = "it is smooth still; binmorph.nn.harden_signs turns it into a sign"
    return [
        Problem(Site(path, type(m).__name__, "tanh", ""), reason)
        for path, m in module.named_modules()
        if isinstance(m, SelfBinarizingTanh) and not m.hard
    ]


def _walk(traced: Traced, shared: frozenset[str], plain: frozenset[str]) -> tuple[Lowering, str | None]:
    """One walk over the graph: what was lowered, and the name of the output."""
    example = traced.example
    spec = ir.InputSpec(DTYPES[example.dtype], tuple(int(s) for s in example.shape[1:]))
    low = Lowering(traced, dict(traced.module.named_modules()), spec, shared=shared, plain=plain)
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
    return low, output
