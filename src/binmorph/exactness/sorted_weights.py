"""Sorted weights with their sums over prefixes, and roots of piecewise linear functions of them: what the
projections onto activable parameters are solved with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .numeric import FloatArray

Line = tuple[FloatArray, FloatArray]
"""Values [R, k] and slopes."""
Scalar = TypeVar("Scalar", bound=np.generic)
_STEPS = 80  # bisection alone would need them; a dozen do in practice
_PRECISION = 2.0**-52  # of a root, where all parameters together are below 1


def pick(array: npt.NDArray[Scalar], column: npt.NDArray[np.int64]) -> npt.NDArray[Scalar]:
    """array[r, column[r, j]]: ``take_along_axis`` without its bookkeeping, which is most of its time here."""
    first = np.arange(len(array))[:, None] * array.shape[1]
    found: npt.NDArray[Scalar] = array.reshape(-1).take(first + column)
    return found


class SortedWeights:
    """Descending weights [R, n], and sums over S = the first m and over the rest, for several m at once."""

    def __init__(self, weight: FloatArray, m: npt.NDArray[np.int64] | None) -> None:
        """``m`` int64 [R, k] are the sizes of S; None is every size, k = n."""
        rows, self.n = weight.shape
        self.w = -np.sort(-weight, axis=-1)
        self.m = np.broadcast_to(np.arange(1, self.n + 1), weight.shape) if m is None else m
        self.last = pick(self.w, self.m - 1)
        zero = np.zeros((rows, 1))
        self.sums = np.concatenate([zero, np.cumsum(self.w, -1)], -1)
        self.squares = np.concatenate([zero, np.cumsum(self.w**2, -1)], -1)
        following = np.concatenate([self.w, np.full((rows, 1), -np.inf)], -1)
        self.run_end = self.last > pick(following, self.m)

    def above(self, level: FloatArray) -> npt.NDArray[np.int64]:
        """How many weights of the row exceed ``level`` [R, k], by binary search in each row."""
        low = np.zeros(level.shape, dtype=np.int64)
        high = np.full(level.shape, self.n, dtype=np.int64)
        for _ in range(self.n.bit_length()):
            middle = (low + high) // 2
            beyond = pick(self.w, np.minimum(middle, self.n - 1)) > level
            open_ = low < high
            low = np.where(open_ & beyond, middle + 1, low)
            high = np.where(open_ & ~beyond, middle, high)
        return low

    def moved(self, level: FloatArray, r: FloatArray, s: FloatArray) -> FloatArray:
        """|W' - W|^2 for W' = max(w - r, level) on S, max(w - s, 0) elsewhere."""
        first, last = np.minimum(self.above(level + r), self.m), np.maximum(self.above(s), self.m)
        linear, square = (pick(part, self.m) - pick(part, first) for part in (self.sums, self.squares))
        raised = (self.m - first) * level**2 - 2.0 * level * linear + square
        zeroed = self.squares[:, -1:] - pick(self.squares, last)
        return np.asarray(first * r**2 + np.maximum(raised, 0.0) + (last - self.m) * s**2 + zeroed)

    def inside(self, level: FloatArray) -> tuple[FloatArray, FloatArray]:
        """sum_S (level - w)_+ for the S of each column, and its slope."""
        raised = np.minimum(self.above(level), self.m)
        taken = pick(self.sums, self.m) - pick(self.sums, raised)
        count = (self.m - raised).astype(np.float64)
        return count * level - taken, count

    def outside(self, level: FloatArray) -> tuple[FloatArray, FloatArray]:
        """sum_{not S} (w - level)_+ for the S of each column, and its slope."""
        kept = np.maximum(self.above(level), self.m)
        taken = pick(self.sums, kept) - pick(self.sums, self.m)
        count = (kept - self.m).astype(np.float64)
        return taken - count * level, -count


def root(rising: Callable[[FloatArray], Line], low: FloatArray, high: FloatArray) -> FloatArray:
    """The root in [low, high] of an increasing piecewise linear function that gives its value and slope."""
    x = high
    for _ in range(_STEPS):
        value, slope = rising(x)
        low, high = np.where(value < 0, x, low), np.where(value < 0, high, x)
        step = value / slope
        newton = x - step
        inside = (low < newton) & (newton < high)
        open_ = np.abs(step) > _PRECISION
        if not open_.any():
            break
        x = np.where(open_, np.where(inside, newton, low + 0.5 * (high - low)), x)
    return x
