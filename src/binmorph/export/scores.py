"""The last layer of a sign network: float scores out of bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import fx

from . import match
from .chain import Array
from .state import Lowering
from .values import Value

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


def ends_in_sums(low: Lowering, node: fx.Node) -> bool:
    """Whether ``node``, the network's last, is the sum of a binary layer, at most scaled and shifted:
    numbers, even where so few values occur that they could be read as signs."""
    pending = low.values[node].pending
    if pending is None or pending.source.sums is None or pending.stages:
        return False
    return _affine(node, pending.source.node)


def _affine(node: fx.Node, start: fx.Node) -> bool:
    """Whether only scales and shifts lie between ``start`` and ``node``."""
    while node is not start:
        base = match.base_name(node).rstrip("_")
        if base not in _SCALES and base not in match.IDENTITY | match.CASTS:
            return False
        node = node.all_input_nodes[0]
    return True
