"""Erosions, dilations and rank filters of packed images of any number of axes, on the compiled core.

The last two axes are packed rows. An element that reaches along the axes before them is cut into one
two-dimensional element per plane; the core moves the results of the planes whole and folds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from .. import _core
from ..bit_words import valid_bits
from ._packed import Progress, Words, row_width

_Cells = npt.NDArray[np.bool_]

_REPORT_EVERY = 64  # iterations between two calls of progress
_FUSED = 16  # repetitions that go through memory at once: more of them wait for too many rows


@dataclass(frozen=True)
class Step:
    """One erosion or dilation: result pixel p folds the pixels at p + cell - centre, outside ``border``.

    With a ``threshold`` it is 1 where at least so many of them are, instead.
    """

    cells: _Cells
    centre: tuple[int, ...]
    dilate: bool
    border: bool
    threshold: int = 0

    @property
    def is_flat(self) -> bool:
        """Whether the element reaches along the last two axes only."""
        return all(n == 1 for n in self.cells.shape[:-2])

    def element(self, planar: bool = False) -> _core.morphology.Element:
        """Of a step that is flat and has no threshold."""
        return compiled(self.cells.reshape(self.cells.shape[-2:]), self.centre[-2:], planar)

    def stage(self, planar: bool = False) -> _core.morphology.Stage:
        """What the core runs."""
        element: _core.morphology.Element | _core.morphology.Volume | _core.morphology.Rank
        if not self.is_flat:
            element = self._volume()
        elif self.threshold:
            element = _core.morphology.Rank(points(self.cells, self.centre), self.threshold)
        else:
            element = self.element(planar)
        return element, self.dilate, self.border

    def _volume(self) -> _core.morphology.Volume:
        """The distinct planes of the last two axes (None: the pixel itself), and the moves of each."""
        lead = len(self.centre) - 2
        parts: dict[bytes, tuple[_core.morphology.Element | None, list[list[int]]]] = {}
        for place in np.ndindex(self.cells.shape[:lead]):
            cells, centre = np.ascontiguousarray(self.cells[place]), self.centre[lead:]
            if not cells.any():
                continue
            if cells.tobytes() not in parts:
                alone = cells.sum() == 1 and bool(cells[centre])
                parts[cells.tobytes()] = (None if alone else compiled(cells, centre)), []
            parts[cells.tobytes()][1].append([p - c for p, c in zip(place, self.centre, strict=False)])
        return _core.morphology.Volume(list(parts.values()))


class Operation:
    """Steps in order, each ``count`` times, and what the core needs of them: worth keeping for more calls."""

    def __init__(self, steps: list[Step], count: int = 1) -> None:
        self.steps = steps
        self.count = count
        self.is_long = count > _FUSED

    def stages(self, planar: bool = False) -> list[_core.morphology.Stage]:
        """Of an operation that is not long."""
        return [stage for step in self.steps for stage in [step.stage(planar)] * self.count]

    @cached_property
    def chain(self) -> _core.morphology.Chain:
        """All steps of an operation that is not long."""
        return _core.morphology.Chain(self.stages())

    @cached_property
    def apart(self) -> list[_core.morphology.Chain]:
        """One chain per step."""
        return [_core.morphology.Chain([step.stage()]) for step in self.steps]

    @cached_property
    def sets_pixels(self) -> bool:
        """Whether an image of zeros may not stay one."""
        return any(step.border or not step.cells.any() for step in self.steps)

    @cached_property
    def planar(self) -> _core.morphology.Chain:
        """For images of whole words (``batch-sliced``)."""
        return _core.morphology.Chain(self.stages(planar=True))

    @cached_property
    def planar_apart(self) -> list[_core.morphology.Chain]:
        """One chain per step, for images of whole words."""
        return [_core.morphology.Chain([step.stage(planar=True)]) for step in self.steps]


def points(cells: _Cells, centre: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """The (dy, dx) of the cells of an element that is flat."""
    height, width = (1,) * (2 - cells.ndim) + cells.shape[-2:]
    origin = (0,) * (2 - len(centre)) + centre[-2:]
    places = np.argwhere(cells.reshape(height, width)) - np.array(origin)
    result: npt.NDArray[np.int32] = places.astype(np.int32)
    return result


@lru_cache(maxsize=256)
def _compiled(
    data: bytes, shape: tuple[int, int], centre: tuple[int, int], planar: bool
) -> _core.morphology.Element:
    return _core.morphology.Element(points(np.frombuffer(data, np.bool_).reshape(shape), centre), planar)


def compiled(cells: _Cells, centre: tuple[int, ...], planar: bool = False) -> _core.morphology.Element:
    """The plan of an element of at most two axes, from a cache of the last ones used."""
    height, width = (1,) * (2 - cells.ndim) + cells.shape
    y, x = (0,) * (2 - len(centre)) + centre
    return _compiled(cells.tobytes(), (height, width), (y, x), planar)


def run_planes(
    operation: Operation,
    words: Words,
    shape: tuple[int, ...],
    images: int,
    threads: int,
    mask: Words | None,
    until_stable: bool,
    out: Words | None,
) -> Words:
    """The steps on a stack of images of at most two axes, one image per bit (``batch-sliced`` words)."""
    if until_stable:
        result: Words = words.copy()
        for chain in operation.planar_apart:
            chain.run_until_stable(result, shape, mask, 0, threads)
    elif operation.is_long:
        result = run_long(operation, words, shape, threads, mask, planar=True)
    else:
        result = operation.planar.run(words, out, shape, mask, None, threads)
    if operation.sets_pixels:
        # There are bits for more images than there are.
        result &= valid_bits((images, *shape), "batch-sliced")
    return result


def run_long(
    operation: Operation, words: Words, shape: tuple[int, ...], threads: int, mask: Words | None, planar: bool
) -> Words:
    """Some repetitions at a time, until all are made or nothing changes any more."""
    for step in operation.steps:
        left = operation.count
        while left:
            turn = min(left, _FUSED)
            after = _core.morphology.Chain([step.stage(planar)] * turn).run(
                words, None, shape, mask, None, threads
            )
            left -= turn
            if np.array_equal(after, words):
                left %= turn  # whole turns change nothing
            words = after
    return words


def repeat(
    operation: Operation,
    words: Words,
    shape: tuple[int, ...],
    threads: int,
    mask: Words | None,
    progress: Progress | None,
) -> None:
    """Each step until nothing changes, in place; ``progress`` gets the number of times so far."""
    for chain in operation.apart:
        count, done = 0, _REPORT_EVERY
        while done == _REPORT_EVERY:
            limit = 0 if progress is None else _REPORT_EVERY
            done = chain.run_until_stable(words, shape, mask, limit, threads)
            if progress is None:
                break
            count += done
            progress(count)


def without_tails(words: Words, shape: tuple[int, ...]) -> Words:
    """The words with zeros past the ends of their rows."""
    result: Words = words & valid_bits((row_width(shape),), "row-packed")
    return result
