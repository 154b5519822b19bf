"""Thresholds of real numbers: where a chain behind a stream of float32 turns from one bit to the other.

A chain of increasing or decreasing operators, each rounded, gives a bit that changes at most once along the
float32 numbers. These are ordered like integers, so bisection finds the number at which it does in 32 steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from . import match
from .chain import Array, Source, evaluate
from .state import Lowering, NotAThreshold, Stop

Keys = npt.NDArray[np.int64]
LARGEST = int(np.float32(np.finfo(np.float32).max).view(np.int32))
FAR = int(np.float32(2.0**60).view(np.int32))  # squares of what lies nearer are finite
SAMPLE = 1 << 22  # values tried besides
ZERO = "torch.sign maps 0 to 0, a third value; use binmorph.nn.STESign(), or torch.where(x >= 0, 1.0, -1.0)"


def numbers_at(keys: Keys) -> npt.NDArray[np.float32]:
    """The float32 numbers with these places: 0 is zero, 1 the least positive number, and so on."""
    positive = np.abs(keys).astype(np.int32).view(np.float32)
    return np.where(keys < 0, -positive, positive).astype(np.float32)


def values_at(low: Lowering, node: fx.Node, source: Source, keys: Keys) -> Array:
    """What the chain gives at ``node`` for float32 numbers [M, C] of the source, float32 [M, C]."""
    x = torch.from_numpy(numbers_at(keys))
    known = {source.node: x if source.rank == 2 else x.T[None, :, :, None].contiguous()}
    y = evaluate(node, known, low.constants, lambda _, value: value)
    y = y if source.rank == 2 else y[0, :, :, 0].T
    return y.to(torch.float32).expand(keys.shape).numpy()


def kind_of_reals(low: Lowering, node: fx.Node, source: Source) -> str | None:
    """ "signs", "bits", or "ternary" if nothing but -1, 0 and 1 was found, by a sample; else None."""
    spread = np.linspace(-FAR, FAR, 255).astype(np.int64)
    y = values_at(low, node, source, np.repeat(spread[:, None], source.channels, 1))
    if np.isin(y, (-1, 1)).all():
        return "signs"
    if np.isin(y, (0, 1)).all():
        return "bits"
    return "ternary" if np.isin(y, (-1, 0, 1)).all() else None


def find_levels(
    low: Lowering, node: fx.Node, source: Source, kind: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(level float32 [C], invert bool [C]): the bit is [x >= level] XOR invert for every finite float32 x.

    Raises NotAThreshold where a sample shows a second change, or a third value.
    """

    def bits(keys: Keys) -> npt.NDArray[np.bool_]:
        y = values_at(low, node, source, keys)
        other = -1 if kind == "signs" else 0
        if not bool(((y == 1) | (y == other)).all()):
            at = np.argwhere((y != 1) & (y != other))[0]
            x = float(numbers_at(keys)[tuple(at)])
            what = f"{ZERO}. It does" if y[tuple(at)] == 0 else f"its value is {y[tuple(at)]:g}"
            raise Stop(f"{what} where its input is {x:g}")
        return y == 1

    end = LARGEST
    ones = np.ones((1, source.channels), np.int64)
    if np.isnan(values_at(low, node, source, np.concatenate([-end * ones, end * ones]))).any():
        end = FAR
    below, above = -end * ones[0], end * ones[0]
    first, last = bits(below[None])[0], bits(above[None])[0]
    while int((above - below).max()) > 1:
        middle = (above + below) // 2
        same = bits(middle[None])[0] == first
        below, above = np.where(same, middle, below), np.where(same, above, middle)
    constant = first == last
    level = numbers_at(np.where(constant, -LARGEST, above))
    # Where it never fires, everything is above the level, and inverted.
    invert = np.where(constant, ~first, first)
    probes = _probes(above, end, source.channels, straight(node, source, low))
    wrong = bits(probes) != ((numbers_at(probes) >= level) ^ invert)
    if bool(wrong.any()):
        channel = int(np.argwhere(wrong)[0][1])
        raise NotAThreshold(
            f"the bit of channel {channel} changes more than once as its input grows, so it is no threshold; "
            "keep to increasing or decreasing operators"
        )
    return level, invert


def straight(node: fx.Node, source: Source, low: Lowering) -> bool:
    """Whether each operator of the chain reads one value of it: no straight-through arithmetic."""
    while node is not source.node:
        read = {n for n in node.all_input_nodes if n not in low.constants}
        if len(read) != 1:
            return False
        node = read.pop()
    return True


def _probes(above: Keys, end: int, channels: int, few: bool) -> Keys:
    """Places to try besides: around the change, around zero and one, and everywhere."""
    count = max(256, min(1 << 10 if few else 1 << 15, SAMPLE // channels))
    near = np.arange(-count // 8, count // 8)[:, None]
    one = int(np.float32(1).view(np.int32))
    everywhere = np.linspace(-end, end, count).astype(np.int64)[:, None]
    parts: list[Any] = [above + near, everywhere, near, one + near, -one + near]
    return np.concatenate([np.clip(np.broadcast_to(p, (len(p), channels)), -end, end) for p in parts])


def dominators(node: fx.Node, source: Source, low: Lowering) -> list[fx.Node]:
    """The values that all of the chain from ``source`` to ``node`` goes through, the last one first, without
    both ends."""

    def reaches(start: fx.Node, without: fx.Node) -> bool:
        if start is source.node:
            return True
        read = [n for n in start.all_input_nodes if n not in low.constants and n is not without]
        return any(reaches(n, without) for n in read)

    order: list[fx.Node] = []
    pending = [node]
    while pending:
        for n in pending.pop().all_input_nodes:
            if n not in low.constants and n is not source.node and n not in order:
                order.append(n)
                pending.append(n)
    found = [n for n in order if not reaches(node, n)]
    position = {n: i for i, n in enumerate(node.graph.nodes)}
    found.sort(key=lambda n: -position[n])
    return [n for n in found if match.dtype_of(n) == torch.float32]
