"""The hit-or-miss transform, as SciPy has it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..device_bits import DeviceBitArray
from . import _device
from ._apply import apply, prepare
from ._arguments import Axes, Origin, check_axes, default_structure
from ._packed import Image, Result, check_dtype, check_output, source


def binary_hit_or_miss(
    input: Image,
    structure1: npt.ArrayLike | None = None,
    structure2: npt.ArrayLike | None = None,
    output: object = None,
    origin1: Origin = 0,
    origin2: Origin | None = None,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result | None:
    """1 where ``structure1`` fits the ones and ``structure2`` the zeros; outside the image all is 0.

    ``structure2`` is the complement of ``structure1`` unless given, ``origin2`` is ``origin1``. None if
    ``output`` takes the result, as in SciPy.
    """
    values = input if isinstance(input, DeviceBitArray) else source(input)
    check_dtype(values)
    shape = tuple(values.shape)
    rank = len(check_axes(axes, len(shape)))
    ones = default_structure(rank) if structure1 is None else np.asarray(structure1)
    zeros = np.logical_not(ones) if structure2 is None else np.asarray(structure2)
    fit = prepare(ones, len(shape), origin1, axes, 0, (False,))
    touch = prepare(zeros, len(shape), origin1 if origin2 is None else origin2, axes, 0, (None,))
    if isinstance(values, DeviceBitArray):
        _device.check_output(output)
        return _device.hit_or_miss(values, fit, touch)
    target = check_output(output, shape)
    result = apply(fit, values, target, threads, without=touch)
    if target is not None:
        return None
    # SciPy ends with a ufunc, which makes a scalar of an array without axes.
    return result[()] if isinstance(result, np.ndarray) else result
