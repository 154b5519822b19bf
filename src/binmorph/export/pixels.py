"""First layers over bytes: convolutions of pixels, scaled and shifted or not, as integer sums.

A network that computes x / 255, or (x - mean) / deviation with one mean and deviation, convolves a p + b for
bytes p. With weights s w, w small integers, and taps outside the image of value v,

    y = a s S + (s b sum(w) + bias),    S = sum over taps inside of w p + z sum over taps outside of w,
    z = (v - b) / a

S is an integer where z is (where 2 z is, 2 S), so a sign behind y is a threshold of S. torch rounds every
product and partial sum; packed, y is one rounding of the exact sum.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from . import match
from .accumulator import Window
from .chain import Array, Pending, Source, on_grid
from .state import Lowering
from .values import Reading, Rounded, Value
from .weights import EXACT, core_of

_ROUNDINGS = 8 * 2.0**-24  # what a few operators on the way may have moved a pixel off its straight line
_NEAR = 2.0**-10  # an integer z is known up to the roundings of a and b


def bytes_behind(low: Lowering, node: fx.Node) -> bool:
    """Whether ``node`` is the network's image of bytes, cast or changed value by value or not."""
    value = low.values[node]
    image = value.pending.source.value if value.pending is not None else value
    return image.kind == "image" and low.input.dtype == "uint8" and len(match.shape_of(node)) == 4


def unpadded(node: fx.Node) -> fx.Node:
    """What lies in front of padding."""
    while match.base_name(node) in match.PADS:
        node = node.all_input_nodes[0]
    return node


def byte_sums(
    low: Lowering, node: fx.Node, source: fx.Node, weight: Array, bias: Array | None, window: Window
) -> bool:
    """Make ``node`` a convolution of the network's bytes, if ``source`` is an affine map of these and
    ``weight`` [O, D, kh, kw] has small integers, maybe scaled per output; False if not."""
    line = _line(low, source) if bytes_behind(low, source) and window.pad.value is not None else None
    found = _integers(weight)
    if line is None or found is None:
        return False
    (a, b), (integers, scale, noise) = line, found
    rows, columns = window.classes((weight.shape[2], weight.shape[3]))
    inside = np.einsum("oij,ri,sj->rso", integers.sum(1), rows.astype(np.int64), columns.astype(np.int64))
    outside = integers.sum((1, 2, 3)) - inside.reshape(-1, len(weight))
    half = 2 * ((window.pad.value or 0.0) - b) / a if outside.any() else 0.0
    if abs(half - round(half)) > _NEAR:
        return False
    factor = 2 if round(half) % 2 else 1
    small, constant = factor * integers, factor * round(half) // 2 * outside
    if (constant == constant[:1]).all():
        constant = constant[:1]
    flat = small.reshape(len(small), -1)
    least, most = (
        255 * np.minimum(flat, 0).sum(1) + constant.min(0),
        255 * np.maximum(flat, 0).sum(1) + constant.max(0),
    )
    if (
        np.abs(small).max() > 127
        or 255 * int(np.abs(flat).sum(1).max()) + int(np.abs(constant).max()) >= EXACT
    ):
        return False
    name = low.put(
        node,
        lambda n: ir.PixelConv2d(
            n, low.input.name, (weight.shape[2], weight.shape[3]), window.stride, window.dilation,
            window.pad.size, window.groups, "zeros", weight=small.astype(np.int8),
            constant=constant.astype(np.int32),
        ),
    )  # fmt: skip
    pending = low.values[source].pending
    image = unpadded(source) if pending is None else pending.source.node
    low.readings[name] = Reading(image, low.values[image])
    sums = Value(name, "int", domain=(least, most, 1))
    slack = (
        _ROUNDINGS * max(abs(b), abs(255 * a + b)) * float((scale * np.abs(integers).sum((1, 2, 3))).max())
    )
    shift = scale * b * integers.sum((1, 2, 3)) + (0.0 if bias is None else bias.astype(np.float64))
    scale = (scale * a / factor).astype(np.float32).astype(np.float64)
    if (scale == 1).all() and not shift.any():
        low.values[node] = sums
        return True
    shifted = shift.astype(np.float32).astype(np.float64) if shift.any() else None
    behind = Source(node, sums, least, most, 1, scale, shifted)
    del low.traced_nodes[name]
    low.rounded[node.name] = Rounded(name, flat.shape[1] + 4, partial(_scaled, behind), noise, slack)
    low.notes.append(
        f"{match.site(node).path or node.name}: torch sums scaled pixels in an order of its own; "
        "packed, the scale follows the exact sum of the bytes"
    )
    low.values[node] = Value("", "pending", pending=Pending(behind))
    return True


def _scaled(source: Source, sums: torch.Tensor) -> torch.Tensor:
    """The value that stands for torch's, of exact ``sums`` [N, O, H, W]."""
    return source.scaled(sums.double().movedim(1, -1)).movedim(-1, 1).contiguous()


def _line(low: Lowering, node: fx.Node) -> tuple[float, float] | None:
    """(a, b) with ``node`` = a p + b for bytes p of every channel, up to roundings; None if it is no such
    map."""
    pending = low.values[node].pending
    if pending is None:
        return 1.0, 0.0
    (values,) = on_grid([unpadded(node)], pending, low.constants)
    points = values.astype(np.float64)
    b, a = float(points[0, 0]), float(points[255, 0] - points[0, 0]) / 255
    gap = np.abs(points - (a * np.arange(256)[:, None] + b)).max()
    return (a, b) if a and gap <= _ROUNDINGS * np.abs(points).max() else None


def _integers(weight: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], float] | None:
    """(integers, scale [O], relative error) with ``weight`` = scale * integers; None without such."""
    if np.isfinite(weight).all() and (weight == np.rint(weight)).all() and np.abs(weight).max() <= 127:
        return weight.astype(np.int64), np.ones(len(weight)), 0.0
    core = core_of(weight)
    return None if core is None else (core.signs.astype(np.int64), core.scale, core.noise)
