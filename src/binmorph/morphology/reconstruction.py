"""Propagation within a mask and the filling of holes, as SciPy has them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..device_bits import DeviceBitArray
from . import _device, _engine
from ._apply import prepare
from ._arguments import Axes, Origin
from ._packed import (
    Image,
    Progress,
    Result,
    check_dtype,
    check_output,
    complement,
    deliver,
    row_width,
    source,
    to_words,
)
from .binary import binary_dilation


def binary_propagation(
    input: Image,
    structure: npt.ArrayLike | None = None,
    mask: Image | None = None,
    output: object = None,
    border_value: int = 0,
    origin: Origin = 0,
    *,
    axes: Axes = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Dilations within ``mask`` until nothing changes (reconstruction). Arguments: ``binary_erosion``."""
    return binary_dilation(
        *(input, structure, -1, mask, output, border_value, origin),
        axes=axes,
        threads=threads,
        progress=progress,
    )


def binary_fill_holes(
    input: Image,
    structure: npt.ArrayLike | None = None,
    output: object = None,
    origin: Origin = 0,
    *,
    axes: Axes = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Result | None:
    """The image and all background that no path of background, by steps of the element, joins to the border.

    None if ``output`` takes the result, as in SciPy.
    """
    if isinstance(input, DeviceBitArray):
        _device.check_output(output)
        reached = binary_dilation(
            *(input ^ input, structure, -1, ~input, None, 1, origin), axes=axes, progress=progress
        )
        assert isinstance(reached, DeviceBitArray)
        return ~reached
    values = source(input)
    check_dtype(values)
    shape = tuple(values.shape)
    operation = prepare(structure, len(shape), origin, axes, 1, (True,))
    target = check_output(output, shape)
    background = complement(to_words(values), row_width(shape))
    reached = np.zeros_like(background)
    _engine.repeat(operation, reached, shape, threads, background, progress)
    filled = complement(reached, row_width(shape))
    result = deliver(filled, shape, target, not isinstance(values, np.ndarray))
    return result if target is None else None
