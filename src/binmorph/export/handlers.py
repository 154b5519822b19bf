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
from .binary import binary_example, binary_sums, conv2d, elementwise, note_zeros, pad, stage
from .certificates import neurons
from .chain import ELEMENTWISE
from .channels import concatenate, cut, split
from .float_layers import avg_pool, float_linear, two_value_layer
from .match import bound
from .scores import over_stored_bits
from .state import Lowering, Stop
from .streams import flattened, numbers, pooled
from .values import Rounded

Handler = Callable[[Lowering, fx.Node], None]


def _level_sets(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    value = low.binary(args["x"])
    if value is not None and value.kind != "image":
        raise Stop("LevelSets reads gray values, but its input is already bits")
    read = numbers(low, args["x"]) if value is None else value
    values = low.constant(args["values"], "values").astype(np.float32, copy=False)
    low.add(node, lambda name: ir.LevelSets(name, read.name, values), "bits")


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


def _truth_table(low: Lowering, node: fx.Node) -> None:
    args = bound(node)
    value = low.read_bits(args["x"], "TruthTables")
    channels, table = low.constant(args["channels"], "channels"), low.constant(args["table"], "table")
    known = getattr(low.modules.get(match.site(node).path), "statuses", None)
    statuses = np.full(len(table), ir.Status.LOSSLESS, np.uint8) if known is None else known.cpu().numpy()
    kernel, border = match.pair(args["kernel"]), str(args["border"])
    low.add(
        node,
        lambda name: ir.TruthTable(name, value.name, kernel, border, channels, table, statuses),
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
    if match.pair(args["dilation"]) != (1, 1) or args["ceil_mode"]:
        settings = f"dilation {args['dilation']}, ceil_mode {args['ceil_mode']}"
        raise Stop(f"max-pooling with {settings} is not packed, only 1 and False")
    if len(match.shape_of(node)) != 4:
        raise Stop("max-pooling without a batch dimension is not packed")
    padded = match.pair(args["padding"]) != (0, 0)
    if not padded and stage(low, node, args["self"]):
        return
    value = None if padded else low.binary(args["self"])
    if value is None or (value.kind == "image" and not binary_example(low)):
        low.values[node] = pooled(low, node)
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
        value = low.binary(source)
        if value is None or (value.kind == "image" and not binary_example(low)):
            low.values[node] = flattened(low, node)
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
    value = low.binary(x)
    shift = np.zeros(len(weight), np.float32) if bias is None else bias
    if value is None or (value.kind == "image" and not binary_example(low)):
        float_linear(low, node, x, weight, shift)
        return
    value = low.read_bits(x, "Linear", signs=True)
    if binary_sums(low, node, value, weight[:, :, None, None], bias, Window()):
        note_zeros(low, args["weight"] if base == "aten.linear" else None)
        return
    matrix, offset = over_stored_bits(weight, shift, value)
    low.add(node, lambda name: ir.Linear(name, value.name, matrix, offset), "float")
    low.rounded[node.name] = Rounded(low.values[node].name, 2 * weight.shape[1] + 3)


def _expand(low: Lowering, node: fx.Node) -> None:
    """A constant in the shape of a value: the operator that reads it stretches it anyway."""
    source = node.args[0]
    if not isinstance(source, fx.Node) or source not in low.constants:
        raise Stop("only constants are expanded")
    low.constants[node] = low.constants[source]


def _alias(low: Lowering, node: fx.Node) -> None:
    source = node.args[0]
    if not isinstance(source, fx.Node) or source not in low.values:
        raise Stop("it reads a value that is not the output of an earlier layer")
    if low.known(source).kind == "pending":
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
    kind, old, new = low.known(source).kind, match.dtype_of(source), match.dtype_of(node)
    # Bits and signs survive every cast to a signed type, and gray values 0..255 survive the one to float32.
    safe = (
        kind == "bits"
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
    "aten.cat": concatenate,
    "aten.slice": cut,
    **dict.fromkeys(("aten.split", "aten.chunk", "aten.split_with_sizes"), split),
    **dict.fromkeys(("aten.avg_pool2d", "aten.adaptive_avg_pool2d", "aten.mean"), avg_pool),
    **dict.fromkeys(("binmorph.two_value_conv2d", "binmorph.two_value_linear"), two_value_layer),
    **dict.fromkeys(match.PADS, pad),
    "binmorph.level_sets": _level_sets,
    "binmorph.bisel": _bisel,
    "binmorph.threshold_dense": _threshold_dense,
    "binmorph.truth_table": _truth_table,
    "aten.max_pool2d": _max_pool,
    **dict.fromkeys(match.RESHAPES, _reshape),
    **dict.fromkeys(("aten.linear", "aten.addmm", "aten.mm", "aten.matmul"), _linear),
    **dict.fromkeys(match.IDENTITY, _alias),
    **dict.fromkeys(match.CASTS, _cast),
    **dict.fromkeys(("aten.expand", "aten.expand_as"), _expand),
}
