"""Rank filters: how many of the element's cells are 1, against a threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..device_bits import DeviceBitArray
from . import _device, _engine
from ._apply import apply
from ._arguments import Axes, Origin, border_bit, check_axes, element, origin_list
from ._packed import Image, Result, Words, check_dtype, check_output, deliver, source, to_words


def rank(
    input: Image,
    rank: int,
    structure: npt.ArrayLike | None = None,
    output: object = None,
    border_value: int = 0,
    origin: Origin = 0,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """The value at place ``rank`` of the element's cells in ascending order, as SciPy's ``rank_filter``.

    With n cells it is 1 where at least n - rank of them are: rank 0 is the erosion, n - 1 the dilation by the
    reflected element. A negative rank counts from the end. The other arguments are those of
    ``binary_erosion``. IndexError if the element has no such cell.
    """
    return _count(input, structure, output, border_value, origin, axes, threads, rank)


def majority(
    input: Image,
    structure: npt.ArrayLike | None = None,
    output: object = None,
    border_value: int = 0,
    origin: Origin = 0,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """1 where more than half of the element's cells are 1. Arguments: ``binary_erosion``."""
    return _count(input, structure, output, border_value, origin, axes, threads, None)


def _count(
    image: Image,
    structure: npt.ArrayLike | None,
    output: object,
    border_value: int,
    origin: Origin,
    axes: Axes,
    threads: int,
    place: int | None,
) -> Result:
    values = image if isinstance(image, DeviceBitArray) else source(image)
    check_dtype(values)
    shape = tuple(values.shape)
    chosen = check_axes(axes, len(shape))
    cells, centre = element(structure, origin_list(origin, len(chosen)), chosen, len(shape))
    n = int(cells.sum())
    if place is None:
        threshold = n // 2 + 1
    else:
        if not -n <= place < n:
            raise IndexError(f"rank {place} is out of range for an element of {n} cells")
        threshold = n - place % n
    if isinstance(values, DeviceBitArray):
        _device.check_output(output)
        return _device.at_least(values, threshold, cells, centre, border_bit(border_value))
    target = check_output(output, shape)
    border = border_bit(border_value)
    if threshold > n:  # an element without cells has no majority
        return apply(_engine.Operation([_engine.Step(cells, centre, True, False)]), values, target, threads)
    step = _engine.Step(cells, centre, False, border, threshold)
    if step.is_flat:
        return apply(_engine.Operation([step]), values, target, threads)
    words = _at_least(step, n, to_words(values), shape, threads)
    return deliver(words, shape, target, not isinstance(values, np.ndarray))


def _at_least(step: _engine.Step, n: int, words: Words, shape: tuple[int, ...], threads: int) -> Words:
    """[number of ones >= threshold] of volumes, by a vertical counter: one array of words per bit of it.

    It starts at 2^b - threshold, so that its bit b is the answer and no comparison follows.
    """
    top = max(n - 1, 1).bit_length()
    start = (1 << top) - step.threshold
    full = np.iinfo(np.uint64).max
    counter = [np.full_like(words, full if start >> bit & 1 else 0) for bit in range(top + 1)]
    for index in np.argwhere(step.cells):
        point = np.zeros(step.cells.shape, np.bool_)
        point[tuple(index)] = True
        carry = np.empty_like(words)
        _engine.Operation([replace(step, cells=point, dilate=True, threshold=0)]).chain.run(
            words, carry, shape, None, None, threads
        )
        for digit in counter:
            digit ^= carry
            carry &= ~digit  # the old digit was 1 where the new one is 0
    return _engine.without_tails(counter[top], shape)
