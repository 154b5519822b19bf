"""Repeated elements: the one generator that needs an operation to make its element."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ._arguments import origin_list
from ._packed import Array
from .binary import binary_dilation


def iterate_structure(
    structure: npt.ArrayLike, iterations: int, origin: int | Iterable[int] | None = None
) -> Array | tuple[Array, list[int]]:
    """The element dilated ``iterations - 1`` times by itself: what repeating an operation amounts to.

    As ``scipy.ndimage.iterate_structure``: with ``origin``, a pair of the element and its origin; fewer than
    two iterations give a copy, without an origin.
    """
    cells: Array = np.asarray(structure)
    if iterations < 2:
        return np.array(cells)
    more = iterations - 1
    grown = np.zeros([n + more * (n - 1) for n in cells.shape], np.bool_)
    grown[tuple(slice(more * (n // 2), more * (n // 2) + n) for n in cells.shape)] = cells != 0
    result: Array = np.asarray(binary_dilation(grown, cells, iterations=more))
    if origin is None:
        return result
    given = origin if isinstance(origin, int) else list(origin)
    return result, [iterations * o for o in origin_list(given, cells.ndim)]
