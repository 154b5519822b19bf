"""Packed morphology on the device against the CPU's."""

from __future__ import annotations

import numpy as np
import pytest

from binmorph import BitArray, _core, morphology
from binmorph.errors import ShapeError


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 64), (20, 131)])
@pytest.mark.parametrize("operation", ["erosion", "dilation"])
@pytest.mark.parametrize("border", [False, True])
@pytest.mark.parametrize("cells", [(3, 3), (1, 3), (5, 7)])
def test_erosion_and_dilation(size, operation, border, cells):
    rng = np.random.default_rng([*size, *cells])
    element = rng.random(cells) < 0.7
    element[0, 0] = True
    images = rng.random((2, *size)) < 0.6
    top, left = (n // 2 for n in cells)
    points = [(int(y) - top, int(x) - left) for y, x in np.argwhere(element)]
    words = BitArray.pack(images)._words
    rank = len(points)
    if operation == "dilation":
        points, rank = [(-dy, -dx) for dy, dx in points], 1
    result, times = _core.cuda.morphology2d(0, words, size[1], points, rank, border, 2)
    expected = getattr(morphology, f"binary_{operation}")(images, element[None], border_value=int(border))
    np.testing.assert_array_equal(BitArray(result, images.shape, "row-packed").unpack(), expected)
    assert len(times) == 2


def test_bad_arguments():
    words = np.zeros((1, 4, 1), np.uint64)
    with pytest.raises(ShapeError, match="rank"):
        _core.cuda.morphology2d(0, words, 60, [(0, 0)], 2, False, 0)
    with pytest.raises(ShapeError, match="words must be"):
        _core.cuda.morphology2d(0, words, 65, [(0, 0)], 1, False, 0)
