"""The nearest constant-weight neuron: what an inexact neuron is replaced by.

Aouad & Talbot (2023, arXiv:2401.03830) binarize a neuron that is no erosion or dilation by projecting its
weights onto the sets {theta 1_S : theta >= 0}. For a given S the best theta is the mean of the weights on S
and the squared distance is |W|^2 - (sum_S W)^2 / |S|, so S maximises sum_S W / sqrt(|S|), and is a prefix of
the descending weights.

*Equal weights.* After m weights of sum A, taking t of T equal weights c > 0 scores (A + t c) / sqrt(m + t),
which first falls and then rises in t: its maximum is at t = 0 or t = T. So only the ends of runs of equal
weights are compared, all of a run enters or none, and the result does not depend on the order of the inputs.
(Running the score over the distinct values alone, as if each occurred once, is wrong: W = [1, 0.3 x 8] would
give |S| = 1.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .numeric import BoolArray, FloatArray, check_neurons, to_integers

SUPPORTS: dict[str, float | None] = {"optimal": None, "uniform": 2 / 3, "normal": 3 / 4}
"""How S is chosen: the nearest set, or without a search all weights of at least this fraction of the mean
positive weight, which is near the optimum for weights of a uniform or normal distribution (ternary weight
networks, Li et al. 2016, arXiv:1605.04711; both are used by Aouad & Talbot)."""


class ConstantProjection(NamedTuple):
    """Projection onto theta 1_S: ``mask`` bool [..., n] is S; the numbers float64 [...]."""

    mask: BoolArray
    theta: FloatArray
    squared_distance: FloatArray


class SignedProjection(NamedTuple):
    """Projection onto theta (1_plus - 1_minus): masks bool [..., n]; the numbers float64 [...]."""

    plus: BoolArray
    minus: BoolArray
    theta: FloatArray
    squared_distance: FloatArray


def _best_prefix(weight: FloatArray) -> BoolArray:
    """Per row of [R, n] the S that maximises sum_S W / sqrt(|S|); the smallest one where several do.

    Rows without a positive weight have no maximiser with theta > 0; the largest weight (with its equals)
    stands in.
    """
    n = weight.shape[-1]
    descending = -np.sort(-weight, axis=-1)
    run_end = np.ones(weight.shape, dtype=np.bool_)
    run_end[:, :-1] = descending[:, :-1] > descending[:, 1:]
    sizes = np.arange(1, n + 1)
    score = np.where(run_end & (descending > 0), np.cumsum(descending, axis=-1) / np.sqrt(sizes), -np.inf)
    best = score.argmax(-1)
    top = score.max(-1)
    # Prefix sums of positive numbers have a relative error below n u; within twice that, compare exactly.
    close = top * (1.0 - (4.0 * n + 16.0) * 2.0**-53)
    rivals = score >= np.maximum(close, np.finfo(np.float64).smallest_subnormal)[:, None]
    for row in np.flatnonzero(rivals.sum(-1) > 1):
        ends = np.flatnonzero(rivals[row])
        (values,) = to_integers(descending[row, : ends[-1] + 1], spare_bits=n.bit_length())
        sums = np.cumsum(values).tolist()  # Python integers: the squares below need not fit an int64
        winner = ends[0]
        for end in ends[1:]:
            # (sum / sqrt(size))^2 by cross-multiplication of integers; strict, so the smaller set wins a tie.
            if sums[end] ** 2 * int(winner + 1) > sums[winner] ** 2 * int(end + 1):
                winner = end
        best[row] = winner
    best[~(descending[:, 0] > 0)] = 0
    return np.asarray(weight >= np.take_along_axis(descending, best[:, None], axis=-1))


def support_mask(weight: FloatArray, support: str) -> BoolArray:
    """Per row of [R, n] the S of the rule ``support``; never empty."""
    if support not in SUPPORTS:
        raise DomainError(f"support: {support!r} is not one of {', '.join(SUPPORTS)}")
    fraction = SUPPORTS[support]
    if fraction is None:
        return _best_prefix(weight)
    # Summed in ascending order, so that the result does not depend on the order of the inputs.
    mean = np.sort(np.maximum(weight, 0.0), axis=-1).sum(-1) / weight.shape[-1]
    return np.asarray(weight >= np.minimum(fraction * mean, weight.max(-1))[:, None])


def fit(weight: FloatArray, mask: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Best theta >= 0 on a given S, and |W - theta 1_S|^2; float64 [...] from masks and weights [..., n]."""
    size = np.maximum(mask.sum(-1), 1)
    low = np.where(mask, weight, np.inf).min(-1)
    high = np.where(mask, weight, -np.inf).max(-1)
    # The mean of equal values must be that value, or a neuron at distance 0 would get a rounding error
    # instead.
    mean = np.where(low == high, high, np.where(mask, weight, 0.0).sum(-1) / size)
    theta = np.where(mask.any(-1), np.maximum(mean, 0.0), 0.0)
    with np.errstate(over="ignore"):  # infinite where the square has no float64; `distance` has
        return theta, np.square(np.where(mask, weight - theta[..., None], weight)).sum(-1)


def distance(weight: FloatArray, mask: BoolArray) -> FloatArray:
    """|W - theta 1_S| of :func:`fit`, float64 [...]; without overflow or underflow."""
    exponent = np.frexp(np.abs(weight).max(-1))[1]
    return np.ldexp(np.sqrt(fit(np.ldexp(weight, -exponent[..., None]), mask)[1]), exponent)


def project_constant(weight: npt.ArrayLike, support: str = "optimal") -> ConstantProjection:
    """Nearest positive-constant neuron theta 1_S, theta >= 0 (Aouad & Talbot 2023).

    ``weight`` real [..., n] with two axes or more. Ties between sets go to the smaller set, exactly decided.
    Where no weight is positive the infimum is theta = 0, and S is the largest weight with its equals. With
    another of :data:`SUPPORTS`, the projection for the S of that rule.
    Raises ShapeError, DTypeError, DomainError (NaN or infinity, naming the neuron; unknown support).
    """
    weights, _, _ = check_neurons(weight, 0.0, 0.0)
    mask = support_mask(weights.reshape(-1, weights.shape[-1]), support).reshape(weights.shape)
    return ConstantProjection(mask, *fit(weights, mask))


def project_signed(weight: npt.ArrayLike, support: str = "optimal") -> SignedProjection:
    """Nearest ternary neuron theta (1_plus - 1_minus), theta >= 0: the same projection on |weight|, signs
    kept.

    Inputs, ties and errors as :func:`project_constant`; the zero neuron has empty masks and theta = 0.
    """
    weights, _, _ = check_neurons(weight, 0.0, 0.0)
    magnitude = np.abs(weights)
    rows = magnitude.reshape(-1, weights.shape[-1])
    mask = support_mask(rows, support).reshape(weights.shape) & (magnitude > 0)
    return SignedProjection(mask & (weights > 0), mask & (weights < 0), *fit(magnitude, mask))
