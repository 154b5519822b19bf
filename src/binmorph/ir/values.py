"""What flows along the edges of a graph, and its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ShapeError

BORDERS = ("replicate", "zeros", "ones", "valid")
"""What a window sees outside the image; ``valid`` keeps to windows that lie inside (the output shrinks)."""

MAX_DIM = 2**31 - 1
"""The longest axis of any value: popcounts and their sums then fit an int32."""

MAX_ELEMENTS = 2**40
"""The most elements of one value per image: no byte count computed from it can overflow an int64."""

EXACT_INT = 2**24
"""Integer streams stay below this in magnitude, so that each of their values is a float32."""


@dataclass(frozen=True)
class ValueType:
    """What flows along an edge: ``kind`` is "bits", "int32", "float32" or (the network's input only) "uint8";
    ``shape`` is (C, H, W) or (K,)."""

    kind: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def check(self, where: str) -> None:
        """Raise ShapeError unless every axis and the whole value stay within the limits."""
        if min(self.shape) < 1 or max(self.shape) > MAX_DIM:
            raise ShapeError(f"{where}: shape {self.shape} has an axis outside 1 to {MAX_DIM}")
        if self.size > MAX_ELEMENTS:
            raise ShapeError(
                f"{where}: shape {self.shape} has {self.size} elements, the limit is {MAX_ELEMENTS}"
            )
