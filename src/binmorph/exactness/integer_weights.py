"""Neurons that are no erosion, dilation or count: small integer weights that decide every input alike.

A threshold neuron on n bits is one of finitely many functions, and is realised by integer weights. For up to
:data:`LIMIT` inputs these are found and proved by trying all 2^n inputs against the float neuron, whose sums
are compared exactly. For more inputs weights are rounded to few bits; then every decision further from the
threshold than sum |w - w'| is unchanged, and the others are tried on data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..ir import Status
from .binarize import binarize
from .numeric import BoolArray, FloatArray, check_neurons, error_bound, to_integers

LIMIT = 16
LARGEST = 4096
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IntegerNeurons:
    """Neurons [weight.x >= threshold]: ``weight`` int64 [..., n], ``threshold`` int64 [...].

    ``proved`` bool [...]: equal to the float neuron on all 2^n inputs (lossless). Neurons for which no
    weights up to :data:`LARGEST` were found have weights 0 and are not proved.
    """

    weight: IntArray
    threshold: IntArray
    proved: BoolArray

    @property
    def bits(self) -> int:
        """Bits of the largest weight: 1 means that plain counts suffice."""
        return int(np.abs(self.weight).max(initial=0)).bit_length()


@dataclass(frozen=True, eq=False)
class CalibratedNeurons:
    """Neurons [weight.x >= threshold] with weights of few bits, tried on data.

    ``bound`` float64 [...]: decisions whose float sum is further than this from b are unchanged on any
    input. ``tried`` and ``changed`` int64 [...]: decisions compared on the calibration inputs.
    """

    weight: IntArray
    threshold: IntArray
    bound: FloatArray
    tried: IntArray
    changed: IntArray


def _inputs(n: int) -> FloatArray:
    """All 2^n inputs; float64, in which integer sums are exact and products are fast."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def _separate(weight: IntArray, x: FloatArray, fires: BoolArray) -> int | None:
    """The threshold with which ``weight`` decides like ``fires`` [2^n], or None."""
    sums = x @ weight
    lower, upper = sums[~fires].max(), sums[fires].min()
    return int(upper) if lower < upper else None


def _realize(weight: FloatArray, fires: BoolArray, x: FloatArray, most: int) -> tuple[IntArray, int] | None:
    """Integer weights and a threshold for one function that is not constant."""
    scale = np.abs(weight).max()
    for largest in range(1, most + 1):
        found = np.rint(weight * (largest / scale)).astype(np.int64)
        threshold = _separate(found, x, fires)
        if threshold is not None:
            break
    else:
        return None
    smallest = _least_sum(found, threshold, x)
    if smallest is not None:
        closer = _separate(smallest, x, fires)
        if closer is not None:
            return smallest, closer
    shrunk = True
    while shrunk:  # no single weight can be one smaller
        shrunk = False
        for i in np.argsort(-np.abs(found), kind="stable"):
            smaller = found.copy()
            smaller[i] -= np.sign(found[i])
            closer = _separate(smaller, x, fires) if found[i] else None
            if closer is not None:
                found, threshold, shrunk = smaller, closer, True
    return found, threshold


def _least_sum(weight: IntArray, threshold: int, x: FloatArray) -> IntArray | None:
    """Weights of the smallest sum of sizes that decide alike, by a linear program over the inputs that fire
    but for any one literal less, or would with any one more. None without SciPy, or if they are no integers
    (then no claim is made)."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        return None
    size, sign = np.abs(weight), np.where(weight < 0, -1, 1)
    sums = x @ size  # of literals: an input with a negative weight enters complemented
    needed = threshold - int(np.minimum(weight, 0).sum())
    used = np.where(size > 0, size, np.inf)
    fires = sums >= needed
    lowest = fires & (sums - np.where(x == 1, used, np.inf).min(1) < needed)
    highest = ~fires & (sums + np.where(x == 0, used, np.inf).min(1) >= needed)
    rows = np.vstack([np.c_[-x[lowest], np.ones(lowest.sum())], np.c_[x[highest], -np.ones(highest.sum())]])
    bound = np.r_[np.zeros(lowest.sum()), -np.ones(highest.sum())]
    result = linprog(np.r_[np.ones(len(size)), 0.0], A_ub=rows, b_ub=bound, method="highs")
    if not result.success:
        return None
    found = np.rint(result.x[:-1])
    whole = bool(np.all(np.abs(result.x - np.rint(result.x)) < 1e-6))
    return sign * found.astype(np.int64) if whole else None


def truth_tables(weight: npt.ArrayLike, bias: npt.ArrayLike, scale: npt.ArrayLike) -> BoolArray:
    """y = [xi(p (weight.x - b)) > 1/2] on all 2^n inputs, ties decided exactly: bool [..., 2^n].

    ``weight`` real [..., n] with n up to :data:`LIMIT`; entry sum_i x_i 2^i. Raises ShapeError for more
    inputs, DTypeError, DomainError.
    """
    weights, biases, scales = check_neurons(weight, bias, scale)
    n = weights.shape[-1]
    if n > LIMIT:
        raise ShapeError(f"weight: {n} inputs cannot all be tried, the limit is {LIMIT}; see calibrated()")
    x = _inputs(n)
    # p < 0 fires below b: the same with both signs changed.
    sign = np.sign(scales)
    turned, level = weights * sign[..., None], biases * sign
    sums = turned.reshape(-1, n) @ x.T
    fires = np.asarray(sums > level.reshape(-1, 1), np.bool_)
    near = np.abs(sums - level.reshape(-1, 1)) <= error_bound(weights, biases).reshape(-1, 1)
    for row in np.flatnonzero(near.any(-1)):
        w, b = to_integers(
            turned.reshape(-1, n)[row], level.reshape(-1)[row : row + 1], spare_bits=n.bit_length() + 1
        )
        doubtful = x[near[row]].astype(np.int64).astype(w.dtype)
        fires[row, near[row]] = np.asarray((doubtful @ w) > b[0], np.bool_)
    fires &= (sign != 0).reshape(-1, 1)
    return fires.reshape(*weights.shape[:-1], -1)


def lossless(
    weight: npt.ArrayLike, bias: npt.ArrayLike, scale: npt.ArrayLike, largest: int = LARGEST
) -> IntegerNeurons:
    """Integer neurons equal to y = [xi(p (weight.x - b)) > 1/2] on every binary input.

    ``weight`` real [..., n] with n up to :data:`LIMIT`, ``bias`` and ``scale`` real [...], as for
    :func:`binmorph.exactness.binarize`. What the theorem proves comes out as that count, with weights -1, 0
    and 1. Of others the sum of |weight| is the smallest that there is, if SciPy is installed and its linear
    program ends in integers; else they are the first of the roundings of weight * s, for growing s, that
    decide alike (up to ``largest``), with no single weight that could be one smaller.

    Raises ShapeError for more inputs, DTypeError, DomainError.
    """
    weights, biases, scales = check_neurons(weight, bias, scale)
    tables = truth_tables(weights, biases, scales)
    n = weights.shape[-1]
    x, rows, fires = _inputs(n), weights.reshape(-1, n), tables.reshape(-1, 2**n)
    counts = binarize(rows, biases.reshape(-1), scales.reshape(-1))
    proved = counts.status != Status.APPROXIMATED
    # A complemented count is the count of the opposite signs: NOT (c >= t) iff -c >= 1 - t.
    sign = np.where(counts.invert, -1, 1)
    result = sign[:, None] * (counts.plus.astype(np.int64) - counts.minus)
    thresholds = np.where(counts.invert, 1 - counts.threshold.astype(np.int64), counts.threshold)
    for row in np.flatnonzero(~proved):
        turned = rows[row] * np.sign(scales.reshape(-1)[row])
        found = _realize(turned, fires[row], x, largest)
        result[row], thresholds[row] = (0, 1) if found is None else found
        proved[row] = found is not None
    lead = weights.shape[:-1]
    return IntegerNeurons(result.reshape(weights.shape), thresholds.reshape(lead), proved.reshape(lead))


def calibrated(
    weight: npt.ArrayLike, bias: npt.ArrayLike, scale: npt.ArrayLike, x: npt.ArrayLike, bits: int = 3
) -> CalibratedNeurons:
    """Integer neurons of ``bits`` bits per weight for any number of inputs, tried on ``x`` bool [N, n].

    Weights are rounded to multiples of max |w| / (2^bits - 1), and the threshold is the one that belongs to
    b. Raises ShapeError (x does not fit, or bits is not 1 to 15), DTypeError, DomainError.
    """
    weights, biases, scales = check_neurons(weight, bias, scale)
    inputs, n = np.asarray(x, np.bool_), weights.shape[-1]
    if inputs.ndim != 2 or inputs.shape[1] != n or not 1 <= bits <= 15:
        raise ShapeError(f"x: expected bool [N, {n}] and 1 to 15 bits, got {inputs.shape} and {bits}")
    sign = np.sign(scales)
    turned, level = weights * sign[..., None], biases * sign
    unit = np.abs(weights).max(-1) / (2**bits - 1)
    unit = np.where(unit > 0, unit, 1.0)
    rounded = np.rint(turned / unit[..., None]).astype(np.int64)
    most = np.abs(rounded).sum(-1) + 1
    threshold = np.floor(np.clip(level / unit, -most, most)).astype(np.int64) + 1
    threshold = np.where(sign == 0, most, threshold)
    # Integer sums are far below 2^53, so that a float64 product, which is fast, is exact.
    bits_in = inputs.T.astype(np.float64)
    fires = rounded.astype(np.float64) @ bits_in >= threshold[..., None]
    wanted = (turned @ bits_in > level[..., None]) & (sign != 0)[..., None]
    # On top of the rounding of the weights, the threshold was rounded down by less than a unit.
    bound = np.abs(turned - rounded * unit[..., None]).sum(-1) + unit
    tried = np.full(biases.shape, len(inputs), np.int64)
    return CalibratedNeurons(rounded, threshold, bound, tried, (fires != wanted).sum(-1))
