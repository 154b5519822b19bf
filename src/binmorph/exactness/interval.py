"""The exactness interval [L, U) of a neuron and an operator: the theorem, as a formula.

Let the operator be f(X) = [count of true literals of S >= k], a literal being x_i (i in ``plus``) or NOT x_i
(i in ``minus``), and let the inputs be almost binary: X_i = 0 means x_i in [0, v1_i], X_i = 1 means x_i in
[v2_i, 1]. With

    L = max of weight.x over all inputs where f must be 0,
    U = min of weight.x over all inputs where f must be 1,

the float neuron (weight.x > b) equals f on every input **iff L <= b < U**; the neuron (weight.x >= b), which
a negative scale complements, equals f iff L < b <= U. Both sentences are the definition of a maximum and a
minimum.

The extrema are separable. Each input adds to weight.x a term whose largest (smallest) value depends only on
the literal being true or false, so L takes for each member of S the largest "false" term plus the k - 1
largest positive gains of turning literals true, and U the smallest "false" term plus the k smallest gains
(and every further negative one); an input outside S adds max(w, 0) to L and min(w, 0) to U. For S with
positive weights and k = 1 or k = |S| these are the bounds for dilations and erosions of almost-binary images
of Aouad & Talbot (2022, arXiv:2203.12337 and arXiv:2204.08768; 2023, arXiv:2401.03830); counts and literals
are this package's generalisation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .numeric import BoolArray, ExactArray, FloatArray, error_bound, sums_are_exact, to_integers


class Operators(NamedTuple):
    """Threshold operators without inversion: masks bool [R, n], ``threshold`` int64 [R], as in Neurons."""

    plus: BoolArray
    minus: BoolArray
    threshold: npt.NDArray[np.int64]

    @property
    def member(self) -> BoolArray:
        """S, the literals of either sign, bool [R, n]."""
        return self.plus | self.minus

    @property
    def needed(self) -> npt.NDArray[np.int64]:
        """k, how many literals of S must be true, int64 [R]."""
        return np.asarray(self.threshold + self.minus.sum(-1, dtype=np.int64))

    @property
    def always(self) -> BoolArray:
        """Fires on every input, bool [R]."""
        return np.asarray(self.needed <= 0)

    @property
    def never(self) -> BoolArray:
        """Fires on no input, bool [R]."""
        return np.asarray(self.needed > self.member.sum(-1))

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Operators:
        """The operators of some of the neurons."""
        return Operators(self.plus[rows], self.minus[rows], self.threshold[rows])


def _extrema(
    weight: ExactArray, at_low: ExactArray, at_high: ExactArray, operators: Operators
) -> tuple[ExactArray, ExactArray]:
    """L and U [R] from weight, weight * v1 and weight * v2 [R, n]; without meaning if no input is such."""
    minus, member, needed = operators.minus, operators.member, operators.needed
    # A bit 0 lets w x range between 0 and w v1, a bit 1 between w v2 and w; ``minus`` swaps the two roles.
    zero = np.minimum(at_low, 0), np.maximum(at_low, 0)
    one = np.minimum(at_high, weight), np.maximum(at_high, weight)
    false_min, false_max = (np.where(minus, one[side], zero[side]) for side in (0, 1))
    true_min, true_max = (np.where(minus, zero[side], one[side]) for side in (0, 1))
    position = np.arange(weight.shape[-1])
    most = np.where(member, np.maximum(true_max - false_max, 0), 0)
    most = -np.sort(-most, axis=-1)
    # No gain exceeds the largest |w|, so with it in the places outside S the members still sort first.
    largest = np.abs(weight).max(-1, keepdims=True)
    least = np.sort(np.where(member, true_min - false_min, largest), axis=-1)
    lower = np.where(member, false_max, np.maximum(weight, 0)).sum(-1)
    lower = lower + np.where(position < needed[:, None] - 1, most, 0).sum(-1)
    upper = np.where(member, false_min, np.minimum(weight, 0)).sum(-1)
    upper = upper + np.where(position < needed[:, None], least, np.minimum(least, 0)).sum(-1)
    return lower, upper


def interval(
    weight: FloatArray, operators: Operators, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """L and U, float64 [R], of one operator per neuron ``weight`` float64 [R, n].

    ``low`` and ``high`` float64 [R, n] are v1 and v2. L is -inf for an operator that always fires, U is +inf
    for one that never does. v1 > v2 is allowed and means less knowledge; (1, 0) is none: any x, either bit.
    """
    lower, upper = _extrema(weight, weight * low, weight * high, operators)
    return np.where(operators.always, -np.inf, lower), np.where(operators.never, np.inf, upper)


def holds(
    weight: FloatArray,
    bias: FloatArray,
    strict: BoolArray,
    operators: Operators,
    low: FloatArray,
    high: FloatArray,
) -> tuple[BoolArray, FloatArray, FloatArray, FloatArray]:
    """Decide L <= b < U (``strict``: the neuron is weight.x > b) or L < b <= U (it is weight.x >= b).

    Arrays are [R] and [R, n]. Returns the decision, which is exact, and L, U in float64 with a bound of their
    error.
    """
    lower, upper = interval(weight, operators, low, high)
    error = error_bound(weight, bias)
    inside = _silent(lower, bias, strict) & ~_silent(upper, bias, strict)
    near = np.flatnonzero((np.abs(bias - lower) <= error) | (np.abs(upper - bias) <= error))
    if near.size:
        v1, v2 = low[near], high[near]
        binary = np.all(((v1 == 0) | (v1 == 1)) & ((v2 == 0) | (v2 == 1)), axis=-1)
        settled = binary & sums_are_exact(weight[near], bias[near])
        error[near[settled]] = 0.0
        near = near[~settled]
    if near.size:
        lows, highs, one = to_integers(low[near], high[near], np.ones(1), spare_bits=0)
        # |L| and |U| are at most sum |w|, of n terms, on the scale of ``one``; differences take one more bit.
        spare_bits = weight.shape[-1].bit_length() + int(one[0]).bit_length() + 1
        weights, biases = to_integers(weight[near], bias[near], spare_bits=spare_bits)
        operators, strict, biases = operators.take(near), strict[near], biases * one
        exact_lower, exact_upper = _extrema(weights * one, weights * lows, weights * highs, operators)
        silent_at_lower = operators.always | _silent(exact_lower, biases, strict)
        silent_at_upper = ~operators.never & _silent(exact_upper, biases, strict)
        inside[near] = silent_at_lower & ~silent_at_upper
    return inside, lower, upper, error


def _silent(accumulator: ExactArray, bias: ExactArray, strict: BoolArray) -> BoolArray:
    """Whether the neuron (> b if ``strict``, else >= b) does not fire at this accumulator."""
    return np.asarray(np.where(strict, accumulator <= bias, accumulator < bias), dtype=np.bool_)
