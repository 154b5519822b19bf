"""A pending value becomes packed nodes: the thresholds of its layer, then its pools and its flattening.

A maximum over a window, of a function that falls with the sum, is an AND of the bits (or an OR of their
complements). The packed pool is an OR; so the channels that need the AND are stored complemented in front of
it and stay so behind it, and whoever reads them next takes the complement into its own weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from . import certificates, closed_form, match
from .chain import Array, Pending, Source, evaluate, on_grid
from .signs import behind_numbers, sign_of_stream
from .state import Lowering, NotAThreshold, Problem, Stop
from .thresholds import Found, direction, find, kind_of, third_value
from .values import Value

Bits = npt.NDArray[np.bool_]


def resolve(low: Lowering, node: fx.Node) -> Value | None:
    """The bits that the pending ``node`` becomes, or None if it is a number. Where it is a sign that cannot
    be packed, a problem is recorded, and the value is "unresolved"."""
    if node not in low.resolved:
        pending = low.values[node].pending
        assert isinstance(pending, Pending)
        try:
            low.resolved[node] = _resolve(low, node, pending)
        except Stop as stop:
            low.problems.append(Problem(match.site(_blamed(node, low)), str(stop), node.name))
            low.resolved[node] = Value(f"?{node.name}", "unresolved")
    return low.resolved[node]


def record_not_binary(low: Lowering, node: fx.Node, op: str) -> None:
    """Record that ``op`` reads bits, and that ``node`` is a number."""
    pending = low.values[node].pending
    blamed = node
    if pending is None or pending.source.value.kind in ("int", "float", "concat"):
        reason = f"{op} reads bits, but its input is a stream of numbers; put a sign quantizer in between"
    else:
        (values,) = on_grid([node], pending, low.constants)
        reason, blamed = _not_binary(node, values, pending.source), _blamed(node, low)
    low.problems.append(Problem(match.site(blamed), reason, node.name))


def _blamed(node: fx.Node, low: Lowering) -> fx.Node:
    """The last operator with parameters of its own, or else the source: where a mistake is mended."""
    pending = low.values[node].pending
    assert pending is not None
    while node is not pending.source.node:
        if match.base_name(node) in ("aten.sign", "aten.sgn", "aten.prelu", "aten.batch_norm"):
            return node
        node = next(n for n in node.all_input_nodes if n in low.values)
    return node


def _before_sign(node: fx.Node, pending: Pending) -> fx.Node | None:
    """The argument of the ``binmorph.sign`` that gives ``node``, or None."""
    while node is not pending.source.node:
        base = match.base_name(node)
        if base == "binmorph.sign":
            return node.all_input_nodes[0]
        if base not in match.IDENTITY and node not in pending.stages:
            return None
        node = node.all_input_nodes[0]
    return None


def _resolve(low: Lowering, node: fx.Node, pending: Pending) -> Value | None:
    source = pending.source
    if source.value.kind in ("int", "float", "concat") and source.sums is None:
        return sign_of_stream(low, node, source)
    try:
        return _at_thresholds(low, node, pending)
    except NotAThreshold as stop:
        return behind_numbers(low, node, source, stop)


def _at_thresholds(low: Lowering, node: fx.Node, pending: Pending) -> Value | None:
    source = pending.source
    pools = [s for s in pending.stages if match.base_name(s) == "aten.max_pool2d"]
    argument = _before_sign(node, pending)
    wanted = [node, *(s.all_input_nodes[0] for s in pools), *([argument] if argument else [])]
    values, *rest = on_grid(wanted, pending, low.constants)
    kind = kind_of(values, source)
    if kind is None:
        if _ternary(values, source):
            raise Stop(_not_binary(node, values, source))
        return None
    found = find(values, kind, source, rest[-1] if argument else None)
    closed_form.check_sums(low, node, source, found.at, found.invert)
    towards = np.where(found.invert, -1, 1)
    # Per pool: True where it must be an AND of the bits.
    needs_and = [direction(v, source) == -towards for v in rest[: len(pools)]]
    flip = needs_and[0] if needs_and else np.zeros(source.channels, np.bool_)
    name, flip = _begin(low, node, pending, found, flip)
    for stage in pending.stages:
        if match.base_name(stage) != "aten.max_pool2d":
            name, flip = _flatten(low, node, stage, pending, found, name, flip)
            continue
        needed = needs_and.pop(0)
        if not np.array_equal(needed & ~found.constant, flip & ~found.constant):
            name = _complement(
                low, name, needed ^ flip, _reference(low, node, stage, kind, needed, before=True)
            )
            flip = needed
        kernel, stride = match.pool_window(stage)
        made = low.put(stage, partial(ir.MaxPool, input=name, kernel=kernel, stride=stride))
        low.references[made] = _reference(low, node, _end(node, stage, pending), kind, flip)
        name = made
    return Value(name, kind, flip if flip.any() else None)


def _ternary(values: Array, source: Source) -> bool:
    """Whether nothing but -1, 0 and +1 occurs: a sign that maps 0 to 0."""
    return bool((np.isin(values, (-1, 0, 1)) | (source.grid() > source.high)).all())


def _not_binary(node: fx.Node, values: Array, source: Source) -> str:
    if match.base_name(node) in ("aten.sign", "aten.sgn"):
        return (
            f"torch.sign maps 0 to 0, a third value ({third_value(values, source)}); use "
            "binmorph.nn.STESign(), or torch.where(x >= 0, 1.0, -1.0)"
        )
    return (
        f"its value is read as a sign or a bit, but {third_value(values, source)}; put a sign quantizer "
        "(binmorph.nn.STESign()) in front of the next layer"
    )


def _begin(low: Lowering, node: fx.Node, pending: Pending, found: Found, flip: Bits) -> tuple[str, Bits]:
    """The packed form of the source with its threshold: (name, which channels are stored complemented)."""
    source = pending.source
    # A chain without stages is checked where it ends, the layer in front of a stage by the chain run on its
    # sums.
    end = source.node if pending.stages else node
    if source.sums is not None:
        low.uses[source.node.name] += 1
        layer, window = source.sums, source.sums.window
        neurons, offset = layer.neurons(found.at, found.invert ^ flip, found.margin)
        neurons = certificates.realised(low.modules.get(match.site(source.node).path), neurons)
        if source.rank == 2:
            name = low.put(source.node, lambda n: ir.ThresholdDense(n, source.value.name, neurons))
        else:
            kernel = (layer.weight.shape[2], layer.weight.shape[3])
            name = low.put(
                source.node,
                lambda n: ir.ThresholdConv2d(
                    n, source.value.name, kernel, window.stride, window.dilation, window.pad.size,
                    window.groups, layer.border, neurons, offset,
                ),
            )  # fmt: skip
        low.references[name] = _reference(low, node, end, found.kind, flip)
        low.reads(name, source.node, source.value)
        return name, flip
    if source.value.kind == "image":
        levels = found.at.astype(np.float32)[:, None]
        name = low.put(node, lambda n: ir.LevelSets(n, source.value.name, levels))
        low.references[name] = _reference(low, node, end, found.kind, found.invert)
        return name, found.invert
    if bool(found.constant.any()):
        raise NotAThreshold(
            f"channel {int(np.argmax(found.constant))} is constant behind it, whatever the bit in front"
        )
    before = np.zeros(source.channels, np.bool_) if source.value.flip is None else source.value.flip
    return source.value.name, before ^ found.invert


def _flatten(
    low: Lowering, node: fx.Node, stage: fx.Node, pending: Pending, found: Found, name: str, flip: Bits
) -> tuple[str, Bits]:
    features = match.shape_of(stage)[1]
    spread = np.repeat(flip, int(features) // pending.source.channels)
    made = low.put(stage, lambda n: ir.Flatten(n, name))
    low.references[made] = _reference(low, node, _end(node, stage, pending), found.kind, spread)
    return made, spread


def _end(node: fx.Node, stage: fx.Node, pending: Pending) -> fx.Node:
    """Where the packed form of ``stage`` is compared: behind the last one, with the end of the chain
    itself."""
    return node if stage is pending.stages[-1] else stage


def _complement(low: Lowering, name: str, flip: Bits, reference: tuple[str, Callable[..., Bits]]) -> str:
    """A copy of the image ``name`` with the channels ``flip`` complemented: a 1 x 1 window on each
    channel."""
    n = len(flip)
    one = np.ones((n, 1), np.bool_)
    neurons = ir.Neurons(
        one, ~one, np.ones(n, np.int32), flip, np.full(n, ir.Status.DILATION, np.uint8), np.full(n, 0.5),
        np.zeros(n),
    )  # fmt: skip
    made = low.unique(f"{name}.complement")
    unit = (1, 1)
    offset = np.zeros((1, n), np.int32)
    low.nodes.append(ir.ThresholdConv2d(made, name, unit, unit, unit, (0, 0), n, "zeros", neurons, offset))
    low.sites[made] = match.Site(made, "", "binmorph.complement", "")
    low.traced_nodes[made], low.references[made] = reference[0], reference
    return made


def settle(low: Lowering, node: fx.Node, value: Value) -> Value:
    """``value`` stored as it is, for a reader that cannot take complements into its weights."""
    if value.flip is None:
        return value
    low.flipped.add(low.traced_nodes[value.name])
    reference = low.references[value.name]
    flip = value.flip

    def plain(recorded: torch.Tensor) -> Bits:
        stored = reference[1](recorded)
        return stored ^ flip.reshape(1, -1, *(1,) * (stored.ndim - 2))

    if len(match.shape_of(node)) == 2:
        raise Stop("a flat value with complemented channels is read by a layer that has no signed weights")
    return Value(_complement(low, value.name, flip, (reference[0], plain)), value.kind)


def _reference(
    low: Lowering, node: fx.Node, at: fx.Node, kind: str, flip: Bits, *, before: bool = False
) -> tuple[str, Callable[[torch.Tensor], Bits]]:
    """(name of the traced node to record, how its value gives the stored bits): the rest of the chain, run by
    torch on the value at ``at`` (or at what ``at`` reads), with later pools left out."""
    start = at.all_input_nodes[0] if before else at
    constants = low.constants

    def stored(recorded: torch.Tensor) -> Bits:
        def stage(later: fx.Node, value: torch.Tensor) -> torch.Tensor:
            return value.flatten(1) if match.base_name(later) in match.RESHAPES else value

        value = evaluate(node, {start: recorded}, constants, stage).numpy()
        other = -1 if kind == "signs" else 0
        if not bool(np.all((value == 1) | (value == other))):
            raise ValueError(f"values other than {other} and 1")
        shape = tuple(recorded.shape)
        bits: Bits = value.reshape(shape) == 1
        return bits ^ flip.reshape(1, -1, *(1,) * (len(shape) - 2))

    return start.name, stored
