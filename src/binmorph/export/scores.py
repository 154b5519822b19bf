"""The last layer of a sign network: float scores out of bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import fx

from .. import ir
from . import match
from .chain import Array, on_grid
from .state import Lowering, Value
from .thresholds import kind_of

_ROUNDINGS = 8  # of float32: what a few operators on the way may have moved a score off its straight line

_SCALES = {"aten.batch_norm", "aten.add", "aten.sub", "aten.mul", "aten.div", "aten.neg"}


def over_stored_bits(
    weight: Array, bias: Array, value: Value
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weight [O, K] and bias [O] for the stored bits of ``value``, of a layer given for its true values.

    A sign is 2 b - 1, so y = W x + B = (2 W) b + (B - sum of W); a complemented bit takes another such step.
    2 W is exact; the bias is summed in float64 and rounded once.
    """
    w, b = weight.astype(np.float64), bias.astype(np.float64)
    if value.kind == "signs":
        w, b = 2 * w, b - w.sum(1)
    if value.flip is not None:
        b = b + w[:, value.flip].sum(1)
        w = np.where(value.flip, -w, w)
    with np.errstate(over="ignore"):
        return w.astype(np.float32), b.astype(np.float32)


def binary_scores(low: Lowering, node: fx.Node) -> Value | None:
    """The pending ``node``, at the network's end, as an ``ir.Linear``: a binary dense layer, then at most an
    affine map per output. None if it is of another form.

    Exact, and equal to torch on every bit, if all products and partial sums are; otherwise noted as rounded.
    """
    pending = low.values[node].pending
    assert pending is not None
    source = pending.source
    if source.sums is None or source.rank != 2 or pending.stages:
        return None
    (values,) = on_grid([node], pending, low.constants)
    if kind_of(values, source) is not None and not _affine(node, source.node):
        return None  # the network ends in signs
    grid = source.grid().astype(np.float64)
    occurs = grid <= source.high
    last = ((source.high - source.low) // source.step).astype(np.int64)
    column = np.arange(source.channels)
    least, most = values[0].astype(np.float64), values[last, column].astype(np.float64)
    slope = (most - least) / np.maximum(source.high - source.low, 1)
    line = least + slope * (grid - source.low)
    largest = np.where(occurs, np.abs(values), 0).max(0)
    if not bool(((np.abs(values - line) <= _ROUNDINGS * 2.0**-24 * largest) | ~occurs).all()):
        return None
    layer = source.sums
    w = slope[:, None] * layer.factor * layer.weight.reshape(source.channels, -1)
    b = least + slope * (layer.constant[0] - source.low)
    weight, bias = w.astype(np.float32), b.astype(np.float32)
    name = low.put(source.node, lambda n: ir.Linear(n, source.value.name, weight, bias))
    low.traced_nodes[name] = node.name
    if not _exact(weight, bias, w, b):
        low.notes.append(
            f"{name}: its scale and shift ({match.site(node).path or match.base_name(node)}) are folded into "
            "float weights, so scores differ from torch's by roundings"
        )
    return Value(name, "float")


def _affine(node: fx.Node, start: fx.Node) -> bool:
    """Whether only scales and shifts lie between ``start`` and ``node``."""
    while node is not start:
        base = match.base_name(node).rstrip("_")
        if base not in _SCALES and base not in match.IDENTITY | match.CASTS:
            return False
        node = node.all_input_nodes[0]
    return True


def _exact(weight: Array, bias: Array, w: Array, b: Array) -> bool:
    """Whether float32 holds ``w``, ``b`` and every partial sum of them."""
    if not (np.array_equal(weight, w) and np.array_equal(bias, b)):
        return False
    reach = np.abs(w).sum(1) + np.abs(b)
    unit = np.where(reach > 0, 2.0 ** (np.ceil(np.log2(np.maximum(reach, 1e-300))) - 24), 1.0)
    return bool((np.mod(w, unit[:, None]) == 0).all() and (np.mod(b, unit) == 0).all())
