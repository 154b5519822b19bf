"""What openings, closings and erosions take away or add: top hats and the gradient.

``border_value=None`` leaves the outside of the image out of account: an erosion sees ones there, a dilation
zeros, as scikit-image's ``mode="ignore"``. 0 and 1 are SciPy's constants.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from . import _engine
from ._arguments import Axes, Origin, iteration_count
from ._packed import Image, Result, Words, check_dtype, check_output, deliver, source, to_words
from .binary import _step


def _residue(
    image: Image,
    structure: npt.ArrayLike | None,
    iterations: int,
    output: object,
    origin: Origin,
    border_value: int | None,
    axes: Axes,
    threads: int,
    chains: tuple[tuple[bool, ...], ...],
    combine: Callable[[Words, list[Words]], Words],
) -> Result:
    """``combine`` of the image and the results of chains of erosions (False) and dilations (True)."""
    count = iteration_count(iterations)
    if count < 1:
        raise ValueError(f"iterations must be at least 1, got {count}")
    values = source(image)
    check_dtype(values)
    shape = tuple(values.shape)
    steps = {
        dilate: _step(
            len(shape),
            structure,
            origin,
            axes,
            dilate,
            not dilate if border_value is None else border_value,
            None,
        )
        for dilate in (False, True)
    }
    target = check_output(output, shape)
    words = to_words(values)
    results = [
        _engine.run([steps[dilate] for dilate in chain for _ in range(count)], words, shape, threads)
        for chain in chains
    ]
    return deliver(combine(words, results), shape, target, not isinstance(values, np.ndarray))


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
        ((False, True),),
        lambda words, results: words & ~results[0],
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
        ((True, False),),
        lambda words, results: results[0] & ~words,
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
        ((False,), (True,)),
        lambda words, results: results[1] & ~results[0],
    )
