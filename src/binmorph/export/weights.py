"""Binary and ternary weights, found in the float weights that torch convolves with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

EXACT = 1 << 24  # float32 holds every integer up to here
NOISE = 2.0**-22  # of straight-through arithmetic, (s - c) + c with |c| <= 1, around a scale s


@dataclass(frozen=True, eq=False)
class Core:
    """Weights [O, ...] as ``signs`` int8 in {-1, 0, +1} times ``scale`` float64 [O], of float32 values.

    ``power``: every scale is a power of two, so that scaled sums are exact in any order. ``noise``: the
    largest relative error of that product; not 0 where straight-through arithmetic left its roundings.
    """

    signs: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float64]
    power: bool
    noise: float


def core_of(weight: Array) -> Core | None:
    """The core of ``weight`` [O, ...], or None if an output has weights of several magnitudes."""
    flat = np.abs(weight.reshape(len(weight), -1)).astype(np.float64)
    if not np.isfinite(flat).all():
        return None
    scale = np.array([_commonest(row) for row in flat])
    gap = np.where(flat == 0, 0.0, np.abs(flat - scale[:, None])).max(1)
    if bool((gap > NOISE * np.maximum(1, scale)).any()) or bool((gap > scale / 1024).any()):
        return None
    if scale.max() > 2.0**60 or scale.min() < 2.0**-60:
        return None
    power = bool((np.frexp(scale)[0] == 0.5).all() and not gap.any())
    return Core(np.sign(weight).astype(np.int8), scale, power, float((gap / scale).max()))


def _commonest(row: Array) -> float:
    """The magnitude that most of the weights that are not 0 have; 1 if all are."""
    values, counts = np.unique(row[row != 0], return_counts=True)
    return float(values[np.argmax(counts)]) if len(values) else 1.0


def exact_shift(low: Array, high: Array, scale: Array, shift: Array) -> bool:
    """Whether sums in [low, high] times a power of two ``scale``, plus ``shift`` [O], are exact in float32 in
    every order of summation."""
    steps = shift.astype(np.float64) / scale
    for bits in range(24):
        unit = steps * 2.0**bits
        if (unit == np.rint(unit)).all():
            reach = np.maximum(np.abs(low), np.abs(high)) + np.abs(steps)
            return bool((reach * 2.0**bits < EXACT).all())
    return False


def two_values(weight: Array) -> tuple[Array, Array, Array] | None:
    """(bits bool, alpha [O], beta [O]), float32, if each output of ``weight`` [O, ...] has at most two
    values, alpha > beta; None if one has more."""
    flat = weight.reshape(len(weight), -1)
    high, low = flat.max(1, keepdims=True), flat.min(1, keepdims=True)
    if not bool(((flat == high) | (flat == low)).all()):
        return None
    return (flat == high).reshape(weight.shape), high[:, 0], low[:, 0]
