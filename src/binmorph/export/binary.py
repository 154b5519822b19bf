"""Handlers of sign networks: binary convolutions and dense layers, padding, and what works value by value."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import fx

from . import match
from .accumulator import Pad, Window, sums
from .arithmetic import joined_by
from .chain import Array, Pending, Source, check_constants
from .float_layers import float_conv2d, scaled_bits
from .pixels import bytes_behind
from .signs import source_of
from .state import Lowering, Misfit, Stop
from .streams import floats, numbers
from .values import Rounded, Value
from .weights import EXACT, core_of, exact_shift


def elementwise(low: Lowering, node: fx.Node) -> None:
    """An operator on one value at a time: the chain behind a source grows by it."""
    read = list(dict.fromkeys(n for n in node.all_input_nodes if n not in low.constants))
    if not read:
        raise Stop("it reads a value that is not the output of an earlier layer")
    if any(low.known(n).pad is not None for n in read):
        raise Stop("padding is packed only in front of a convolution")
    sources = [_pending(low, n) for n in read]
    first = sources[0]
    if any(p.source.node is not first.source.node or p.stages != first.stages for p in sources):
        low.values[node] = Value(joined_by(low, node, [floats(low, n) for n in read], read), "float")
        return
    divisor = match.base_name(node).startswith("aten.div") and node.args[1] in read
    if divisor:
        raise Misfit("it divides by a sum")
    check_constants(node, first, low.constants)
    low.values[node] = Value("", "pending", pending=first)


def binary_example(low: Lowering) -> bool:
    """Whether the example input holds nothing but 0 and 1, so that the network's input is read as bits."""
    example = low.traced.example
    return bool(((example == 0) | (example == 1)).all())


def _gray(low: Lowering, node: fx.Node) -> str:
    """What the image [N, C, H, W] at ``node`` holds: "float", "bytes" (maybe cast to float), or "" for just
    bits."""
    if len(match.shape_of(node)) != 4 or binary_example(low):
        return ""
    return "bytes" if low.input.dtype == "uint8" else "float"


def _pending(low: Lowering, node: fx.Node) -> Pending:
    """``node`` as the beginning or the middle of a chain."""
    value = low.values[node]
    if value.pending is not None:
        return value.pending
    shape = match.shape_of(node)
    if len(shape) not in (2, 4):
        raise Stop("values of this many dimensions are not packed")
    ones = np.ones(int(shape[1]), np.int64)
    if value.kind == "concat":
        value = low.binary(node) or value  # of bits or signs, it is one of them
    if value.kind == "image":
        if _gray(low, node) == "bytes":
            return Pending(Source(node, value, 0 * ones, 255 * ones))
        if _gray(low, node) == "float":
            return Pending(source_of(node, replace(value, kind="float")))
        value = low.read_bits(node, "it")
    if value.kind in ("int", "float", "concat"):
        return Pending(source_of(node, value))
    low_end, step = (-ones, 2) if value.kind == "signs" else (0 * ones, 1)
    return Pending(Source(node, value, low_end, ones, step))


def binary_sums(
    low: Lowering, node: fx.Node, value: Value, weight: Array, bias: Array | None, window: Window
) -> bool:
    """Make ``node`` a pending sum if ``weight`` [O, D, kh, kw] is binary or ternary, maybe scaled per
    output; False if it is not."""
    found = core_of(weight)
    # Half precision does not hold the integers that the sums need.
    if found is None or match.dtype_of(node) not in (torch.float32, torch.float64):
        return False
    layer = sums(found.signs, value.kind == "signs", value.flip, window)
    least, most = layer.smallest, layer.largest
    if int(max(np.abs(least).max(), np.abs(most).max())) >= EXACT:
        return False
    scale = None if bool((found.scale == 1).all()) else found.scale
    shift = None if bias is None or not bias.any() else bias.astype(np.float64)
    source = Source(node, replace(value, pad=None), least, most, layer.step, scale, shift, layer)
    if not found.power or (shift is not None and not exact_shift(least, most, found.scale, shift)):
        terms = int(np.prod(weight.shape[1:])) + 2
        low.rounded[node.name] = Rounded("", terms, partial(_in_order, source), found.noise)
        low.notes.append(
            f"{match.site(node).path or node.name}: its scale or bias is part of torch's sums, which depend "
            "on their order; packed, it follows the exact sum"
        )
    low.values[node] = Value("", "pending", pending=Pending(source))
    if node.name in low.shared:
        low.values[node] = numbers(low, node)
    return True


def _in_order(source: Source, own: torch.Tensor) -> torch.Tensor:
    """Scaled sums [N, O, ...] as torch gives them, with the scale behind the exact sum."""
    last = own.double().movedim(1, -1)
    scale = 1.0 if source.scale is None else torch.from_numpy(source.scale)
    shift = 0.0 if source.shift is None else torch.from_numpy(source.shift)
    return source.scaled(((last - shift) / scale).round()).movedim(-1, 1).contiguous()


def note_zeros(low: Lowering, node: Any) -> None:
    """Report latent weights that are exactly 0: they count as +1."""
    if isinstance(node, fx.Node) and match.base_name(node) == "binmorph.sign":
        latent = low.constants.get(node.all_input_nodes[0])
        zeros = 0 if latent is None else int((latent == 0).sum())
        if zeros:
            low.notes.append(f"{match.site(node).path}: {zeros} latent weights are exactly 0 and count as +1")


def conv2d(low: Lowering, node: fx.Node) -> None:
    """A convolution: of bits with binary, ternary or two-valued weights, of bytes with small integers, else a
    float one."""
    args = match.bound(node)
    weight = low.constant(args["weight"], "weight")
    bias = None if args["bias"] is None else low.constant(args["bias"], "bias")
    source = args["input"]
    if len(match.shape_of(source)) != 4:
        raise Stop("a convolution without a batch dimension is not packed")
    stride, dilation = match.pair(args["stride"]), match.pair(args["dilation"])
    pad = _padding(args["padding"], weight.shape[2:], dilation)
    value = low.binary(source)
    if value is not None and value.kind == "image" and (_gray(low, source) or core_of(weight) is None):
        value = None
    height, width = (int(s) for s in match.shape_of(source)[2:])
    around = low.known(source).pad if value is None else value.pad
    if around is not None:
        height, width = height - 2 * around.size[0], width - 2 * around.size[1]
        if pad.size != (0, 0) and around.size != (0, 0):
            raise Stop("its input is padded already, and it pads again")
        pad = around if around.size != (0, 0) else pad
    window = Window((height, width), stride, dilation, int(args["groups"]), pad)
    if value is None:
        float_conv2d(low, node, source, weight, bias, window)
        return
    value = low.read_bits(source, "a binary convolution", signs=True)
    if binary_sums(low, node, value, weight, bias, window):
        note_zeros(low, args["weight"])
    elif not scaled_bits(low, node, value, weight, bias, window):
        raise Stop(
            "its weights are neither -1 and +1, maybe scaled, nor of two values per output channel (a "
            "SelfBinarizingTanh must be hardened)"
        )


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
    value = low.binary(source)
    if value is None or (value.kind == "image" and _gray(low, source)):
        value = low.values[source] if bytes_behind(low, source) else numbers(low, source)
    else:
        value = low.read_bits(source, "padding", signs=True)
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
    if pending.source.sums is None and pending.source.value.kind in ("int", "float", "concat"):
        return False
    low.values[node] = Value("", "pending", pending=replace(pending, stages=(*pending.stages, node)))
    return True
