"""Structuring elements: SciPy's generators, and the round and rectangular ones by size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.bool_]


def generate_binary_structure(rank: int, connectivity: int) -> Cells:
    """The 3-wide element of the cells at a city-block distance of at most ``connectivity`` from the centre.

    As ``scipy.ndimage.generate_binary_structure``: connectivity below 1 counts as 1, rank below 1 gives
    ``True``.
    """
    if rank < 1:
        return np.array(True)
    line = np.array([1, 0, 1])
    distance = line
    for _ in range(rank - 1):
        distance = np.add.outer(distance, line)
    cells: Cells = distance <= max(connectivity, 1)
    return cells


def disk(radius: int) -> Cells:
    """The cells at a Euclidean distance of at most ``radius``: ``2 * radius + 1`` square."""
    if radius < 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    cells: Cells = y * y + x * x <= radius * radius
    return cells


def diamond(radius: int) -> Cells:
    """The cells at a city-block distance of at most ``radius``."""
    if radius < 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    cells: Cells = np.abs(y) + np.abs(x) <= radius
    return cells


def rectangle(height: int, width: int) -> Cells:
    """A full element."""
    if height < 1 or width < 1:
        raise ValueError(f"a rectangle needs at least one cell, got {height} x {width}")
    return np.ones((height, width), np.bool_)
