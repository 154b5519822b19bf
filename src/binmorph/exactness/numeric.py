"""Deciding comparisons of sums exactly: float64 first, Python integers where float64 could be wrong.

A float64 is an integer times a power of two, so any finite set of float64 values can be put on one common
scale as (unbounded) integers, and sums, products and comparisons of those are exact. That is slow, so it is
kept for the neurons whose float64 result lies within a proved error bound of the decision, and that are not
exact anyway.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, DTypeError, ShapeError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
ExactArray = npt.NDArray[Any]
"""float64, int64, or dtype object holding Python integers: the same code runs on all three."""

_MANTISSA_BITS = 53
_BLOCK_ELEMENTS = 1 << 20


def row_blocks(rows: int, n: int) -> list[slice]:
    """Slices that cut ``rows`` neurons of n inputs into blocks, so that the temporaries stay small."""
    step = max(1, _BLOCK_ELEMENTS // n)
    return [slice(start, start + step) for start in range(0, rows, step)]


def float_array(name: str, value: npt.ArrayLike) -> FloatArray:
    """``value`` as float64 (float32 and small integers convert exactly); DTypeError unless it is real."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    return array.astype(np.float64)


def broadcast(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """``value`` as float64 broadcast to ``shape``; ShapeError when it does not fit."""
    array = float_array(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ShapeError(f"{name}: shape {array.shape} does not broadcast to {shape}") from None


def check_neurons(
    weight: npt.ArrayLike, bias: npt.ArrayLike, scale: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Float64 weight [..., n] and bias, scale [...], all finite.

    Raises ShapeError (bias or scale does not broadcast to the leading shape of weight, or weight has fewer
    than two axes or no element), DTypeError, and DomainError naming the first neuron with a NaN, an infinity
    or an overflow.
    """
    weights = float_array("weight", weight)
    if weights.ndim < 2 or weights.size == 0:
        raise ShapeError(f"weight: expected a non-empty [..., n] array, at least 2-D, got {weights.shape}")
    biases = broadcast("bias", bias, weights.shape[:-1])
    scales = broadcast("scale", scale, weights.shape[:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        # One sum that is finite only if every part is, and that bounds every sum formed later.
        total = 2.0 * np.abs(weights).sum(-1) + np.abs(biases)
    for rule, bad in (
        ("weight, bias and the sum of |weight| must be finite", ~np.isfinite(total)),
        ("scale must be finite", ~np.isfinite(scales)),
    ):
        if bool(bad.any()):
            at = [int(i) for i in np.argwhere(bad)[0]]
            raise DomainError(f"neuron {at}: {rule}")
    return weights, biases, scales


def check_bounds(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """An almost-binary bound broadcast to ``shape`` [..., n]; DomainError outside [0, 1]."""
    bound = broadcast(name, value, shape)
    if not bool(np.all((bound >= 0.0) & (bound <= 1.0))):
        raise DomainError(f"{name}: every bound must lie in [0, 1]")
    return bound


def error_bound(weight: FloatArray, bias: FloatArray) -> FloatArray:
    """Bounds the float64 rounding error of sums over one neuron, float64 [...].

    Covers every accumulator, prefix sum and bound of this package (at most 2 n + 2 terms, each a weight times
    a number in [0, 1], summed in any order), by the standard bound (m - 1) u / (1 - (m - 1) u) * sum |terms|,
    u = 2^-53, doubled for the products and the final difference. The last term covers gradual underflow of
    the products.
    """
    n = weight.shape[-1]
    total = np.abs(weight).sum(-1) + np.abs(bias)
    relative = (8.0 * n + 32.0) * 2.0**-_MANTISSA_BITS
    return np.asarray(relative * total + 4.0 * n * np.finfo(np.float64).smallest_subnormal)


def _lowest_bit(values: FloatArray) -> npt.NDArray[np.int64]:
    """The exponent e such that value = odd * 2^e, int64; 2^20 for zero, which constrains nothing."""
    mantissa, exponent = np.frexp(values)
    integer = np.abs(mantissa * 2.0**_MANTISSA_BITS).astype(np.int64)
    trailing = np.frexp((integer & -integer).astype(np.float64))[1].astype(np.int64) - 1
    return np.where(integer == 0, 1 << 20, exponent.astype(np.int64) - _MANTISSA_BITS + trailing)


def sums_are_exact(weight: FloatArray, bias: FloatArray) -> BoolArray:
    """True where float64 sums of signed weights and the bias cannot round, bool [...].

    All terms are multiples of the lowest bit set in any of them; while 4 (sum |weight| + |bias|) stays below
    2^53 such units, every partial sum is an integer number of units that float64 holds. Typical float32
    weights pass.
    """
    values = np.concatenate([weight, bias[..., None]], axis=-1)
    total_exponent = np.frexp(np.abs(values).sum(-1))[1].astype(np.int64)
    return np.asarray(total_exponent + 2 <= _lowest_bit(values).min(-1) + _MANTISSA_BITS)


def to_integers(*arrays: FloatArray, spare_bits: int) -> list[ExactArray]:
    """The arrays as integers on one common power-of-two scale; exact for every float64.

    The dtype is int64 if all values leave ``spare_bits`` bits free below 2^62 for the sums and products to
    come, else object (Python integers of any size).
    """
    unit = min(int(_lowest_bit(array).min()) for array in arrays)
    largest = max(int(np.frexp(np.abs(array).max())[1]) for array in arrays)
    if largest - unit + spare_bits <= 62:
        return [np.ldexp(array, -unit).astype(np.int64) for array in arrays]
    scaled: list[ExactArray] = []
    for array in arrays:
        mantissa, exponent = np.frexp(array)
        integer = (mantissa * 2.0**_MANTISSA_BITS).astype(np.int64).astype(object)
        shift = np.where(mantissa != 0, exponent.astype(np.int64) - _MANTISSA_BITS - unit, 0)
        # A negative shift drops only zero bits: the unit is the lowest bit set anywhere.
        left = np.left_shift(integer, np.maximum(shift, 0).astype(object))
        scaled.append(np.asarray(np.right_shift(left, np.maximum(-shift, 0).astype(object)), dtype=object))
    return scaled
