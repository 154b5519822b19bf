"""Prepared operations, and how they meet images: arrays are packed and unpacked within the core."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..bit_words import empty_words
from ..bits import BitArray
from . import _engine
from ._arguments import Axes, Origin, border_bit, check_axes, default_structure, element, origin_list, reflect
from ._engine import Operation, Step
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
    border = border_bit(border_value)
    cells: Array | None = None if structure is None else np.asarray(structure, bool)
    # Equal keys must mean equal arguments: 1 == 1.0, but only one of them is an origin.
    exact = type(origin) is int and (
        axes is None or type(axes) is int or (type(axes) is tuple and all(type(a) is int for a in axes))
    )
    if not exact:
        return _prepare(cells, ndim, origin, axes, border, directions, count)
    data, extents = (None, ()) if cells is None else (cells.tobytes(), cells.shape)
    return _kept(data, extents, ndim, origin, axes, border, directions, count)


@lru_cache(maxsize=256)
def _kept(
    data: bytes | None,
    extents: tuple[int, ...],
    ndim: int,
    origin: int,
    axes: int | tuple[int, ...] | None,
    border: bool,
    directions: Directions,
    count: int,
) -> Operation:
    cells = None if data is None else np.frombuffer(data, np.bool_).reshape(extents)
    return _prepare(cells, ndim, origin, axes, border, directions, count)


def _prepare(
    cells: Array | None,
    ndim: int,
    origin: Origin,
    axes: Axes,
    border: bool,
    directions: Directions,
    count: int,
) -> Operation:
    chosen = check_axes(axes, ndim)
    origins = origin_list(origin, len(chosen))
    steps = []
    for dilate in directions:
        seen, moved = cells, origins
        if dilate:
            seen, moved = reflect(default_structure(len(chosen)) if cells is None else cells, origins)
        compact, centre = element(seen, moved, chosen, ndim)
        steps += [Step(compact, centre, dilate is not False, border)] * count
    return Operation(steps)


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
    chain = operation.chain
    if chain is None or (without is not None and without.chain is None):
        words = to_words(values)
        result = _engine.run(operation, words, shape, threads, mask)
        if without is not None:
            result &= ~_engine.run(without, words, shape, threads, mask)
        return deliver(result, shape, target, isinstance(values, BitArray))
    src = row_packed(values) if isinstance(values, BitArray) else to_bytes(values)
    without_chain = None if without is None else without.chain
    if target is None:
        made: Array = empty_words(src.shape) if isinstance(values, BitArray) else np.empty(shape, np.bool_)
        chain.run(src, made, _engine.flat_extents(shape), mask, without_chain, threads)
        return BitArray(made, shape, "row-packed") if isinstance(values, BitArray) else made
    dst, direct = _destination(target, src, mask)
    chain.run(src, dst, _engine.flat_extents(shape), mask, without_chain, threads)
    if not direct:
        (target._words if isinstance(target, BitArray) else target)[...] = dst
    return target


def _destination(target: HostResult, src: Array, mask: Words | None) -> tuple[Array, bool]:
    """Where the core may write: the target itself (True), or an array that is copied to it afterwards."""
    packed = isinstance(target, BitArray)
    given = target._words if isinstance(target, BitArray) else target
    shared = np.may_share_memory(given, src) or (mask is not None and np.may_share_memory(given, mask))
    if not shared and given.flags.c_contiguous and (packed or given.dtype.itemsize == 1):
        return given, True
    return np.empty(given.shape, np.uint64 if packed else np.bool_), False
