"""The closed form of a batch normalisation in front of a sign, held against the thresholds that were found.

Torch computes fma(x, a, b) in float32, with a and b as the module gives them. The product of two float32
numbers is exact in float64, and one rounding never turns the sign of a sum: [a x + b >= 0] in float64 is
torch's bit. Two ways to one threshold that know nothing of each other catch what either alone would not: a
torch that computes in another order, or a search that went wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import fx

from . import match
from .arithmetic import batch_norm_affine
from .chain import Array, Source
from .state import Lowering

THROUGH = match.IDENTITY | match.RESHAPES | {"aten.max_pool2d"}


def fold(a: Array, b: Array, low: Array, high: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(T, flip), both [O], with [a x + b >= 0] = [x >= T] XOR flip for the integers x in [low, high]."""
    slope, shift, flip = a.astype(np.float64), b.astype(np.float64), a < 0
    with np.errstate(all="ignore"):
        crossing = -shift / slope
    crossing = np.clip(np.where(np.isfinite(crossing), crossing, 0), low - 2, high + 2)
    at = np.where(flip, np.floor(crossing) + 1, np.ceil(crossing))
    for _ in range(2):  # the quotient is rounded: its neighbours decide
        before, here = ((slope * x + shift >= 0) ^ flip for x in (at - 1, at))
        at = np.where(before, at - 1, np.where(here, at, at + 1))
    at = np.where(slope == 0, np.where(shift >= 0, low, high + 1), at)
    return np.clip(at, low, high + 1).astype(np.int64), flip


def check_sums(low: Lowering, node: fx.Node, source: Source, at: Array, invert: Array) -> None:
    """Count the channels of the sign ``node`` behind sums, whose bit is [x >= at] XOR invert."""
    affine = _affine(low, node, source)
    if affine is None:
        return
    expected, flip = fold(*affine, source.low, source.high)
    grid = source.grid()
    same = ((grid >= at) ^ invert) == ((grid >= expected) ^ flip)
    _count(low, (same | (grid > source.high)).all(0))


def check_levels(low: Lowering, node: fx.Node, source: Source, level: Array, invert: Array) -> None:
    """As :func:`check_sums` for a stream of float32 numbers: at the level and at the number below it."""
    affine = _affine(low, node, source)
    if affine is None:
        return
    a, b = (column.astype(np.float64) for column in affine)
    with np.errstate(all="ignore"):  # rounded once more, since what underflows is 0, and 0 is +1
        below = np.nextafter(level, np.float32(-np.inf))
        bits = [(a * x.astype(np.float64) + b).astype(np.float32) >= 0 for x in (level, below)]
    _count(low, (bits[0] == ~invert) & ((bits[1] == invert) | ~np.isfinite(below)))


def _count(low: Lowering, same: Array) -> None:
    low.closed_forms["channels"] += same.size
    low.closed_forms["apart"] += int((~same).sum())


def _affine(low: Lowering, node: fx.Node, source: Source) -> tuple[Any, Any] | None:
    """(a, b) float32 [O] if nothing but one batch normalisation works between ``source`` and the sign."""
    if source.scale is not None or source.shift is not None:
        return None
    wanted = ["aten.batch_norm", "binmorph.sign"]
    norm = node
    while node is not source.node:
        base = match.base_name(node)
        if wanted and base == wanted[-1]:
            wanted.pop()
            norm = node if base == "aten.batch_norm" else norm
        elif base not in THROUGH:
            return None
        node = node.all_input_nodes[0]
    return None if wanted else batch_norm_affine(norm, low, source.channels)
