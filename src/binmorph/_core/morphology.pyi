"""Compiled structuring elements, and sequences of erosions and dilations on packed images.

A stage is (element, dilate, border, mask): the value outside the image is ``border``; where ``mask``, of the
shape of the images, is 0, the stage keeps its input. ``shape`` is (images, height, width, lanes); words are
``[images, height, ceil(width / 64)]`` with zero tails, or ``[images, height, width, lanes]`` for planar
elements. A chain also takes and gives ``[images, height, width]`` arrays of one byte a pixel (not 0: 1),
which it packs and unpacks band by band.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

class Element:
    def __init__(self, points: npt.NDArray[np.int32], planar: bool = False) -> None: ...
    @property
    def planar(self) -> bool: ...
    @property
    def cost(self) -> float: ...
    def describe(self) -> str: ...

_Words = npt.NDArray[np.uint64]
_Stage = tuple[Element, bool, bool, _Words | None]

class Chain:
    def __init__(self, stages: Sequence[tuple[Element, bool, bool]]) -> None: ...
    def run(
        self,
        src: npt.NDArray[Any],
        dst: npt.NDArray[Any],
        shape: tuple[int, int, int, int],
        mask: _Words | None = None,
        without: Chain | None = None,
        threads: int = 1,
        isa: str = "",
    ) -> None: ...

def empty_words(shape: Sequence[int]) -> _Words: ...
def run_until_stable(
    stage: _Stage,
    shape: tuple[int, int, int, int],
    words: _Words,
    limit: int = 0,
    threads: int = 1,
    isa: str = "",
) -> int: ...
def thin(
    words: _Words, height: int, width: int, rule: str, limit: int = 0, threads: int = 1, isa: str = ""
) -> int: ...
