"""Values as numbers: what a residual addition, a concatenation, a pooling or a float layer reads.

A sum that no threshold follows is materialised: the convolution that counts, then one node per elementwise
operator, each with torch's own roundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import fx

from .. import ir
from . import match
from .arithmetic import joined_by, one_operator
from .chain import Array, Source
from .state import Lowering, Stop
from .values import Value

if TYPE_CHECKING:
    from .accumulator import Sums

UNIT = (1, 1)


def numbers(low: Lowering, node: fx.Node) -> Value:
    """The value of ``node`` as a stream, of kind "int" or "float"."""
    if node not in low.numbers:
        low.numbers[node] = _numbers(low, node)
    return low.numbers[node]


def floats(low: Lowering, node: fx.Node) -> str:
    """The value of ``node`` as the name of a float32 stream."""
    return as_float(low, numbers(low, node))


def as_float(low: Lowering, value: Value) -> str:
    """The name of a float32 stream equal to ``value``."""
    if value.kind == "float":
        return value.name
    if value.name not in low.floated:
        assert value.domain is not None
        one = np.ones(len(value.domain[0]), np.float32)
        low.floated[value.name] = low.helper(
            f"{value.name}.float", "float", lambda n: ir.Affine(n, value.name, one, -0.0 * one)
        )
    return low.floated[value.name]


def _numbers(low: Lowering, node: fx.Node) -> Value:
    value = low.known(node)
    if value.pad is not None:
        raise Stop("padding is packed only in front of a convolution")
    if value.kind in ("int", "float"):
        return value
    if value.kind == "image":
        return _image(low, node, value)
    if value.kind in ("bits", "signs"):
        return _counted(low, node, value)
    if value.kind == "concat":
        return joined_parts(low, node, value)
    assert value.pending is not None
    source = value.pending.source
    if node is source.node:
        return _source(low, source)
    base = match.base_name(node)
    if base in match.RESHAPES and node in value.pending.stages:
        return flattened(low, node)
    if base == "aten.max_pool2d":
        return pooled(low, node)
    read = [n for n in dict.fromkeys(node.all_input_nodes) if n not in low.constants]
    if base in match.IDENTITY | match.CASTS:
        if match.dtype_of(node) != match.dtype_of(read[0]) and not _widens(low, read[0]):
            raise Stop(
                f"a conversion from {match.dtype_of(read[0])} to {match.dtype_of(node)} changes values"
            )
        return numbers(low, read[0])
    if len(read) == 1:
        return one_operator(low, node, read[0], numbers(low, read[0]))
    name = joined_by(low, node, [floats(low, n) for n in read], read)
    return Value(name, "float")


def _widens(low: Lowering, node: fx.Node) -> bool:
    return low.values[node].kind in ("image", "bits")


def _image(low: Lowering, node: fx.Node, value: Value) -> Value:
    """The network's input: floats as they are, bytes through a 1x1 window on each channel."""
    if low.input.dtype == "float32":
        return Value(value.name, "float")
    if len(low.input.shape) != 3:
        raise Stop("bytes [N, K] are read as bits only; take float32 features")
    channels = low.input.shape[0]
    weight, zero = np.ones((channels, 1, 1, 1), np.int8), np.zeros((1, channels), np.int32)
    name = low.helper(
        "pixels",
        "pixels",
        lambda n: ir.PixelConv2d(
            n, value.name, UNIT, UNIT, UNIT, (0, 0), channels, "zeros", weight=weight, constant=zero
        ),
    )
    ones = np.ones(channels, np.int64)
    return Value(name, "int", domain=(0 * ones, 255 * ones, 1))


def _counted(low: Lowering, node: fx.Node, value: Value) -> Value:
    """Bits or signs as integers: a 1x1 window on each channel."""
    channels = int(match.shape_of(node)[1])
    ones = np.ones(channels, np.int64)
    plus = np.ones((channels, 1), np.bool_)
    if value.flip is not None:
        plus = ~value.flip[:, None]
    signs = value.kind == "signs"
    # A sign is 2 b - 1, or 1 - 2 b of the complement; a bit is b, or 1 - b.
    constant = np.where(plus[:, 0], -1 if signs else 0, 1).astype(np.int32)[None]
    if len(match.shape_of(node)) == 2:  # over features a window has every feature for its channels
        if channels > 4096:
            raise Stop("so many features are not turned from bits into numbers; keep them an image")
        eye = np.eye(channels, dtype=np.bool_)
        plus, minus, groups = eye & plus, eye & ~plus, 1
    else:
        minus, groups = ~plus, channels
    name = low.helper(
        f"{value.name}.numbers",
        "numbers",
        lambda n: ir.CountConv2d(
            n, value.name, UNIT, UNIT, UNIT, (0, 0), groups, "zeros", 2 if signs else 1, plus, minus, constant
        ),
    )
    return Value(name, "int", domain=(-ones if signs else 0 * ones, ones, 2 if signs else 1))


def _source(low: Lowering, source: Source) -> Value:
    """The sums of a binary layer, times their scale."""
    if source.sums is None:
        sums = source.value
    else:
        low.uses[source.node.name] += 1
        layer, exact = source.sums, source.scale is None and source.shift is None
        if exact:
            name = low.put(source.node, lambda n: count_node(n, source, layer))
        else:
            name = low.helper(
                f"{low.name_for(source.node)}.sums", "sums", lambda n: count_node(n, source, layer)
            )
        low.reads(name, source.node, source.value)
        sums = Value(name, "int", domain=(source.low, source.high, source.step))
    if source.scale is None and source.shift is None:
        return sums
    scale, shift = _or(source.scale, 1.0, source.channels), _or(source.shift, -0.0, source.channels)
    return Value(low.put(source.node, lambda n: ir.Affine(n, sums.name, scale, shift)), "float")


def _or(values: Array | None, default: float, count: int) -> Array:
    found = np.full(count, default) if values is None else values
    return found.astype(np.float32)


def count_node(name: str, source: Source, layer: Sums) -> ir.CountConv2d:
    """The layer of ``source`` as a convolution that writes its sums."""
    window, outputs = layer.window, len(layer.weight)
    flat = layer.weight.reshape(outputs, -1)
    return ir.CountConv2d(
        name, source.value.name, (layer.weight.shape[2], layer.weight.shape[3]), window.stride,
        window.dilation, window.pad.size, window.groups, layer.border, layer.factor, flat == 1, flat == -1,
        layer.constant.astype(np.int32),
    )  # fmt: skip


def joined_parts(low: Lowering, node: fx.Node, value: Value) -> Value:
    """A concatenation as one stream: integers if every part is, else floats."""
    parts = [part for _, part in value.parts]
    if all(part.kind == "int" for part in parts):
        domains = [part.domain for part in parts if part.domain is not None]
        least, most = (np.concatenate([d[i] for d in domains]) for i in (0, 1))
        names = [part.name for part in parts]
        made = Value("", "int", domain=(least, most, 1))
    else:
        names, made = [as_float(low, part) for part in parts], Value("", "float")
    # As often as not a later layer reads the same channels: the node is put once, under its own name.
    name = low.put(node, lambda n: ir.Concat(n, names[0], tuple(names[1:])))
    return Value(name, made.kind, domain=made.domain)


def flattened(low: Lowering, node: fx.Node) -> Value:
    """(N, C, H, W) to (N, C * H * W)."""
    source = node.all_input_nodes[0]
    value = numbers(low, source)
    name = low.put(node, lambda n: ir.Flatten(n, value.name))
    if value.domain is None:
        return Value(name, "float")
    copies = int(match.shape_of(node)[1]) // len(value.domain[0])
    least, most = (np.repeat(side, copies) for side in value.domain[:2])
    return Value(name, "int", domain=(least, most, value.domain[2]))


def pooled(low: Lowering, node: fx.Node) -> Value:
    """Max-pooling of numbers."""
    args = match.bound(node)
    kernel, stride = match.pool_window(node)
    name, padding = floats(low, args["self"]), match.pair(args["padding"])
    return Value(low.put(node, lambda n: ir.MaxPool(n, name, kernel, stride, padding)), "float")
