"""Where numbers beside points go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import hypot

Place = tuple[float, float]
Box = tuple[float, float, float, float]
"""Centre, and half of width and height."""
DIRECTIONS = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
DISTANCES = (6.0, 10.0, 15.0, 21.0, 28.0, 36.0, 45.0)
MARKER = 3.0  # half of its side


def apart(points: Sequence[Place], sizes: Sequence[Place], texts: Sequence[Box] = ()) -> list[Place]:
    """An offset of the centre of each label from its point, near first; all numbers in typographic points.

    ``sizes`` are width and height of labels, ``texts`` what is there. Where all is full, a label stays
    at the farthest place.
    """
    taken = [*texts, *((x, y, MARKER, MARKER) for x, y in points)]
    offsets: list[Place] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        for distance, (right, up) in product(DISTANCES, DIRECTIONS):
            length = distance / hypot(right, up)
            offset = (right * (length + width / 4), up * length)
            box = (x + offset[0], y + offset[1], width / 2, height / 2)
            if not any(_overlap(box, other) for other in taken):
                break
        taken.append(box)
        offsets.append(offset)
    return offsets


def _overlap(one: Box, other: Box) -> bool:
    return abs(one[0] - other[0]) < one[2] + other[2] and abs(one[1] - other[1]) < one[3] + other[3]
