"""Layers over numbers: float convolutions and dense layers, two-valued weights, average pooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import fx

from .. import ir
from . import match
from .accumulator import Pad, Window, sums
from .chain import Array
from .pixels import byte_sums, unpadded
from .resolve import settle
from .state import Lowering, Stop
from .streams import floats
from .values import Rounded, Value
from .weights import two_values


def float_conv2d(
    low: Lowering, node: fx.Node, source: fx.Node, weight: Array, bias: Array | None, window: Window
) -> None:
    """A convolution of numbers; one of bytes with small integer weights keeps its sums integers."""
    if weight.dtype != np.float32:
        raise Stop(f"its weights are {weight.dtype}, only float32 is packed")
    if byte_sums(low, node, source, weight, bias, window):
        return
    if window.pad.size != (0, 0) and window.pad.value != 0:
        raise Stop("a convolution of numbers pads with zeros only")
    value, terms = low.values[source], int(np.prod(weight.shape[1:]))
    geometry: dict[str, Any] = {
        "kernel": (weight.shape[2], weight.shape[3]), "stride": window.stride, "dilation": window.dilation,
        "padding": window.pad.size, "groups": window.groups, "border": "zeros",
    }  # fmt: skip
    name = value.name if value.kind in ("image", "float") else floats(low, unpadded(source))
    shift = np.zeros(len(weight), np.float32) if bias is None else bias
    made = low.put(node, lambda n: ir.Conv2d(n, name, **geometry, weight=weight, bias=shift))
    low.rounded[node.name] = Rounded(made, terms + 1)
    low.values[node] = Value(made, "float")


def scaled_bits(
    low: Lowering, node: fx.Node, value: Value, weight: Array, bias: Array | None, window: Window
) -> bool:
    """Make ``node`` a two-valued convolution if each output of ``weight`` has two values; False if not.

    torch sums the values themselves, in an order of its own; packed, they follow two exact counts.
    """
    found = two_values(weight)
    if found is None or weight.shape[1] * weight.shape[2] * weight.shape[3] < 3:
        return False
    bits, alpha, beta = found
    made = two_value(low, node, value, bits, alpha - beta, beta, window)
    if bias is not None and bias.any():
        shift, one = bias.astype(np.float32), np.ones(len(bias), np.float32)
        del low.traced_nodes[made]
        inner = made
        made = low.put(node, lambda n: ir.Affine(n, inner, one, shift))
    low.rounded[node.name] = Rounded(made, int(np.prod(weight.shape[1:])) + 4)
    low.values[node] = Value(made, "float")
    return True


def two_value(
    low: Lowering, node: fx.Node, value: Value, bits: Array, difference: Array, beta: Array, window: Window
) -> str:
    """The IR node of a layer with weights beta + difference * bits [O, D, kh, kw]."""
    value = replace(settle(low, node, value), pad=None)
    signs = value.kind == "signs"
    marked = sums(bits.astype(np.int8), signs, None, window)
    whole = sums(np.ones((window.groups, *bits.shape[1:]), np.int8), signs, None, window)
    geometry: dict[str, Any] = {
        "kernel": (bits.shape[2], bits.shape[3]), "stride": window.stride, "dilation": window.dilation,
        "padding": window.pad.size, "groups": window.groups, "border": marked.border,
    }  # fmt: skip
    name = low.put(
        node,
        lambda n: ir.TwoValueConv2d(
            n, value.name, **geometry, factor=marked.factor, plus_weights=bits.reshape(len(bits), -1),
            constant=marked.constant.astype(np.int32), total=whole.constant[:, :1].astype(np.int32),
            difference=difference.astype(np.float32), low=beta.astype(np.float32),
        ),
    )  # fmt: skip
    low.reads(name, node, value)
    return name


def two_value_layer(low: Lowering, node: fx.Node) -> None:
    """binmorph::two_value_conv2d and two_value_linear."""
    args = match.bound(node)
    bits = low.constant(args["bits"], "bits") == 1
    difference, beta = (low.constant(args[name], name) for name in ("difference", "low"))
    value = low.read_bits(args["x"], "a two-valued layer", signs=True)
    window = Window()
    if bits.ndim == 2:
        bits = bits[:, :, None, None]
    else:
        height, width = (int(s) for s in match.shape_of(args["x"])[2:])
        pad = Pad(match.pair(args["padding"]))
        if value.pad is not None and value.pad.size != (0, 0):
            if pad.size != (0, 0):
                raise Stop("its input is padded already, and it pads again")
            pad = value.pad
            height, width = height - 2 * pad.size[0], width - 2 * pad.size[1]
        stride, dilation = match.pair(args["stride"]), match.pair(args["dilation"])
        window = Window((height, width), stride, dilation, int(args["groups"]), pad)
    low.values[node] = Value(two_value(low, node, value, bits, difference, beta, window), "float")


def float_linear(low: Lowering, node: fx.Node, source: fx.Node, weight: Array, bias: Array) -> None:
    """A dense layer over numbers."""
    name = floats(low, source)
    made = low.put(node, lambda n: ir.Linear(n, name, weight, bias))
    low.rounded[node.name] = Rounded(made, weight.shape[1] + 1)
    low.values[node] = Value(made, "float")


def avg_pool(low: Lowering, node: fx.Node) -> None:
    """Average pooling over windows, which torch sums in row-major order, or over the whole image, in an order
    of its own."""
    base, args = match.base_name(node), match.bound(node)
    source = args["input"] if "input" in args else args["self"]
    shape = match.shape_of(source)
    if len(shape) != 4:
        raise Stop("pooling without a batch dimension is not packed")
    image = (int(shape[2]), int(shape[3]))
    kernel = stride = image
    if base == "aten.avg_pool2d":
        kernel = match.pair(args["kernel_size"])
        stride = match.pair(args["stride"]) if args["stride"] else kernel
        if match.pair(args["padding"]) != (0, 0) or args["ceil_mode"] or args["divisor_override"]:
            raise Stop("average pooling with padding, ceil_mode or a divisor is not packed")
    elif base == "aten.adaptive_avg_pool2d":
        if tuple(int(s) for s in args["output_size"]) != (1, 1):
            raise Stop("adaptive pooling is packed to one pixel only")
    elif sorted(int(d) % 4 for d in args.get("dim") or ()) != [2, 3]:
        raise Stop("a mean is packed over both axes of the image only")
    name = floats(low, source)
    made = low.put(node, lambda n: ir.AvgPool(n, name, kernel, stride))
    if base != "aten.avg_pool2d":
        low.rounded[node.name] = Rounded(made, kernel[0] * kernel[1] + 1)
    if len(match.shape_of(node)) == 2:
        pooled = made
        made = low.helper(f"{pooled}.flatten", "flatten", lambda n: ir.Flatten(n, pooled))
    low.values[node] = Value(made, "float")
