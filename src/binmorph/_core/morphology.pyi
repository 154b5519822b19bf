"""Compiled structuring elements, and sequences of erosions, dilations and rank filters on packed images.

A stage is (element, dilate, border): the value outside the image is ``border``; where ``mask``, of the shape
of the images, is 0, a stage keeps its input. ``shape`` is that of the images, of any number of axes; words
are ``[..., ceil(width / 64)]`` with zero tails. With planar elements it is that of one image, (height, width)
or (width,), and words are ``[height, width, lanes]``. A chain also takes and gives arrays of one byte a pixel
(not 0: 1), which it packs and unpacks band by band. Results may overlap what they are made from;
without ``dst`` they are new words of the shape of ``src``.
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

class Volume:
    def __init__(self, parts: Sequence[tuple[Element | None, Sequence[Sequence[int]]]]) -> None: ...

class Rank:
    def __init__(self, points: npt.NDArray[np.int32], threshold: int) -> None: ...

_Words = npt.NDArray[np.uint64]
Stage = tuple[Element | Volume | Rank, bool, bool]

class Chain:
    def __init__(self, stages: Sequence[Stage]) -> None: ...
    def run(
        self,
        src: npt.NDArray[Any],
        dst: npt.NDArray[Any] | None,
        shape: tuple[int, ...],
        mask: _Words | None = None,
        without: Chain | None = None,
        threads: int = 1,
        isa: str = "",
    ) -> npt.NDArray[Any]: ...
    def run_until_stable(
        self,
        words: _Words,
        shape: tuple[int, ...],
        mask: _Words | None = None,
        limit: int = 0,
        threads: int = 1,
        isa: str = "",
    ) -> int: ...

def empty_words(shape: Sequence[int]) -> _Words: ...
def thin(
    words: _Words, height: int, width: int, rule: str, limit: int = 0, threads: int = 1, isa: str = ""
) -> int: ...
def skeletonize(words: _Words, planes: int, height: int, width: int, limit: int = 0) -> int: ...
