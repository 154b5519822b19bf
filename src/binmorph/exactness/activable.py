"""The nearest activable parameters: weights and bias that are exactly an erosion or a dilation.

Aouad & Talbot (2023, arXiv:2401.03830) project (W, b) onto the polyhedron of the parameters that are the
dilation by S (closed: ties count as inside),

    min |W' - W|^2 + (b' - b)^2   with   sum_{not S} W' <= b' <= W'_i for i in S,  W' >= 0,

for every S = {W >= value} and both operations, and keep the nearest. They solve each as a quadratic program;
here each is a formula with one unknown number, from the conditions of optimality.

*Dilation.* W'_i = max(w_i, B) on S, max(w_i - l, 0) elsewhere, b' = B, with l = B + sum_S (B - w_i)_+ - b
the multiplier of the sum. If l = 0 leaves the sum at most B, that is the solution; else B = sum_{not S}
(w_i - l)_+. Both sides are monotone and piecewise linear in B.

*Erosion.* The papers substitute b by sum(W) - b and reuse the dilation ("dual": the bias is measured from the
other end, and moves with the weights). The metric in which b' is what moves ("true") has another solution:
with B = sum(W') - b', m = |S| and s the sum of the multipliers of S, W'_i = max(w_i - r, B) on S and
max(w_i - s, 0) elsewhere, sum_S (B - w_i + r)_+ = s, where either the sum over the rest h(s) stays below
B = sum_S w - m s + h(s) - b and r = s, or B = h(s) and r = (sum_S w + s - b) / (1 + m). Both equations are
monotone in s.

Sums over S and the rest are prefix sums of the sorted weights, so an equation is evaluated in O(log n). A
Newton step on the right piece is its solution; bisection brackets it until then. All sets S of a neuron are
solved at once, after one sort.

Only sets with all or none of equal weights are compared: the result then does not depend on the order of the
inputs. (With W = [1, 1], b = 1.5 the dilation by one of the two alone would be nearer.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .numeric import BoolArray, FloatArray, check_neurons, row_blocks
from .projection import support_mask
from .sorted_weights import Line, SortedWeights, pick, root

METRICS = ("dual", "true")
_TIE = 1e-12  # squared distances closer than this, of parameters below 1, are one


class ActivableProjection(NamedTuple):
    """The nearest activable neurons: ``mask`` bool [..., n] is S, ``dilation`` bool [...] (else an erosion);
    ``weight`` float64 [..., n] and ``bias`` float64 [...] the parameters on the polyhedron; and
    ``squared_distance`` float64 [...] to them, in the metric that was asked for."""

    mask: BoolArray
    dilation: BoolArray
    weight: FloatArray
    bias: FloatArray
    squared_distance: FloatArray


def _dilation(sorted_: SortedWeights, bias: FloatArray) -> Line:
    """B and l [R, k], for ``bias`` [R]."""
    b = np.broadcast_to(bias[:, None], sorted_.m.shape)
    zero = np.zeros_like(sorted_.last)
    free, _ = sorted_.outside(zero)

    def rising(level: FloatArray) -> Line:
        raised, slope = sorted_.inside(level)
        multiplier = level + raised - b
        rest, fall = sorted_.outside(np.maximum(multiplier, 0.0))
        first = multiplier <= level - rest
        tight = 1.0 - np.where(multiplier > 0, fall * (1.0 + slope), 0.0)
        return np.where(first, multiplier, level - rest), np.where(first, 1.0 + slope, tight)

    low = np.minimum(np.minimum(b, sorted_.w[:, -1:]), 0.0)
    level = np.maximum(root(rising, low, np.maximum(np.maximum(b, free), 0.0)), 0.0)
    # Inside the polyhedron already, but for negative weights outside S: nothing else moves, not even rounded.
    feasible = (free <= b) & (b <= sorted_.last)
    level = np.where(feasible, b, level)
    return level, np.where(feasible, 0.0, np.maximum(level + sorted_.inside(level)[0] - b, 0.0))


def _erosion(sorted_: SortedWeights, bias: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """B, r and s [R, k] of the true metric, likewise."""
    m = sorted_.m
    b = np.broadcast_to(bias[:, None], m.shape)
    zero, total = np.zeros_like(sorted_.last), pick(sorted_.sums, m)

    def free_level(s: FloatArray) -> Line:
        rest, fall = sorted_.outside(s)
        return total - m * s + rest - b, fall - m

    def rising(s: FloatArray, level: Line, shift: Line) -> Line:
        raised, slope = sorted_.inside(level[0] + shift[0])
        return s - raised, 1.0 - slope * (level[1] + shift[1])

    def rising_free(s: FloatArray) -> Line:
        return rising(s, free_level(s), (s, np.ones_like(s)))

    def tight_shift(s: FloatArray) -> Line:
        return (total + s - b) / (1 + m), np.asarray(1.0 / (1 + m))

    def rising_tight(s: FloatArray) -> Line:
        return rising(s, sorted_.outside(s), tight_shift(s))

    s = root(rising_free, zero, np.maximum(-rising_free(zero)[0], 0.0))
    level = free_level(s)[0]
    free = sorted_.outside(s)[0] <= level
    tight = root(rising_tight, zero, np.maximum(-rising_tight(zero)[0], 0.0) * (1 + m))
    return (
        np.maximum(np.where(free, level, sorted_.outside(tight)[0]), 0.0),
        np.where(free, s, tight_shift(tight)[0]),
        np.where(free, s, tight),
    )


def _nearest(
    weight: FloatArray, bias: FloatArray, metric: str, support: str
) -> tuple[npt.NDArray[np.generic], ...]:
    """The fields of :class:`ActivableProjection`, for weight [R, n] and bias [R], all below 1."""
    sizes = None if support == "all" else support_mask(weight, support).sum(-1)[:, None]
    sorted_ = SortedWeights(weight, sizes)
    other = sorted_.sums[:, -1] - bias
    solved = []
    level, s = _dilation(sorted_, bias)
    r = np.zeros_like(level)
    solved.append((sorted_.moved(level, r, s) + (level - bias[:, None]) ** 2, level, r, s))
    if metric == "dual":
        level, s = _dilation(sorted_, other)
        solved.append((sorted_.moved(level, r, s) + (level - other[:, None]) ** 2, level, r, s))
    else:
        level, r, s = _erosion(sorted_, bias)
        # The bias moves by r: the derivative of the distance by b' is the multipliers' sum.
        solved.append((sorted_.moved(level, r, s) + r**2, level, r, s))
    best = []
    for cost, *numbers in solved:
        cost = np.where(sorted_.run_end, cost, np.inf)
        # The last of the nearest: the largest S among equals.
        near = cost <= cost.min(-1, keepdims=True) + _TIE
        column = (near.shape[1] - 1 - near[:, ::-1].argmax(-1))[:, None]
        picked = [pick(part, column) for part in (cost, sorted_.last, *numbers)]
        best.append(picked)
    dilation = best[0][0] <= best[1][0] + _TIE
    _, smallest, level, r, s = (np.where(dilation, a, b) for a, b in zip(*best, strict=True))
    mask = weight >= smallest
    moved = np.where(mask, np.maximum(weight - r, level), np.maximum(weight - s, 0.0))
    dilated = dilation[:, 0]
    near = np.where(dilated, level[:, 0], moved.sum(-1) - level[:, 0])
    shift = np.where(dilated, near - bias, level[:, 0] - other if metric == "dual" else near - bias)
    return mask, dilated, moved, near, ((moved - weight) ** 2).sum(-1) + shift**2


def project_activable(
    weight: npt.ArrayLike, bias: npt.ArrayLike, metric: str = "dual", support: str = "all"
) -> ActivableProjection:
    """Nearest parameters that are an erosion or a dilation, ties included (Aouad & Talbot 2023).

    ``weight`` real [..., n] with two axes or more, ``bias`` real [...], the positive threshold b; ``metric``
    one of :data:`METRICS`. ``support`` "all" compares every S; a key of :data:`SUPPORTS` takes the one S of
    the projection onto constant sets, an upper bound of the distance in O(n log n). Of equally near
    projections the dilation is kept, then the largest S. Raises ShapeError, DTypeError; DomainError for NaN
    or infinity (naming the neuron), an unknown metric or support.
    """
    if metric not in METRICS:
        raise DomainError(f"metric: {metric!r} is not one of {', '.join(METRICS)}")
    weights, biases, _ = check_neurons(weight, bias, 0.0)
    n = weights.shape[-1]
    w, b = weights.reshape(-1, n), biases.reshape(-1)
    # Powers of two bring the parameters, and sums of them, below 1 without rounding: no square overflows.
    exponent = np.frexp(np.abs(w).sum(-1) + np.abs(b))[1]
    w, b = np.ldexp(w, -exponent[:, None]), np.ldexp(b, -exponent)
    parts = [_nearest(w[i], b[i], metric, support) for i in row_blocks(b.size, n)]
    mask, dilation, moved, near, squared = (np.concatenate(part) for part in zip(*parts, strict=True))
    with np.errstate(over="ignore"):
        return ActivableProjection(
            mask.reshape(weights.shape),
            dilation.reshape(biases.shape),
            np.ldexp(moved, exponent[:, None]).reshape(weights.shape),
            np.ldexp(near, exponent).reshape(biases.shape),
            np.ldexp(squared, 2 * exponent).reshape(biases.shape),
        )
