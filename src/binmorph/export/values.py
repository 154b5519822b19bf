"""What the nodes of a traced graph become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import fx

if TYPE_CHECKING:
    from .accumulator import Pad
    from .chain import Pending

Array = np.ndarray[Any, Any]
Reference = tuple[str, Callable[[torch.Tensor], Array]]


@dataclass(frozen=True, eq=False)
class Value:
    """What a traced node became.

    Attributes:
        name: of the IR value; "" while it is pending.
        kind: "image"; "bits" ({0, 1}) or "signs" ({-1, +1}, stored as bits); "int" or "float", a stream of
            numbers; "concat", several of these one after another; "pending", a sum or what elementwise
            operators made of it, until a reader needs it; "unknown" after a problem upstream, or "unresolved"
            if what follows is not to be blamed.
        flip: bool [channels or features], which are stored complemented; None if none is.
        pad: the border that the next convolution is to see.
        pending: where a pending value comes from.
        domain: of integers: (low, high) int64 [channels] and the step between them.
        parts: of a concatenation: (channels, value) of each.
    """

    name: str
    kind: str
    flip: Array | None = None
    pad: Pad | None = None
    pending: Pending | None = None
    domain: tuple[Array, Array, int] | None = None
    parts: tuple[tuple[int, Value], ...] = ()


@dataclass(frozen=True, eq=False)
class Rounded:
    """A traced operator whose float result depends on an order of summation (or a division) that is the
    library's own.

    Attributes:
        layer: the IR value that stands for it, or "".
        canonical: what the packed network computes with, where that is no IR value: from the one of
            ``layer``, or without one from torch's own result.
        terms: the roundings of one result.
        noise, slack: relative error of the weights that the packed layer has, and what else its results may
            be off.
    """

    layer: str
    terms: int
    canonical: Callable[[torch.Tensor], torch.Tensor] | None = None
    noise: float = 0.0
    slack: float = 0.0


@dataclass(frozen=True, eq=False)
class Reading:
    """What a packed layer reads: the traced node ``start``, of the sort and with the complements of
    ``value``."""

    start: fx.Node
    value: Value

    def true(self, stored: Array) -> Array:
        """float32 values of ``start`` for stored bits [N, C, ...] (or for bytes, these)."""
        if self.value.kind not in ("bits", "signs"):
            return stored.astype(np.float32)
        flip = np.zeros(1, np.bool_) if self.value.flip is None else self.value.flip
        bits = (stored != 0) ^ flip.reshape(1, -1, *(1,) * (stored.ndim - 2))
        true: Array = np.where(bits, 1, -1 if self.value.kind == "signs" else 0).astype(np.float32)
        return true
