"""Float threshold neurons to packed ones: exact where the theorem holds, the nearest operator elsewhere."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..ir import Neurons, Status
from .activable import project_activable
from .interval import Operators, holds
from .numeric import BoolArray, FloatArray, check_bounds, check_neurons, error_bound, row_blocks
from .projection import distance, project_constant, project_signed
from .theorem import candidate

FAMILIES = ("popcount", "morphological")
_SUPPORT = {"constant": "optimal", "uniform": "uniform", "normal": "normal"}
_METRIC = {"activable": "dual", "activable_true": "true"}
PROJECTIONS = (*_SUPPORT, *_METRIC)
_MORPHOLOGICAL = (Status.CONSTANT, Status.DILATION, Status.EROSION)


def binarize(
    weight: npt.ArrayLike,
    bias: npt.ArrayLike,
    scale: npt.ArrayLike,
    *,
    family: str = "popcount",
    projection: str = "constant",
    input_low: npt.ArrayLike = 0.0,
    input_high: npt.ArrayLike = 1.0,
) -> Neurons:
    """Binarize neurons y = [xi(p (weight.x - b)) > 1/2] of Aouad & Talbot (2023, arXiv:2401.03830).

    Args:
        weight: real [..., n], two axes or more.
        bias: real [...], the positive threshold b (broadcasts to the leading shape of ``weight``).
        scale: real [...], p. p > 0 fires iff weight.x > b; p < 0 fires iff weight.x < b, that is
            NOT (weight.x >= b): a tie never fires; p = 0 never fires (xi = 1/2 everywhere).
        family: which operators may come out. "popcount": every exact form, and the nearest signed popcount
            where there is none. "morphological", as in the papers: constants, dilations and erosions only;
            literals and popcounts are approximated too.
        projection: what an inexact neuron becomes. "constant": the nearest constant weights (see
            :mod:`binmorph.exactness.projection`); "uniform", "normal": the same with S by a threshold on the
            weights. In the morphological family it is a dilation if b <= sum(weight) / 2, else an erosion;
            these projections do not look at b otherwise. "activable", "activable_true": the operator whose
            parameters are nearest, in the papers' metric or in the true one
            (:mod:`binmorph.exactness.activable`); morphological family only.
        input_low, input_high: v1 < v2 in [0, 1], scalars or arrays that broadcast to ``weight``: inputs lie
            in [0, v1] (bit 0) or [v2, 1] (bit 1). A neuron is exact only if it is for all such inputs. One
            that is exact on {0, 1} but not on them keeps its operator, marked APPROXIMATED.

    Returns:
        :class:`binmorph.ir.Neurons` of the leading shape of ``weight``. Statuses CONSTANT, DILATION, EROSION,
        LITERAL and POPCOUNT are proved, ties decided in exact arithmetic (see
        :mod:`binmorph.exactness.theorem`); a single positive input is a DILATION. ``invert`` is (p < 0),
        except that constants are folded (never inverted). ``margin`` is the distance of b from the nearer end
        of [L, U), hence for constants its distance from the largest or the smallest accumulator; 0 for p = 0,
        where no b matters; NaN when approximated. ``distance`` is |weight - theta (1_plus - 1_minus)| of a
        constant projection, |(weight, b) - (W', b')| of an activable one; 0 when exact.

    Raises:
        ShapeError, DTypeError; DomainError for NaN or infinity (naming the neuron), bad bounds, or a family
        or projection that is unknown or does not go with the other.
    """
    _check_method(family, projection)
    weights, biases, scales = check_neurons(weight, bias, scale)
    low = check_bounds("input_low", input_low, weights.shape)
    high = check_bounds("input_high", input_high, weights.shape)
    if not bool(np.all(low < high)):
        raise DomainError("input_low must be smaller than input_high, for every input")
    shape, n = weights.shape[:-1], weights.shape[-1]
    w, v1, v2 = weights.reshape(-1, n), low.reshape(-1, n), high.reshape(-1, n)
    b, p = biases.reshape(-1), scales.reshape(-1)
    blocks = [
        _binarize_rows(w[i], v1[i], v2[i], b[i], p[i], family, projection) for i in row_blocks(b.size, n)
    ]
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    plus, minus, threshold, invert, status, margin, moved = columns
    return Neurons(
        plus=plus.reshape(*shape, n),
        minus=minus.reshape(*shape, n),
        threshold=threshold.astype(np.int32).reshape(shape),
        invert=invert.reshape(shape),
        status=status.astype(np.uint8).reshape(shape),
        margin=margin.reshape(shape),
        distance=moved.reshape(shape),
    )


def _check_method(family: str, projection: str) -> None:
    for name, value, known in (("family", family, FAMILIES), ("projection", projection, PROJECTIONS)):
        if value not in known:
            raise DomainError(f"{name}: {value!r} is not one of {', '.join(known)}")
    if projection.startswith("activable") and family != "morphological":
        raise DomainError(f"projection: {projection!r} goes with family 'morphological', not {family!r}")


def _binarize_rows(
    weight: FloatArray,
    low: FloatArray,
    high: FloatArray,
    bias: FloatArray,
    scale: FloatArray,
    family: str,
    projection: str,
) -> tuple[npt.NDArray[np.generic], ...]:
    """The fields of :class:`Neurons`, in order, for weight, low, high [R, n] and bias, scale [R]."""
    strict = scale > 0
    operators, found = candidate(weight, bias, strict)
    status = classify(operators)
    allowed = found if family == "popcount" else found & np.isin(status, _MORPHOLOGICAL)
    margin, moved = np.full(found.shape, np.nan), np.zeros(found.shape)

    def accept(rows: npt.NDArray[np.intp], v1: FloatArray, v2: FloatArray) -> BoolArray:
        accepted = np.zeros_like(found)
        accepted[rows], lower, upper, _ = holds(
            weight[rows], bias[rows], strict[rows], operators.take(rows), v1[rows], v2[rows]
        )
        # An exactly decided tie may come out as a rounding error below zero.
        margin[rows] = np.maximum(np.minimum(bias[rows] - lower, upper - bias[rows]), 0.0)
        return accepted

    exact = binary = accept(np.flatnonzero(allowed), np.zeros_like(low), np.ones_like(high))
    if bool(np.any(low != 0.0) or np.any(high != 1.0)):
        exact = accept(np.flatnonzero(binary), low, high)
    plus, minus, threshold = operators
    rows = np.flatnonzero(binary & ~exact)
    moved[rows] = distance(np.abs(weight[rows]), plus[rows] | minus[rows])
    rows = np.flatnonzero(~binary)
    project = _nearest_popcount if family == "popcount" else _nearest_morphological
    if rows.size:
        nearest, moved[rows] = project(weight[rows], bias[rows], strict[rows], projection)
        plus[rows], minus[rows], threshold[rows] = nearest
    status[~exact], margin[~exact] = Status.APPROXIMATED, np.nan
    invert = scale < 0
    # Constants carry no inversion; p = 0 is the constant 0 whatever the weights are.
    folded = (status == Status.CONSTANT) & invert
    threshold[folded], invert[folded] = 1 - threshold[folded], False
    dead = scale == 0
    plus[dead], minus[dead], threshold[dead] = False, False, 1
    status[dead], margin[dead], moved[dead] = Status.CONSTANT, 0.0, 0.0
    return plus, minus, threshold, invert, status, margin, moved


def classify(operators: Operators) -> npt.NDArray[np.uint8]:
    """The status an operator has if it is exact, uint8 [R]; |S| = 1 is a DILATION (it equals the erosion)."""
    negated, size, count = operators.minus.sum(-1), operators.member.sum(-1), operators.needed
    status = np.full(size.shape, Status.POPCOUNT, dtype=np.uint8)
    status[count == size] = Status.EROSION
    status[count == 1] = Status.DILATION
    status[((count == 1) | (count == size)) & (negated > 0)] = Status.LITERAL
    status[size == 0] = Status.CONSTANT
    return status


def _nearest_popcount(
    weight: FloatArray, bias: FloatArray, strict: BoolArray, projection: str
) -> tuple[Operators, FloatArray]:
    """Signed popcount of the ternary projection: theta c > b (or >= b) as a threshold on the integer c."""
    plus, minus, theta, _ = project_signed(weight, _SUPPORT[projection])
    member = plus | minus
    with np.errstate(over="ignore"):
        quotient = bias / theta
    quotient = np.clip(quotient, -float(weight.shape[-1]) - 2.0, weight.shape[-1] + 2.0)
    threshold = np.where(strict, np.floor(quotient) + 1.0, np.ceil(quotient)).astype(np.int64)
    tolerance = (8.0 * weight.shape[-1] + 32.0) * 2.0**-53 * np.maximum(np.abs(quotient), 1.0)
    # Near an integer use the correctly rounded sum, so that no order of the inputs can move the threshold.
    for row in np.flatnonzero(np.abs(quotient - np.rint(quotient)) <= tolerance):
        members = np.abs(weight[row][member[row]])
        exact = Fraction(float(bias[row])) * members.size / Fraction(math.fsum(members.tolist()))
        threshold[row] = math.floor(exact) + 1 if strict[row] else math.ceil(exact)
    threshold = np.clip(threshold, -minus.sum(-1), plus.sum(-1) + 1)
    return Operators(plus, minus, threshold), distance(np.abs(weight), member)


def _nearest_morphological(
    weight: FloatArray, bias: FloatArray, strict: BoolArray, projection: str
) -> tuple[Operators, FloatArray]:
    """The papers' own: a dilation or an erosion; ``strict`` is unused."""
    if projection in _METRIC:
        mask, dilation, _, _, squared = project_activable(weight, bias, _METRIC[projection])
        return _by_set(mask, dilation), np.sqrt(squared)
    mask = project_constant(weight, _SUPPORT[projection]).mask
    excess = weight.sum(-1) - 2.0 * bias
    dilation = excess >= 0
    for row in np.flatnonzero(np.abs(excess) <= 2.0 * error_bound(weight, bias)):
        # fsum rounds once, so its sign is exact.
        dilation[row] = math.fsum([*weight[row].tolist(), -float(bias[row]), -float(bias[row])]) >= 0
    return _by_set(mask, dilation), distance(weight, mask)


def _by_set(mask: BoolArray, dilation: BoolArray) -> Operators:
    return Operators(mask, np.zeros_like(mask), np.where(dilation, 1, mask.sum(-1)))
