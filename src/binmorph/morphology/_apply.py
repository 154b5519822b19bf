"""Prepared operations, and how they meet images: arrays are packed and unpacked within the core."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..bit_words import takes_bytes
from ..bits import BitArray
from ._arguments import Axes, Origin, border_bit, check_axes, default_structure, element, origin_list, reflect
from ._engine import Operation, Step, run_long
from ._packed import Array, HostResult, Words, deliver, row_packed, to_bytes, to_words

Directions = tuple["bool | None", ...]
"""Erosions (False) and dilations (True), one after the other; None: dilation, element not reflected."""


def prepare(
    structure: npt.ArrayLike | None,
    ndim: int,
    origin: Origin,
    axes: Axes,
    border_value: int,
    directions: Directions,
    count: int = 1,
) -> Operation:
    """Each direction ``count`` times, from a cache of the last ones used; raises what ``element`` raises."""
    cells: Array | None = None if structure is None else np.asarray(structure, bool)
    # Equal keys must mean equal arguments: 1 == 1.0, but only one of them is an origin.
    if (
        type(origin) is not int
        or type(border_value) is not int
        or not (
            axes is None or type(axes) is int or (type(axes) is tuple and all(type(a) is int for a in axes))
        )
    ):
        return _prepare(cells, ndim, origin, axes, border_value, directions, count)
    data, extents = (None, ()) if cells is None else (cells.tobytes(), cells.shape)
    return _kept(data, extents, ndim, origin, axes, border_value, directions, count)


@lru_cache(maxsize=256)
def _kept(
    data: bytes | None,
    extents: tuple[int, ...],
    ndim: int,
    origin: int,
    axes: int | tuple[int, ...] | None,
    border_value: int,
    directions: Directions,
    count: int,
) -> Operation:
    cells = None if data is None else np.frombuffer(data, np.bool_).reshape(extents)
    return _prepare(cells, ndim, origin, axes, border_value, directions, count)


def _prepare(
    cells: Array | None,
    ndim: int,
    origin: Origin,
    axes: Axes,
    border_value: int,
    directions: Directions,
    count: int,
) -> Operation:
    border = border_bit(border_value)
    chosen = check_axes(axes, ndim)
    origins = origin_list(origin, len(chosen))
    steps = []
    for dilate in directions:
        seen, moved = cells, origins
        if dilate:
            seen, moved = reflect(default_structure(len(chosen)) if cells is None else cells, origins)
        compact, centre = element(seen, moved, chosen, ndim)
        steps.append(Step(compact, centre, dilate is not False, border))
    return Operation(steps, count)


def apply(
    operation: Operation,
    values: HostResult,
    target: HostResult | None,
    threads: int,
    mask: Words | None = None,
    without: Operation | None = None,
) -> HostResult:
    """``operation`` of the image (and not ``without``) in ``target``, or new of the kind of the image."""
    shape = values.shape
    as_bits = isinstance(values, BitArray)
    if operation.is_long or (without is not None and without.is_long):
        packed = to_words(values)
        words = run_long(operation, packed, shape, threads, mask, planar=False)
        if without is not None:
            words = words & ~run_long(without, packed, shape, threads, mask, planar=False)
        return deliver(words, shape, target, as_bits)
    run = operation.chain.run
    src = row_packed(values) if isinstance(values, BitArray) else to_bytes(values)
    other = None if without is None else without.chain
    if isinstance(target, BitArray):
        run(src, target._words, shape, mask, other, threads)
        return target
    if target is None and as_bits:
        return BitArray(run(src, None, shape, mask, other, threads), shape, "row-packed")
    if target is None:
        return run(src, np.empty(shape, np.bool_), shape, mask, other, threads)
    if takes_bytes(target):
        run(src, target, shape, mask, other, threads)
    else:
        target[...] = run(src, np.empty(shape, np.bool_), shape, mask, other, threads)
    return target
