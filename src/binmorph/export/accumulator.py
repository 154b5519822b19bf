"""Integer sums of binary layers: which values they reach, and the popcount thresholds that stand for them.

The torch layer sums w x over its taps with w in {-1, 0, +1} and x in {-1, +1} or {0, 1}; taps outside the
image read a constant v, or the nearest pixel. The packed layer counts P+ - P- over stored bits, where taps
outside read one bit e. For output positions of one class (the same taps inside the image) the two differ by a
constant:

    sum = A (P+ - P-) + C[class, output],    A = 2 for signs, 1 for bits

A stored bit may be the complement of the true one (``flip``, per channel); its weight then enters negated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pad:
    """What surrounds an image: ``size`` (rows, columns) on each side, ``value`` of a tap there; None is the
    nearest pixel."""

    size: tuple[int, int] = (0, 0)
    value: float | None = 0.0


@dataclass(frozen=True, eq=False)
class Window:
    """How a layer reads an image; ``image`` is (height, width). A dense layer is a 1 x 1 window on (1, 1)."""

    image: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    pad: Pad = Pad()

    def classes(self, kernel: tuple[int, int]) -> tuple[Array, Array]:
        """Taps inside the image, bool [row classes, kh] and [column classes, kw], in the order of
        :func:`ir.border_classes`; one class if nothing is outside."""
        masks = []
        for axis in range(2):
            size, k, stride = self.image[axis], kernel[axis], self.stride[axis]
            dilation, padding = self.dilation[axis], self.pad.size[axis]
            of, count = ir.border_classes(size, k, stride, dilation, padding)
            first = np.array([int(np.argmax(of == i)) for i in range(count)])
            tap = first[:, None] * stride - padding + np.arange(k) * dilation
            masks.append((tap >= 0) & (tap < size))
        if self.pad.value is None:
            return np.ones((1, kernel[0]), np.bool_), np.ones((1, kernel[1]), np.bool_)
        return masks[0], masks[1]


@dataclass(frozen=True, eq=False)
class Sums:
    """The sums of one layer.

    Attributes:
        weight: int8 [O, D, kh, kw], in {-1, 0, 1}, for the stored bits (negated where these are flipped).
        factor: A, 2 for signs and 1 for bits.
        border: what the packed layer reads outside, "zeros", "ones" or "replicate".
        constant: C, int64 [classes, O].
        low, high: int64 [classes, O], the range of P+ - P-; every integer in between occurs.
        window: how the layer reads its image.
    """

    weight: npt.NDArray[np.int8]
    factor: int
    border: str
    constant: npt.NDArray[np.int64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    window: Window

    @property
    def smallest(self) -> npt.NDArray[np.int64]:
        """int64 [O], the least sum over all classes."""
        return (self.factor * self.low + self.constant).min(0)

    @property
    def largest(self) -> npt.NDArray[np.int64]:
        """int64 [O], the greatest sum over all classes."""
        return (self.factor * self.high + self.constant).max(0)

    @property
    def step(self) -> int:
        """Sums of every class lie on the grid smallest[o] + step * j."""
        least = self.factor * self.low + self.constant
        return int(np.gcd.reduce(np.append((least - least.min(0)).reshape(-1), self.factor)))

    def neurons(self, at: npt.NDArray[np.int64], invert: Array, margin: Array) -> tuple[ir.Neurons, Array]:
        """The neurons [O] that fire where sum >= at[o] (complemented by ``invert``), and their offsets by
        class.

        Offsets are int32 [classes, O], or zeros [1, O] if one threshold serves every class.
        """
        outputs = len(self.weight)
        flat = self.weight.reshape(outputs, -1)
        # sum >= at  <=>  P+ - P- >= ceil((at - C) / A); beyond the range of a class, never or always.
        wanted = np.clip(-((self.constant - at) // self.factor), self.low, self.high + 1)
        interior = int(np.argmax((self.high - self.low).sum(1)))
        base = wanted[interior]
        offset = np.where(np.clip(base, self.low, self.high + 1) == wanted, 0, wanted - base)
        if not offset.any():
            offset = np.zeros((1, outputs), np.int64)
        always, never = wanted <= self.low, wanted > self.high
        constant = always.all(0) | never.all(0)
        status = np.where(constant, ir.Status.CONSTANT, ir.Status.POPCOUNT).astype(np.uint8)
        neurons = ir.Neurons(
            flat == 1,
            flat == -1,
            base.astype(np.int32),
            np.asarray(invert, np.bool_),
            status,
            margin.astype(np.float64),
            np.zeros(outputs),
        )
        return neurons, offset.astype(np.int32)


def sums(weight: Array, signs: bool, flip: Array | None, window: Window) -> Sums:
    """The sums of a layer with ``weight`` [O, D, kh, kw] in {-1, 0, 1} over inputs [groups * D] that are
    signs or bits, stored complemented where ``flip`` bool [groups * D] says so (None: nowhere)."""
    outputs, depth, kh, kw = weight.shape
    rows, columns = window.classes((kh, kw))
    true = weight.astype(np.int64)
    group = np.arange(outputs) // (outputs // window.groups)
    own = np.zeros((outputs, depth), np.bool_)
    if flip is not None:
        own = flip[group[:, None] * depth + np.arange(depth)]
    stored = np.where(own[:, :, None, None], -true, true)

    def inside(w: Array) -> Array:
        """The sum of ``w`` over the taps inside, int64 [classes, O]."""
        summed: Array = np.einsum("oij,ri,sj->rso", w.sum(1), rows.astype(np.int64), columns.astype(np.int64))
        return summed.reshape(-1, outputs)

    value = window.pad.value
    border = "replicate" if value is None else "ones" if value == 1 else "zeros"
    everything = stored.sum((1, 2, 3))
    in_stored = inside(stored)
    outside = true.sum((1, 2, 3)) - inside(true)
    shown = (everything - in_stored) if border == "ones" else np.zeros_like(in_stored)
    factor = 2 if signs else 1
    # What the stored bits inside add up to beyond A (P+ - P-): -w~ for a sign 2b - 1, w for a bit 1 - b.
    fixed = -in_stored if signs else inside(np.where(own[:, :, None, None], true, 0))
    constant = fixed - factor * shown + int(value or 0) * outside
    low, high = shown - inside(stored < 0), shown + inside(stored > 0)
    if (constant == constant[:1]).all():
        # One threshold per output: its domain is that of all classes together.
        constant, low, high = constant[:1], low.min(0)[None], high.max(0)[None]
    return Sums(stored.astype(np.int8), factor, border, constant, low, high, window)
