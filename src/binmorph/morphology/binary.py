"""SciPy's binary operations on packed bits: same signatures, defaults and results.

Everything takes an array (a new array of booleans comes back) or a row-packed BitArray (so does the result),
and an array or BitArray as ``output``, which may be the input. Erosion, dilation, opening and closing also
take a batch-sliced BitArray, a stack of small images: the element then has the axes of one image. A
``DeviceBitArray`` stays on its GPU: mask and result lie there, too, and there is no ``output``.
``brute_force`` is accepted and changes nothing. ``threads`` never changes a result. Differences from SciPy,
on purpose: an ``origin`` that moves the centre out of the element is always an IndexError (SciPy reads an
unrelated cell where the index happens to be valid), and a mask counts where it is not 0 whatever its dtype
(SciPy truncates it to int8 from the second iteration on).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..bits import BitArray
from ..device_bits import DeviceBitArray
from ..errors import ShapeError
from . import _device, _engine
from ._apply import apply, prepare
from ._arguments import Axes, Origin, iteration_count
from ._engine import Operation
from ._packed import (
    HostResult,
    Image,
    Progress,
    Result,
    Words,
    check_dtype,
    check_output,
    deliver,
    source,
    to_words,
)


def _mask_words(mask: Image, shape: tuple[int, ...], batch: bool) -> Words:
    values = source(mask)
    if tuple(values.shape) != shape:
        raise RuntimeError(f"mask and input must have equal sizes: {values.shape} and {shape}")
    if isinstance(values, np.ndarray) and values.dtype.kind == "c":
        raise RuntimeError("data type not supported")
    if batch:
        if isinstance(values, np.ndarray):
            return BitArray.pack(values != 0, "batch-sliced")._words
        return (
            BitArray.pack(values, "batch-sliced")._words if values.layout == "row-packed" else values._words
        )
    check_dtype(values)
    return to_words(values)


def _apply(
    image: Image,
    structure: npt.ArrayLike | None,
    iterations: int,
    mask: Image | None,
    output: object,
    border_value: int,
    origin: Origin,
    axes: Axes,
    threads: int,
    progress: Progress | None,
    operations: tuple[bool, ...],
) -> Result:
    """Erosions (False) and dilations (True) one after the other, each of them repeated."""
    count = iteration_count(iterations)
    times = count if count > 0 else 1
    # Small packed images take less time than a few questions: theirs come first.
    if isinstance(image, BitArray):
        values: HostResult = image
        batch = image.layout == "batch-sliced"
    elif isinstance(image, DeviceBitArray):
        _device.check_output(output)
        wanted = prepare(structure, len(image.shape), origin, axes, border_value, operations, times)
        if count < 1:
            return _device.repeat(image, wanted, mask, progress)
        return _device.run(image, wanted, mask)
    else:
        values, batch = source(image), False
        check_dtype(values)
    shape = values.shape
    masked = None if mask is None else _mask_words(mask, shape, batch)
    operation = prepare(structure, len(shape) - batch, origin, axes, border_value, operations, times)
    if isinstance(values, BitArray) and batch:
        return _apply_to_batch(operation, values, output, threads, masked, until_stable=count < 1)
    target = check_output(output, shape)
    if count >= 1:
        return apply(operation, values, target, threads, masked)
    words = values._words.copy() if isinstance(values, BitArray) else to_words(values)
    _engine.repeat(operation, words, shape, threads, masked, progress)
    return deliver(words, shape, target, not isinstance(values, np.ndarray))


def _apply_to_batch(
    operation: Operation,
    bits: BitArray,
    output: object,
    threads: int,
    mask: Words | None,
    until_stable: bool,
) -> BitArray:
    shape = bits.shape
    if len(shape) not in (2, 3):
        raise ShapeError(f"batch-sliced bits must be images [N, H, W] or rows [N, W], not of shape {shape}")
    target = None if output is None else check_output(output, shape, "batch-sliced")
    if isinstance(target, np.ndarray):
        raise ShapeError("the output of batch-sliced bits must be batch-sliced bits, not an array")
    words = _engine.run_planes(
        *(operation, bits._words, shape[1:], shape[0], threads, mask, until_stable),
        out=None if target is None else target._words,
    )
    if target is None:
        return BitArray(words, shape, "batch-sliced")
    if words is not target._words:
        target._words[...] = words
    return target


def binary_erosion(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    mask: Image | None = None,
    output: object = None,
    border_value: int = 0,
    origin: Origin = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Result:
    """1 where the element, put with its centre on the pixel, fits into the image.

    Args:
        input: numbers of any shape; what is not 0 is 1.
        structure: cells with as many axes as ``axes``; None for the cross of 3.
        iterations: how often; below 1 until nothing changes.
        mask: of the image's shape: where it is 0 the pixel keeps its value, in every iteration.
        output: array or BitArray to write to; anything else is ignored, as SciPy ignores dtypes.
        border_value: the value outside the image, in every iteration.
        origin: moves the element, one integer for all axes or one each.
        axes: the axes that the element has; the others are a stack.
        threads: bands of rows (or whole images of a stack) are shared among so many threads.
        progress: called now and then with the number of iterations so far, if iterations is below 1.
    """
    return _apply(
        input, structure, iterations, mask, output, border_value, origin, axes, threads, progress, (False,)
    )


def binary_dilation(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    mask: Image | None = None,
    output: object = None,
    border_value: int = 0,
    origin: Origin = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Result:
    """1 where the element, put with its centre on some 1 of the image, reaches.

    Arguments: ``binary_erosion``.
    """
    return _apply(
        input, structure, iterations, mask, output, border_value, origin, axes, threads, progress, (True,)
    )


def binary_opening(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    output: object = None,
    origin: Origin = 0,
    mask: Image | None = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """Erosions, then as many dilations, in one pass through memory. Arguments: ``binary_erosion``."""
    return _apply(
        input, structure, iterations, mask, output, border_value, origin, axes, threads, None, (False, True)
    )


def binary_closing(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    output: object = None,
    origin: Origin = 0,
    mask: Image | None = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """Dilations, then as many erosions, in one pass through memory. Arguments: ``binary_erosion``."""
    return _apply(
        input, structure, iterations, mask, output, border_value, origin, axes, threads, None, (True, False)
    )
