"""Handlers of sign networks: binary convolutions and dense layers, padding, and what works value by value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import fx

from .. import ir
from . import match
from .accumulator import Pad, Window, sums
from .chain import Array, Pending, Source, check_constants
from .state import Lowering, Misfit, Stop, Value

EXACT = 1 << 24  # float32 holds every integer up to here


def elementwise(low: Lowering, node: fx.Node) -> None:
    """An operator on one value at a time: the chain behind a source grows by it."""
    read = list(dict.fromkeys(n for n in node.all_input_nodes if n not in low.constants))
    values = [low.values.get(n) for n in read]
    if any(v is None for v in values) or not read:
        raise Stop("it reads a value that is not the output of an earlier layer")
    found = [v for v in values if v is not None]
    if any(v.kind == "unresolved" for v in found):
        low.values[node] = next(v for v in found if v.kind == "unresolved")
        return  # reported where it arose
    low.consumed.update(v.name for v in found if v.kind != "pending")
    if any(v.kind in ("float", "unknown") or v.pad is not None for v in found):
        raise Stop("cannot be packed")
    if (
        match.base_name(node) == "binmorph.sign"
        and found[0].kind == "image"
        and _gray(low, read[0]) == "float"
    ):
        _sign_of_image(low, node, found[0])
        return
    sources = [_pending(low, n) for n in read]
    first = sources[0]
    if any(p.source.node is not first.source.node or p.stages != first.stages for p in sources):
        raise Misfit("it joins the values of two layers; shortcuts between sums are not packed")
    divisor = match.base_name(node).startswith("aten.div") and node.args[1] in read
    if divisor:
        raise Misfit("it divides by a sum")
    check_constants(node, first, low.constants)
    low.values[node] = Value("", "pending", pending=first)


def _gray(low: Lowering, node: fx.Node) -> str:
    """What the image [N, C, H, W] at ``node`` holds: "float", "bytes" (maybe cast to float), or "" for just
    bits."""
    example = low.traced.example
    if len(match.shape_of(node)) != 4 or bool(((example == 0) | (example == 1)).all()):
        return ""
    return "bytes" if low.input.dtype == "uint8" else "float"


def _sign_of_image(low: Lowering, node: fx.Node, value: Value) -> None:
    """sign(x) of a float image: the level set at 0 (also for -0.0 and NaN, which compare alike)."""
    channels = int(match.shape_of(node)[1])
    levels = np.zeros((channels, 1), np.float32)
    low.add(node, lambda name: ir.LevelSets(name, value.name, levels), "signs")


def _pending(low: Lowering, node: fx.Node) -> Pending:
    """``node`` as the beginning or the middle of a chain."""
    value = low.values[node]
    if value.pending is not None:
        return value.pending
    shape = match.shape_of(node)
    if len(shape) not in (2, 4):
        raise Stop("cannot be packed")
    ones = np.ones(int(shape[1]), np.int64)
    if value.kind == "image":
        if _gray(low, node) == "bytes":
            return Pending(Source(node, value, 0 * ones, 255 * ones))
        if _gray(low, node) == "float":
            raise Misfit(
                "it works on a float image, whose values cannot all be tried: take uint8 images, or put a "
                "binmorph.nn.LevelSets in front"
            )
        value = low.read_bits(node, "it")
    low_end, step = (-ones, 2) if value.kind == "signs" else (0 * ones, 1)
    return Pending(Source(node, value, low_end, ones, step))


def _ternary(weight: Array) -> tuple[Array, Array] | None:
    """(w in {-1, 0, 1}, scale [O]) if ``weight`` [O, ...] is w times a power of two per output, else None."""
    flat = np.abs(weight.reshape(len(weight), -1)).astype(np.float64)
    scale = flat.max(1)
    scale[scale == 0] = 1.0
    if not np.isfinite(scale).all() or not ((flat == 0) | (flat == scale[:, None])).all():
        return None
    if not (np.frexp(scale)[0] == 0.5).all() or scale.max() > 2.0**60 or scale.min() < 2.0**-60:
        return None
    return np.sign(weight).astype(np.int8), scale


def _exact_shift(source_low: Array, source_high: Array, scale: Array, bias: Array) -> bool:
    """Whether sums * scale + bias are exact in float32 in every order of summation."""
    steps = bias.astype(np.float64) / scale
    for bits in range(24):
        unit = steps * 2.0**bits
        if (unit == np.rint(unit)).all():
            reach = np.maximum(np.abs(source_low), np.abs(source_high)) + np.abs(steps)
            return bool((reach * 2.0**bits < EXACT).all())
    return False


def binary_sums(
    low: Lowering, node: fx.Node, value: Value, weight: Array, bias: Array | None, window: Window
) -> bool:
    """Make ``node`` a pending sum if ``weight`` [O, D, kh, kw] is binary or ternary; False if it is not, or
    if its bias could be rounded differently in another order of summation."""
    found = _ternary(weight)
    # Half precision does not hold the integers that the sums need.
    if found is None or match.dtype_of(node) not in (torch.float32, torch.float64):
        return False
    layer = sums(found[0], value.kind == "signs", value.flip, window)
    least, most, scale = layer.smallest, layer.largest, found[1]
    if int(max(np.abs(least).max(), np.abs(most).max())) >= EXACT:
        return False
    if bias is not None and not _exact_shift(least, most, scale, bias):
        return False
    shift = None if bias is None else bias.astype(np.float64)
    source = Source(node, replace(value, pad=None), least, most, layer.step, scale, shift, layer)
    low.values[node] = Value("", "pending", pending=Pending(source))
    return True


def note_zeros(low: Lowering, node: Any) -> None:
    """Report latent weights that are exactly 0: they count as +1."""
    if isinstance(node, fx.Node) and match.base_name(node) == "binmorph.sign":
        latent = low.constants.get(node.all_input_nodes[0])
        zeros = 0 if latent is None else int((latent == 0).sum())
        if zeros:
            low.notes.append(f"{match.site(node).path}: {zeros} latent weights are exactly 0 and count as +1")


def conv2d(low: Lowering, node: fx.Node) -> None:
    """A convolution with binary or ternary weights."""
    args = match.bound(node)
    weight = low.constant(args["weight"], "weight")
    bias = None if args["bias"] is None else low.constant(args["bias"], "bias")
    source = args["input"]
    value = low.read_bits(source, "a binary convolution", signs=True)
    if value.kind in ("unknown", "unresolved"):
        raise Stop("cannot be packed")
    if len(match.shape_of(source)) != 4:
        raise Stop("a convolution without a batch dimension is not packed")
    height, width = (int(s) for s in match.shape_of(source)[2:])
    stride, dilation = match.pair(args["stride"]), match.pair(args["dilation"])
    pad = _padding(args["padding"], weight.shape[2:], dilation)
    if value.pad is not None:
        height, width = height - 2 * value.pad.size[0], width - 2 * value.pad.size[1]
        if pad.size != (0, 0) and value.pad.size != (0, 0):
            raise Stop("its input is padded already, and it pads again")
        pad = value.pad if value.pad.size != (0, 0) else pad
    window = Window((height, width), stride, dilation, int(args["groups"]), pad)
    if not binary_sums(low, node, value, weight, bias, window):
        if bias is not None and _ternary(weight) is not None:
            raise Misfit(
                "its bias is added inside the sum, in an order that is torch's own; use "
                "binmorph.nn.BinaryConv2d(bias=True), which adds it behind the sum, or batch normalisation"
            )
        raise Stop(
            "its weights are neither -1 and +1 nor these times one power of two per output channel (a scale "
            "belongs behind the sum; a SelfBinarizingTanh must be hardened)"
        )
    note_zeros(low, args["weight"])


def _padding(padding: Any, kernel: tuple[int, ...], dilation: tuple[int, int]) -> Pad:
    if padding == "valid":
        return Pad()
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(r % 2 for r in reach):
            raise Stop('padding "same" of an even window is not symmetric; give the padding in pixels')
        return Pad((reach[0] // 2, reach[1] // 2))
    return Pad(match.pair(padding))


def pad(low: Lowering, node: fx.Node) -> None:
    """A border around signs or bits, for the convolution behind it."""
    args = match.bound(node)
    source = args.get("self", args.get("input"))
    mode = str(args.get("mode", "constant"))
    if match.base_name(node) == "aten.replication_pad2d":
        source, mode = args["self"], "replicate"
    sides = [int(s) for s in args["padding" if "padding" in args else "pad"]]
    value = low.read_bits(source, "padding", signs=True)
    if value.kind in ("unknown", "unresolved"):
        low.values[node] = value
        return
    if mode not in ("constant", "replicate") or len(sides) != 4 or value.pad is not None:
        raise Misfit(f"padding of mode {mode!r} with {len(sides)} sides is not packed, nor padding twice")
    if sides[0] != sides[1] or sides[2] != sides[3] or min(sides) < 0:
        raise Misfit("padding is packed only if it is the same on opposite sides")
    number = None if mode == "replicate" else float(args.get("value") or 0.0)
    if number is not None and number not in (-1.0, 0.0, 1.0):
        raise Misfit(f"padding with {number:g} is not packed, only with -1, 0, 1 or the nearest pixel")
    low.values[node] = replace(value, pad=Pad((sides[2], sides[0]), number))


def stage(low: Lowering, node: fx.Node, source: fx.Node) -> bool:
    """Whether a max-pool or flattening extends a chain; if so, it is part of it from now on."""
    value = low.values.get(source)
    if value is None or value.kind not in ("pending", "bits", "signs"):
        return False
    if value.pending is None and value.flip is None:
        return False
    pending = _pending(low, source)
    low.values[node] = Value("", "pending", pending=replace(pending, stages=(*pending.stages, node)))
    return True
