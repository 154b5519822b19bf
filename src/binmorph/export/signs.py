"""Signs of streams: level sets whose levels are found, and concatenations of bits."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from . import match
from .chain import Pending, Source, on_grid
from .closed_form import check_levels, check_sums
from .levels import ZERO, dominators, find_levels, kind_of_reals
from .state import Lowering, NotAThreshold, Stop
from .streams import numbers
from .thresholds import find, kind_of
from .values import Reference, Value

Bits = npt.NDArray[np.bool_]


def source_of(node: fx.Node, value: Value) -> Source:
    """A stream as the beginning of a chain."""
    zero = np.zeros(int(match.shape_of(node)[1]), np.int64)
    least, most, step = value.domain or (zero, zero, 1)
    return Source(node, value, least, most, step)


def sign_of_stream(low: Lowering, node: fx.Node, source: Source) -> Value | None:
    """The two-valued ``node`` behind a stream as bits; None if it is a number.

    Where the chain is no threshold of the stream, the last value on the way for which it is one becomes a
    stream of its own.
    """
    if source.value.kind == "int":
        (values,) = on_grid([node], Pending(source), low.constants)
        kind = kind_of(values, source)
    else:
        kind = kind_of_reals(low, node, source)
    if kind is None:
        return None
    if kind == "ternary":
        raise Stop(ZERO)
    try:
        if source.value.kind == "int":
            found = find(values, kind, source)
            check_sums(low, node, source, found.at, found.invert)
            return _level_sets(low, node, source.value, found.at.astype(np.float32), found.invert, kind)
        level, invert = find_levels(low, node, source, kind)
        check_levels(low, node, source, level, invert)
        return _level_sets(low, node, source.value, level, invert, kind)
    except NotAThreshold as stop:
        return behind_numbers(low, node, source, stop)


def behind_numbers(low: Lowering, node: fx.Node, source: Source, stop: NotAThreshold) -> Value:
    """The sign ``node`` of a number on the way that becomes a stream; ``stop`` says why it must."""
    for before in dominators(node, source, low):
        if low.values[before].kind != "pending" or match.base_name(before) in ("aten.sign", "aten.sgn"):
            continue
        try:
            value = numbers(low, before)
        except Stop:
            continue
        found = sign_of_stream(low, node, source_of(before, value))
        if found is not None:
            return found
    raise stop


def _level_sets(
    low: Lowering, node: fx.Node, value: Value, level: npt.NDArray[np.float32], invert: Bits, kind: str
) -> Value:
    """The bits [x >= level], part by part; those of ``invert`` are stored complemented, or are bits of the
    negated stream where a reader of ``node`` cannot take complements."""
    names: list[str] = []
    start = 0
    turned = invert & (node.name in low.plain)
    invert = invert & ~turned
    for channels, part in value.parts or ((len(level), value),):
        chosen = slice(start, start + channels)
        name, at = part.name, level[chosen]
        if turned[chosen].any():
            name, at = _turned(low, part.name, at, turned[chosen])
        build = partial(ir.LevelSets, input=name, values=at[:, None])
        names.append(low.put(node, build))
        low.references[names[-1]] = _stored(node, kind, invert, chosen)
        start += channels
    name = names[0]
    if len(names) > 1:
        name = low.put(node, lambda n: ir.Concat(n, names[0], tuple(names[1:])))
        low.references[name] = _stored(node, kind, invert, slice(None))
    return Value(name, kind, invert if invert.any() else None)


def _turned(
    low: Lowering, name: str, level: npt.NDArray[np.float32], turned: Bits
) -> tuple[str, npt.NDArray[np.float32]]:
    """The stream ``name`` with the channels ``turned`` negated, and the levels of [x < level] there:
    -x >= the float next above -level."""
    never = turned & (level == -np.finfo(np.float32).max)
    scale = np.where(never, 0, np.where(turned, -1, 1)).astype(np.float32)
    shift = np.where(never, -1, -0.0).astype(np.float32)
    above = np.nextafter(-level, np.float32(np.inf))
    made = low.helper(f"{name}.turned", "turned", lambda n: ir.Affine(n, name, scale, shift))
    return made, np.where(never, 0, np.where(turned, above, level)).astype(np.float32)


def _stored(node: fx.Node, kind: str, invert: Bits, chosen: slice) -> Reference:
    """The traced node, and how its value gives the stored bits."""

    def stored(recorded: torch.Tensor) -> Bits:
        value = recorded.to(torch.float32).numpy()[:, chosen]
        other = -1 if kind == "signs" else 0
        if not bool(np.all((value == 1) | (value == other))):
            raise ValueError(f"values other than {other} and 1")
        bits: Bits = value == 1
        return bits ^ invert[chosen].reshape(1, -1, *(1,) * (value.ndim - 2))

    return node.name, stored


def joined(low: Lowering, node: fx.Node, value: Value) -> Value | None:
    """A concatenation of bits, or of signs, as one; None if it holds numbers."""
    kind = value.parts[0][1].kind
    if kind not in ("bits", "signs"):
        return None
    if node not in low.resolved:
        parts = [(channels, part) for channels, part in value.parts]
        names = [part.name for _, part in parts]
        flip = np.concatenate([np.zeros(c, np.bool_) if p.flip is None else p.flip for c, p in parts])
        name = low.put(node, lambda n: ir.Concat(n, names[0], tuple(names[1:])))
        low.references[name] = _stored(node, kind, flip, slice(None))
        low.resolved[node] = Value(name, kind, flip if flip.any() else None)
    return low.resolved[node]
