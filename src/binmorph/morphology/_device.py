"""The operations on bits that lie on a GPU."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from .. import _core
from ..device_bits import DeviceBitArray, check_same_place
from ..errors import DTypeError, ShapeError, UnsupportedOpError
from ._engine import Operation, Step, points
from ._packed import Progress, row_width

_TIMES = 16  # iterations between two looks at whether anything changes


def _extents(bits: DeviceBitArray) -> tuple[int, int, int]:
    shape = bits.shape
    if len(shape) < 2:
        return 1, 1, row_width(shape)
    return prod(shape[:-2]), shape[-2], shape[-1]


def _element(step: Step) -> _core.morphology.Element:
    if not step.is_flat:
        raise UnsupportedOpError(
            f"an element of shape {step.cells.shape} reaches along the axes before the last two, which has "
            "no kernel on a GPU; pass bits.cpu()"
        )
    return step.element()


def check_output(output: object) -> None:
    """ShapeError for anything that could be written to."""
    if isinstance(output, np.ndarray) or hasattr(output, "layout"):
        raise ShapeError("operations on a GPU take no output; they make new bits")


def _mask_words(bits: DeviceBitArray, mask: object) -> _core.cuda.Words | None:
    if mask is None:
        return None
    if not isinstance(mask, DeviceBitArray):
        raise DTypeError("image and mask must lie in one place; BitArray.to('cuda') and bits.cpu() move one")
    check_same_place(bits, mask)
    if mask.shape != bits.shape:
        raise RuntimeError(f"mask and input must have equal sizes: {mask.shape} and {bits.shape}")
    return mask._words


def run(bits: DeviceBitArray, operation: Operation, mask: object = None) -> DeviceBitArray:
    """The steps applied in order."""
    words = _mask_words(bits, mask)
    stages = [
        stage
        for step in operation.steps
        for stage in [(_element(step), step.dilate, step.border, words)] * operation.count
    ]
    return bits._like(_core.cuda.run_stages(stages, _extents(bits), bits._words, bits._stream()))


def repeat(
    bits: DeviceBitArray, operation: Operation, mask: object, progress: Progress | None
) -> DeviceBitArray:
    """Each step until nothing changes; ``progress`` is called with the number of times so far."""
    kept, words = _mask_words(bits, mask), bits._words
    for step in operation.steps:
        stage, count, changed = (_element(step), step.dilate, step.border, kept), 0, True
        while changed:
            words, changed = _core.cuda.repeat_stage(stage, _TIMES, _extents(bits), words, bits._stream())
            count += _TIMES
            if progress is not None:
                progress(count)
    return bits._like(words)


def difference(bits: DeviceBitArray, kept: Operation, removed: Operation) -> DeviceBitArray:
    """The bits that one operation leaves and the other does not."""
    return run(bits, kept).without(run(bits, removed))


def hit_or_miss(bits: DeviceBitArray, fit: Operation, touch: Operation) -> DeviceBitArray:
    """1 where one element fits the ones and the other the zeros."""
    ones, zeros = _element(fit.steps[0]), _element(touch.steps[0])
    return bits._like(_core.cuda.hit_or_miss(ones, zeros, _extents(bits), bits._words, bits._stream()))


def at_least(
    bits: DeviceBitArray, threshold: int, cells: npt.NDArray[np.bool_], centre: tuple[int, ...], border: bool
) -> DeviceBitArray:
    """1 where that many of the element's cells are 1."""
    _element(Step(cells, centre, False, border))
    places = [(int(y), int(x)) for y, x in points(cells, centre)]
    words = _core.cuda.rank_filter(places, threshold, border, _extents(bits), bits._words, bits._stream())
    return bits._like(words)


def thin(bits: DeviceBitArray, rule: str, limit: int, progress: Progress | None) -> DeviceBitArray:
    """At most ``limit`` iterations of thinning; 0: until nothing changes."""
    _, height, width = _extents(bits)
    words, done = _core.cuda.thin(bits._words, height, width, rule == "zhang-suen", limit, bits._stream())
    if progress is not None:
        progress(done)
    return bits._like(words)
