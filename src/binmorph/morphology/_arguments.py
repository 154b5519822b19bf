"""SciPy's rules for axes, structuring elements and origins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import index as as_index
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from ._packed import Array
from .structures import generate_binary_structure

Axes: TypeAlias = "int | Sequence[int] | None"
Origin: TypeAlias = "int | Sequence[int]"


def check_axes(axes: Axes, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative integers; ValueError if one is out of range or repeated."""
    if axes is None:
        return tuple(range(ndim))
    given: Iterable[SupportsIndex] = axes if isinstance(axes, Iterable) else (axes,)
    result = []
    for axis in map(as_index, given):
        if not -ndim <= axis < ndim:
            raise ValueError(f"specified axis: {axis} is out of range")
        result.append(axis % ndim)
    if len(set(result)) != len(result):
        raise ValueError("axes must be unique")
    return tuple(result)


def origin_list(origin: Origin, rank: int) -> list[int]:
    """One origin per axis; RuntimeError if a sequence has another length."""
    if isinstance(origin, Iterable) and not isinstance(origin, str):
        result = list(origin)
        if len(result) != rank:
            raise RuntimeError("sequence argument must have length equal to input rank")
        return result
    return [origin] * rank


@lru_cache
def default_structure(rank: int) -> npt.NDArray[np.bool_]:
    """The cross of 3, made once per rank."""
    cells = generate_binary_structure(rank, 1)
    cells.flags.writeable = False
    return cells


def reflect(structure: Array, origin: list[int]) -> tuple[Array, list[int]]:
    """The element seen from the pixels that it reaches: a dilation is a fold over this one."""
    if structure.ndim < len(origin):
        raise IndexError("structure has fewer axes than there are origins")
    moved = [-o - (1 - n % 2) for o, n in zip(origin, structure.shape, strict=False)]
    return structure[(slice(None, None, -1),) * structure.ndim], moved


def element(
    structure: npt.ArrayLike | None, origin: Sequence[int], axes: tuple[int, ...], ndim: int
) -> tuple[npt.NDArray[np.bool_], tuple[int, ...]]:
    """The element with one axis per image axis, and the index of its centre, which lies inside it.

    Raises RuntimeError for a wrong number of axes or no cell at all, IndexError for an origin outside.
    """
    cells: Array = default_structure(len(axes)) if structure is None else np.asarray(structure, bool)
    if ndim > len(axes):
        if cells.ndim != len(axes):
            raise RuntimeError(f"structure.ndim ({cells.ndim}) must match len(axes) ({len(axes)})")
        extents = iter(cells.shape)  # the missing axes are inserted; the others keep the order of the element
        cells = cells.reshape([next(extents) if axis in axes else 1 for axis in range(ndim)])
    if cells.ndim != ndim:
        raise RuntimeError("structure and input must have same dimensionality")
    if cells.size < 1:
        raise RuntimeError("structure must not be empty")
    shifts = list(origin)
    if len(axes) < ndim:
        shifts = [0] * ndim
        for axis, shift in zip(axes, origin, strict=True):
            shifts[axis] = shift
    centre = []
    for axis, (extent, shift) in enumerate(zip(cells.shape, shifts, strict=True)):
        index = _integer(extent // 2 + shift)
        if not 0 <= index < extent:
            raise IndexError(
                f"origin {shift} moves the centre outside the structuring element, which has {extent} "
                f"cells along axis {axis}"
            )
        centre.append(index)
    return cells, tuple(centre)


def _integer(value: Any) -> int:
    try:
        return as_index(value)
    except TypeError as error:
        raise IndexError(f"origin must be an integer or a sequence of integers, not {value!r}") from error


def iteration_count(iterations: Any) -> int:
    """TypeError for anything but an integer."""
    try:
        return as_index(iterations)
    except TypeError as error:
        raise TypeError("iterations parameter should be an integer") from error


def border_bit(border_value: Any) -> bool:
    """Any integer that is not 0 stands for 1; a C int as in SciPy."""
    value = as_index(border_value)
    if not -(2**31) <= value < 2**31:
        raise OverflowError("border_value does not fit a C int")
    return value != 0
