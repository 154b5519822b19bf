"""What openings, closings and erosions take away or add: top hats and the gradient.

``border_value=None`` leaves the outside of the image out of account: an erosion sees ones there, a dilation
zeros, as scikit-image's ``mode="ignore"``. 0 and 1 are SciPy's constants.
"""

from __future__ import annotations

import numpy.typing as npt

from ..device_bits import DeviceBitArray
from . import _device
from ._apply import Directions, apply, prepare
from ._arguments import Axes, Origin, iteration_count
from ._engine import Operation
from ._packed import Image, Result, check_dtype, check_output, source


def _residue(
    image: Image,
    structure: npt.ArrayLike | None,
    iterations: int,
    output: object,
    origin: Origin,
    border_value: int | None,
    axes: Axes,
    threads: int,
    kept: Directions,
    removed: Directions,
) -> Result:
    """What ``kept`` gives and ``removed`` does not, in one pass through memory."""
    count = iteration_count(iterations)
    if count < 1:
        raise ValueError(f"iterations must be at least 1, got {count}")
    values = image if isinstance(image, DeviceBitArray) else source(image)
    check_dtype(values)
    ndim = len(values.shape)

    def operation(directions: Directions) -> Operation:
        steps = [
            prepare(
                structure,
                ndim,
                origin,
                axes,
                int(not d) if border_value is None else border_value,
                (d,),
            )
            for d in directions
        ]
        return Operation([step for made in steps for step in made.steps], count)

    if isinstance(values, DeviceBitArray):
        _device.check_output(output)
        return _device.difference(values, operation(kept), operation(removed))
    target = check_output(output, values.shape)
    return apply(operation(kept), values, target, threads, without=operation(removed))


def white_tophat(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    output: object = None,
    origin: Origin = 0,
    border_value: int | None = None,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """The ones that an opening removes.

    Arguments: ``binary_erosion``, and the module about ``border_value``.
    """
    return _residue(
        *(input, structure, iterations, output, origin, border_value, axes, threads),
        *((), (False, True)),
    )


def black_tophat(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    output: object = None,
    origin: Origin = 0,
    border_value: int | None = None,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """The zeros that a closing fills.

    Arguments: ``binary_erosion``, and the module about ``border_value``.
    """
    return _residue(
        *(input, structure, iterations, output, origin, border_value, axes, threads),
        *((True, False), ()),
    )


def gradient(
    input: Image,
    structure: npt.ArrayLike | None = None,
    iterations: int = 1,
    output: object = None,
    origin: Origin = 0,
    border_value: int | None = None,
    *,
    axes: Axes = None,
    threads: int = 1,
) -> Result:
    """1 where a dilation gives 1 and an erosion 0: the edges of the image, on both sides.

    Arguments: ``binary_erosion``, and the module about ``border_value``.
    """
    return _residue(
        *(input, structure, iterations, output, origin, border_value, axes, threads),
        *((True,), (False,)),
    )
