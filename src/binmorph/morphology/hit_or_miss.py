"""The hit-or-miss transform, as SciPy has it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import _engine
from ._arguments import Axes, Origin, check_axes, element, origin_list
from ._packed import (
    Image,
    Result,
    check_dtype,
    check_output,
    complement,
    deliver,
    from_words,
    row_width,
    source,
    to_words,
)
from .binary import _step
from .structures import generate_binary_structure


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
    values = source(input)
    check_dtype(values)
    shape = tuple(values.shape)
    chosen = check_axes(axes, len(shape))
    ones = generate_binary_structure(len(chosen), 1) if structure1 is None else np.asarray(structure1)
    zeros = np.logical_not(ones) if structure2 is None else np.asarray(structure2)
    fit = _step(len(shape), ones, origin1, axes, False, 0, None)
    cells, centre = element(
        zeros, origin_list(origin1 if origin2 is None else origin2, len(chosen)), chosen, len(shape)
    )
    touch = _engine.Step(cells, centre, True, False)
    target = check_output(output, shape)
    words = to_words(values)
    hit = _engine.run([fit], words, shape, threads)
    hit &= complement(_engine.run([touch], words, shape, threads), row_width(shape))
    if target is None:
        result = from_words(hit, shape, not isinstance(values, np.ndarray))
        # SciPy ends with a ufunc, which makes a scalar of an array without axes.
        return result[()] if isinstance(result, np.ndarray) else result
    deliver(hit, shape, target, False)
    return None
