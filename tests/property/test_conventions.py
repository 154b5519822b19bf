"""Which pixel a tap reads: against SciPy and scikit-image, on asymmetric, even and rectangular elements.

Elements are correlation windows here, with the origin at (kh // 2, kw // 2), for erosions and dilations.
scikit-image agrees as it stands, and so does SciPy's erosion; SciPy's dilation reflects the element through
its origin, so it is reflected back first. A border of zeros or ones is SciPy's ``border_value``; replicate is
an image that was padded with its edge before.
"""

from __future__ import annotations

import numpy as np
import pytest
from morphology import Bits, dilate, erode, rank
from scipy import ndimage
from skimage import morphology as skimage_morphology

ELEMENTS = {
    "corner": [[1, 1], [1, 0]],
    "even row": [[1, 0, 1, 1]],
    "even column": [[1], [1], [0], [1]],
    "knight": [[0, 0, 0], [1, 0, 0], [0, 0, 1]],
    "hook": [[1, 1, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0]],
    "without its origin": [[1, 0], [0, 0]],
    "even both": [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
}
every_element = pytest.mark.parametrize("name", ELEMENTS)
every_layout = pytest.mark.parametrize("layout", ["row-packed", "batch-sliced"])


def element(name: str) -> Bits:
    return np.array(ELEMENTS[name], np.bool_)


def pictures() -> Bits:
    """Shapes without symmetry: noise, single pixels at every corner, and a letter."""
    rng = np.random.default_rng(1)
    x = rng.random((6, 1, 13, 70)) < np.linspace(0.1, 0.9, 6)[:, None, None, None]
    points = np.zeros((2, 1, 13, 70), np.bool_)
    points[0, 0, [0, 0, 12, 12, 5], [0, 69, 0, 69, 63]] = True
    points[1, 0, 3:9, 60] = points[1, 0, 3, 60:66] = True
    return np.concatenate([x, points, ~points])


def reflected(s: Bits) -> tuple[Bits, list[int]]:
    """SciPy dilates by the reflected element; an even one then has its origin one pixel further on."""
    return s[::-1, ::-1], [-1 if n % 2 == 0 else 0 for n in s.shape]


@every_layout
@every_element
@pytest.mark.parametrize("border", ["zeros", "ones"])
def test_scipy(name: str, border: str, layout: str) -> None:
    s, outside = element(name), int(border == "ones")
    x = pictures()
    flipped, origin = reflected(s)
    for image, eroded, dilated in zip(
        x[:, 0], erode(x, s, border, layout=layout), dilate(x, s, border, layout=layout), strict=True
    ):
        np.testing.assert_array_equal(
            eroded[0], ndimage.binary_erosion(image, s, border_value=outside), err_msg="erosion"
        )
        np.testing.assert_array_equal(
            dilated[0],
            ndimage.binary_dilation(image, flipped, border_value=outside, origin=origin),
            err_msg="dilation",
        )


@every_layout
@every_element
def test_scipy_with_replicate(name: str, layout: str) -> None:
    s, pad = element(name), 8
    x = pictures()
    flipped, origin = reflected(s)
    inner = (slice(pad, -pad), slice(pad, -pad))
    for image, eroded, dilated in zip(
        x[:, 0], erode(x, s, layout=layout), dilate(x, s, layout=layout), strict=True
    ):
        wide = np.pad(image, pad, mode="edge")
        np.testing.assert_array_equal(eroded[0], ndimage.binary_erosion(wide, s)[inner])
        np.testing.assert_array_equal(
            dilated[0], ndimage.binary_dilation(wide, flipped, origin=origin)[inner]
        )


@every_element
def test_skimage(name: str) -> None:
    """A zero row or column behind makes an even element odd and leaves its origin, now the centre."""
    s = element(name)
    x = pictures()
    odd = np.pad(s, [(0, 1 - n % 2) for n in s.shape])
    for image, eroded, dilated in zip(x[:, 0], erode(x, s), dilate(x, s), strict=True):
        wide = np.pad(image, 8, mode="edge").astype(np.uint8)
        inner = (slice(8, -8), slice(8, -8))
        np.testing.assert_array_equal(eroded[0], skimage_morphology.erosion(wide, odd)[inner])
        np.testing.assert_array_equal(dilated[0], skimage_morphology.dilation(wide, odd)[inner])


def test_rank_is_scipys_rank_filter() -> None:
    s = element("hook")
    size = int(s.sum())
    x = pictures()
    for k in range(1, size + 1):
        for image, bits in zip(x[:, 0], rank(x, s, k), strict=True):
            expected = ndimage.rank_filter(image.astype(np.uint8), size - k, footprint=s, mode="nearest")
            np.testing.assert_array_equal(bits[0], expected == 1)
