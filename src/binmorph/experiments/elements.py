"""The structuring elements that the experiments learn, in a window of odd size."""

from __future__ import annotations

import numpy as np

from ..errors import DomainError
from ..morphology import diamond, disk
from ..morphology.structures import Cells

ELEMENTS = ("disk", "stick", "cross", "square", "diamond", "complex")


def element(name: str, size: int) -> Cells:
    """Element ``name`` in a ``size`` x ``size`` window, bool; "complex" is asymmetric, with a hole and a
    separate part. DomainError for an unknown name or an even size."""
    if name not in ELEMENTS or size < 3 or size % 2 == 0:
        raise DomainError(f"element {name!r} of size {size}: known are {', '.join(ELEMENTS)}, of odd size")
    half = size // 2
    cells = np.zeros((size, size), np.bool_)
    if name == "disk":
        return disk(half)
    if name == "diamond":
        return diamond(half)
    if name == "square":
        return ~cells
    if name == "complex":
        cells[:half, : half + 1] = True
        cells[half // 2, half // 2] = False
        cells[-1, half:] = cells[half:, -1] = True
        return cells
    cells[half] = True
    if name == "cross":
        cells[:, half] = True
    return cells
