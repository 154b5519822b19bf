"""Erosions and dilations of packed images of any number of axes, on the compiled core.

The last two axes are packed rows. An element that reaches along the axes before them is cut into one
two-dimensional element per plane; the results of the planes are moved whole and folded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from .. import _core
from ..bit_words import empty_words, valid_bits
from ._packed import Progress, Words, row_width

_Cells = npt.NDArray[np.bool_]

_REPORT_EVERY = 64  # iterations between two calls of progress


@dataclass(frozen=True)
class Step:
    """One erosion or dilation: result pixel p folds the pixels at p + cell - centre, outside ``border``."""

    cells: _Cells
    centre: tuple[int, ...]
    dilate: bool
    border: bool

    @property
    def is_flat(self) -> bool:
        """Whether the element reaches along the last two axes only."""
        return all(n == 1 for n in self.cells.shape[:-2])

    @cached_property
    def planes(self) -> list[tuple[Operation | None, list[list[int]]]]:
        """The distinct planes of the last two axes (None: the pixel itself), and the moves of each."""
        lead = len(self.centre) - 2
        found: dict[bytes, tuple[Operation | None, list[list[int]]]] = {}
        for place in np.ndindex(self.cells.shape[:lead]):
            cells = np.ascontiguousarray(self.cells[place])
            if not cells.any():
                continue
            if cells.tobytes() not in found:
                part = replace(self, cells=cells, centre=self.centre[lead:])
                alone = cells.sum() == 1 and bool(cells[part.centre])
                found[cells.tobytes()] = (None if alone else Operation([part])), []
            moves = [p - c for p, c in zip(place, self.centre, strict=False)]
            found[cells.tobytes()][1].append(moves)
        return list(found.values())

    def stage(self, planar: bool = False) -> tuple[_core.morphology.Element, bool, bool]:
        """What the core runs."""
        element = compiled(self.cells.reshape(self.cells.shape[-2:]), self.centre[-2:], planar)
        return element, self.dilate, self.border


class Operation:
    """Steps in order, with what the core needs of them: worth keeping for further calls."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        flat = all(step.is_flat for step in steps)
        self.chain = _core.morphology.Chain([step.stage() for step in steps]) if flat else None

    @cached_property
    def sets_pixels(self) -> bool:
        """Whether an image of zeros may not stay one."""
        return any(step.border or not step.cells.any() for step in self.steps)

    @cached_property
    def planar(self) -> _core.morphology.Chain:
        """For images of whole words (``batch-sliced``)."""
        return _core.morphology.Chain([step.stage(planar=True) for step in self.steps])


@lru_cache(maxsize=256)
def _compiled(
    data: bytes, shape: tuple[int, int], centre: tuple[int, int], planar: bool
) -> _core.morphology.Element:
    cells = np.frombuffer(data, np.bool_).reshape(shape)
    return _core.morphology.Element((np.argwhere(cells) - np.array(centre)).astype(np.int32), planar)


def compiled(cells: _Cells, centre: tuple[int, ...], planar: bool = False) -> _core.morphology.Element:
    """The plan of an element of at most two axes, from a cache of the last ones used."""
    height, width = (1,) * (2 - cells.ndim) + cells.shape
    y, x = (0,) * (2 - len(centre)) + centre
    return _compiled(cells.tobytes(), (height, width), (y, x), planar)


def flat_extents(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(images, height, width, lanes) of an image or a stack of them."""
    if len(shape) < 2:
        return 1, 1, row_width(shape), 0
    return prod(shape[:-2]), shape[-2], shape[-1], 0


def planes_of(words: Words, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The extents of bit planes ``[height, width, lanes]``: one image of whole words."""
    height, width = (1,) * (2 - len(shape)) + shape
    return 1, height, width, words.shape[-1]


def run_planes(
    operation: Operation,
    words: Words,
    shape: tuple[int, ...],
    images: int,
    threads: int,
    mask: Words | None,
    until_stable: bool,
) -> Words:
    """The steps on a stack of images of at most two axes, one image per bit (``batch-sliced`` words)."""
    extents = planes_of(words, shape)
    if until_stable:
        result: Words = words.copy()
        for step in operation.steps:
            stage = (*step.stage(planar=True), mask)
            _core.morphology.run_until_stable(stage, extents, result, 0, threads)
    else:
        result = empty_words(words.shape)
        operation.planar.run(words, result, extents, mask, None, threads)
    if operation.sets_pixels:
        # There are bits for more images than there are.
        result &= valid_bits((images, *shape), "batch-sliced")
    return result


def run(
    operation: Operation, words: Words, shape: tuple[int, ...], threads: int, mask: Words | None = None
) -> Words:
    """The steps applied in order: words in, new words out."""
    if operation.chain is not None:
        result: Words = np.empty_like(words)
        operation.chain.run(words, result, flat_extents(shape), mask, None, threads)
        return result
    for step in operation.steps:
        words = _fold_planes(step, words, shape, threads, mask)
    return words


def repeat(
    step: Step,
    words: Words,
    shape: tuple[int, ...],
    threads: int,
    mask: Words | None,
    progress: Progress | None,
) -> Words:
    """The step applied until nothing changes; ``progress`` is called with the number of times so far."""
    if step.is_flat:
        result: Words = words.copy()
        stage, extents = (*step.stage(), mask), flat_extents(shape)
        if progress is None:
            _core.morphology.run_until_stable(stage, extents, result, 0, threads)
            return result
        count = 0
        while True:
            done = _core.morphology.run_until_stable(stage, extents, result, _REPORT_EVERY, threads)
            count += done
            progress(count)
            if done < _REPORT_EVERY:
                return result
    count = 0
    while True:
        result = _fold_planes(step, words, shape, threads, mask)
        count += 1
        if progress is not None:
            progress(count)
        if np.array_equal(result, words):
            return result
        words = result


def without_tails(words: Words, shape: tuple[int, ...]) -> Words:
    """The words with zeros past the ends of their rows."""
    result: Words = words & valid_bits((row_width(shape),), "row-packed")
    return result


def _fold_planes(step: Step, words: Words, shape: tuple[int, ...], threads: int, mask: Words | None) -> Words:
    """One step of an element that reaches along the leading axes."""
    fold = np.bitwise_or if step.dilate else np.bitwise_and
    neutral = 0 if step.dilate else np.iinfo(np.uint64).max
    result: Words = np.full_like(words, neutral)
    for plane, places in step.planes:
        part = words if plane is None else run(plane, words, shape, threads)
        for moves in places:
            _fold_moved(fold, result, part, moves, step.border)
    result = without_tails(result, shape)
    if mask is not None:
        result = (result & mask) | (words & ~mask)
    return result


def _fold_moved(fold: np.ufunc, result: Words, part: Words, moves: list[int], border: bool) -> None:
    """Folds plane z + moves of ``part`` into plane z of ``result``; planes outside are all ``border``."""
    inside, source = [], []
    for n, move in zip(part.shape, moves, strict=False):
        low, high = max(0, -move), max(0, min(n, n - move))
        inside.append(slice(low, max(low, high)))
        source.append(slice(low + move, max(low, high) + move))
    here, there = tuple(inside), tuple(source)
    if all(s.start < s.stop for s in inside):
        fold(result[here], part[there], out=result[here])
        empty = False
    else:
        empty = True
    if border != (fold is np.bitwise_or):
        return  # the border value does not change the fold
    outside = np.ones(result.shape[: len(moves)], np.bool_)
    if not empty:
        outside[here] = False
    result[outside] = np.iinfo(np.uint64).max if border else 0
