"""One handler per operator: a traced node becomes an IR node, or an alias of an earlier one, or a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx

from .. import ir
from . import match
from .accumulator import Window
from .binary import binary_sums, conv2d, elementwise, note_zeros, pad, stage
from .certificates import neurons
from .chain import ELEMENTWISE
from .match import bound
from .scores import over_stored_bits
from .state import Lowering, Stop

Handler = Callable[[Lowering, fx.Node], None]


def _level_sets(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    value = low.read(args["x"], "LevelSets")
    if value.kind == "bits":
        raise Stop("LevelSets reads gray values, but its input is already bits")
    values = low.constant(args["values"], "values").astype(np.float32, copy=False)
    low.add(node, lambda name: ir.LevelSets(name, value.name, values), "bits")


def _bisel(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    value = low.read_bits(args["x"], "BiSEL")
    module = low.modules.get(match.site(node).path)
    parts = ("plus", "minus", "threshold", "invert")
    bise = [low.constant(args[f"bise_{part}"], f"bise_{part}") for part in parts]
    lui = [low.constant(args[f"lui_{part}"], f"lui_{part}") for part in parts]
    outputs, channels, kh, kw = bise[0].shape
    bise[:2] = [mask.reshape(outputs, channels, kh * kw) for mask in bise[:2]]
    bise_neurons, lui_neurons = neurons(module, "bise", *bise), neurons(module, "lui", *lui)
    low.add(
        node,
        lambda name: ir.Bisel(name, value.name, (kh, kw), str(args["border"]), bise_neurons, lui_neurons),
        "bits",
    )


def _threshold_dense(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    value = low.read_bits(args["x"], "DenseLUI")
    parts = [low.constant(args[part], part) for part in ("plus", "minus", "threshold", "invert")]
    module = low.modules.get(match.site(node).path)
    dense = neurons(module, "dense", *parts)
    low.add(node, lambda name: ir.ThresholdDense(name, value.name, dense), "bits")


def _max_pool(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    if match.pair(args["padding"]) != (0, 0) or match.pair(args["dilation"]) != (1, 1) or args["ceil_mode"]:
        settings = f"padding {args['padding']}, dilation {args['dilation']}, ceil_mode {args['ceil_mode']}"
        raise Stop(f"max-pooling with {settings} is not packed, only 0, 1 and False")
    if len(match.shape_of(node)) != 4:
        raise Stop("max-pooling without a batch dimension is not packed")
    if stage(low, node, args["self"]):
        return
    kernel, stride = match.pool_window(node)
    value = low.read_bits(args["self"], "MaxPool2d", signs=True)
    if value.pad is not None:
        raise Stop("padding is packed only in front of a convolution")
    low.add(node, lambda name: ir.MaxPool(name, value.name, kernel, stride), value.kind)


def _reshape(low: Lowering, node: fx.Node) -> None:
    source = node.args[0]
    assert isinstance(source, fx.Node)
    before, after = match.shape_of(source), match.shape_of(node)
    if len(before) == len(after) and all(_same(a, b) for a, b in zip(before, after, strict=True)):
        low.values[node] = low.values[source]
        return
    if len(before) == 4 and len(after) == 2 and _same(before[0], after[0]):
        if stage(low, node, source):
            return
        value = low.read_bits(source, "Flatten", signs=True)
        if value.pad is not None:
            raise Stop("padding is packed only in front of a convolution")
        low.add(node, lambda name: ir.Flatten(name, value.name), value.kind)
        return
    raise Stop(
        f"a reshape from {_show(before)} to {_show(after)} is not packed, only (N, C, H, W) to (N, C*H*W)"
    )


def _same(a: Any, b: Any) -> bool:
    return str(a) == str(b)  # symbolic sizes are compared by their expression, which adds no guard


def _show(shape: tuple[Any, ...]) -> str:
    return "(" + ", ".join(str(s) if isinstance(s, int) else "N" for s in shape) + ")"


def _linear(low: Lowering, node: fx.Node) -> None:
    base = match.base_name(node)
    if base == "aten.linear":
        args = bound(node)
        x, weight = args["input"], low.constant(args["weight"], "weight")
        bias = None if args["bias"] is None else low.constant(args["bias"], "bias")
    elif base == "aten.addmm":
        args = bound(node)
        if args["beta"] != 1 or args["alpha"] != 1:
            raise Stop("addmm with alpha or beta other than 1 is not packed")
        x, weight = args["mat1"], low.constant(args["mat2"], "weight").T
        bias = low.constant(args["self"], "bias")
    else:
        x, weight, bias = node.args[0], low.constant(node.args[1], "weight").T, None
    if weight.dtype != np.float32 or weight.ndim != 2:
        raise Stop(
            f"the weight is {weight.dtype} of shape {weight.shape}, only float32 [out, in] is supported"
        )
    if bias is not None:
        bias = np.ascontiguousarray(np.broadcast_to(bias, weight.shape[:1]))
    value = low.read_bits(x, "Linear", signs=True)
    if value.kind != "unknown" and binary_sums(low, node, value, weight[:, :, None, None], bias, Window()):
        note_zeros(low, args["weight"] if base == "aten.linear" else None)
        return
    matrix, offset = over_stored_bits(weight, np.zeros(len(weight)) if bias is None else bias, value)
    low.add(node, lambda name: ir.Linear(name, value.name, matrix, offset), "float")


def _alias(low: Lowering, node: fx.Node) -> None:
    source = node.args[0]
    if not isinstance(source, fx.Node) or source not in low.values:
        raise Stop("it reads a value that is not the output of an earlier layer")
    if low.values[source].kind == "pending":
        elementwise(low, node)
    else:
        low.values[node] = low.values[source]
    if match.base_name(node) in match.IDENTITY:
        low.removed.append(match.site(node))


def _cast(low: Lowering, node: fx.Node) -> None:
    source = node.args[0]
    if not isinstance(source, fx.Node) or source not in low.values:
        raise Stop("it reads a value that is not the output of an earlier layer")
    if low.values[source].kind == "pending":
        elementwise(low, node)
        return
    kind, old, new = low.values[source].kind, match.dtype_of(source), match.dtype_of(node)
    # Bits and signs survive every cast to a signed type, and gray values 0..255 survive the one to float32.
    safe = (
        kind in ("bits", "unknown", "unresolved")
        or (kind == "signs" and new is not None and new.is_signed)
        or old == new
        or (kind == "image" and (old, new) == (torch.uint8, torch.float32))
    )
    if not safe:
        raise Stop(f"a conversion from {old} to {new} changes values")
    low.values[node] = low.values[source]


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "aten.conv2d": conv2d,
    **dict.fromkeys(("aten.pad", "aten.constant_pad_nd", "aten.replication_pad2d"), pad),
    "binmorph.level_sets": _level_sets,
    "binmorph.bisel": _bisel,
    "binmorph.threshold_dense": _threshold_dense,
    "aten.max_pool2d": _max_pool,
    **dict.fromkeys(match.RESHAPES, _reshape),
    **dict.fromkeys(("aten.linear", "aten.addmm", "aten.mm", "aten.matmul"), _linear),
    **dict.fromkeys(match.IDENTITY, _alias),
    **dict.fromkeys(match.CASTS, _cast),
}
