"""Compiled structuring elements, and sequences of erosions and dilations on packed images.

A stage is (element, dilate, border, mask): the value outside the image is ``border``; where ``mask``, of the
shape of the images, is 0, the stage keeps its input. ``shape`` is (images, height, width, lanes); words are
``[images, height, ceil(width / 64)]`` with zero tails, or ``[images, height, width, lanes]`` for planar
elements.
"""

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

def run_stages(
    stages: list[_Stage],
    shape: tuple[int, int, int, int],
    src: _Words,
    dst: _Words,
    threads: int = 1,
    isa: str = "",
) -> None: ...
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
