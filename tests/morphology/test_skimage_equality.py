"""Thinning, skeletons and top hats against scikit-image; ranks and gradients against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from morphology_cases import SHAPES, as_bits, random_image, random_structure
from scipy import ndimage
from skimage import data
from skimage import morphology as skimage_morphology

from binmorph import BitArray, morphology


def shapes_to_thin():
    rng = np.random.default_rng(1)
    yield np.asarray(data.horse()) == 0
    yield np.asarray(data.binary_blobs(200, rng=3))
    for height, width in ((1, 1), (1, 70), (70, 1), (2, 2), (3, 130), (40, 64), (70, 65), (33, 200)):
        for density in (0.3, 0.6, 0.9, 1.0):
            yield rng.random((height, width)) < density
            yield ndimage.binary_dilation(rng.random((height, width)) < 0.03, iterations=4)


@pytest.mark.parametrize("threads", [1, 3])
def test_thin_and_skeletonize_equal_skimage(threads):
    for image in shapes_to_thin():
        for function in ("thin", "skeletonize"):
            expected = getattr(skimage_morphology, function)(image)
            found = getattr(morphology, function)(image, threads=threads)
            assert found.dtype == bool
            np.testing.assert_array_equal(found, expected, err_msg=f"{function} {image.shape}")
            packed = getattr(morphology, function)(as_bits(image), threads=threads)
            assert isinstance(packed, BitArray)
            np.testing.assert_array_equal(packed.unpack(), expected)


def test_all_neighbourhoods_thin_as_in_skimage():
    """Every 3 x 3 pattern in a field of its own: one iteration shows both passes' rules."""
    field = np.zeros((512 * 5, 5), bool)
    for pattern in range(512):
        cells = np.array([pattern >> i & 1 for i in range(9)], bool).reshape(3, 3)
        field[5 * pattern + 1 : 5 * pattern + 4, 1:4] = cells
    np.testing.assert_array_equal(morphology.thin(field, 1), skimage_morphology.thin(field, 1))
    np.testing.assert_array_equal(morphology.skeletonize(field), skimage_morphology.skeletonize(field))


def test_thin_stops_at_the_limit_and_reports_progress():
    image = np.ones((60, 90), bool)
    for limit in (None, 0, 1, 2, 5, 40):
        expected = skimage_morphology.thin(image, limit)
        np.testing.assert_array_equal(morphology.thin(image, limit), expected)
        seen = []
        np.testing.assert_array_equal(morphology.thin(image, limit, progress=seen.append), expected)
        assert seen == sorted(seen)
        assert seen


def test_images_of_other_ranks_and_methods_are_refused():
    with pytest.raises(ValueError, match="two-dimensional"):
        morphology.thin(np.ones(5))
    for shape in ((5,), (2, 2, 2, 2)):
        with pytest.raises(ValueError, match="two or three"):
            morphology.skeletonize(np.ones(shape))
    with pytest.raises(ValueError, match="volumes"):
        morphology.skeletonize(np.ones((5, 5, 5)), method="zhang")
    with pytest.raises(ValueError, match="either"):
        morphology.skeletonize(np.ones((5, 5)), method="x")
    for shape in ((0, 5), (5, 0)):
        assert morphology.thin(np.ones(shape)).shape == shape
        assert morphology.skeletonize(np.ones(shape), method="lee").shape == shape


def test_skeletons_by_simple_points_equal_skimage():
    rng = np.random.default_rng(5)
    shapes = [(1, 1), (1, 70), (3, 130), (40, 64), (70, 65), (1, 5, 9), (2, 3, 4), (9, 12, 66), (20, 7, 1)]
    images = [rng.random(shape) < density for shape in shapes for density in (0.3, 0.7, 1.0)]
    images += [ndimage.binary_dilation(rng.random(shape) < 0.02, iterations=3) for shape in shapes]
    images.append(np.asarray(data.horse()) == 0)
    for image in images:
        expected = skimage_morphology.skeletonize(image, method="lee")
        seen = []
        found = morphology.skeletonize(image, method="lee", progress=seen.append)
        np.testing.assert_array_equal(found, expected, err_msg=str(image.shape))
        assert seen
        packed = morphology.skeletonize(as_bits(image), method="lee")
        np.testing.assert_array_equal(packed.unpack(), expected)
    volume = images[-2]
    np.testing.assert_array_equal(morphology.skeletonize(volume), skimage_morphology.skeletonize(volume))


@pytest.mark.parametrize("function", ["white_tophat", "black_tophat"])
def test_top_hats_equal_skimage_where_the_outside_does_not_count(function):
    rng = np.random.default_rng(2)
    for _ in range(30):
        image = rng.random(rng.integers(8, 90, 2)) < rng.choice([0.1, 0.5, 0.9])
        for footprint in (
            skimage_morphology.disk(1),
            skimage_morphology.disk(2),
            np.ones((3, 3)),
            np.ones((3, 5)),
        ):
            expected = getattr(skimage_morphology, function)(image, footprint.astype(bool))
            found = getattr(morphology, function)(image, footprint)
            np.testing.assert_array_equal(found, expected, err_msg=f"{image.shape} {footprint.shape}")


def test_residues_equal_their_definitions():
    rng = np.random.default_rng(3)
    for _ in range(100):
        shape = SHAPES[rng.integers(1, len(SHAPES))]
        image = random_image(rng, shape, 0.5)
        structure = random_structure(rng, len(shape))
        bits, border = image != 0, int(rng.integers(2))
        even = structure is not None and 0 in np.array(structure.shape) % 2  # repeated, they crash SciPy
        arguments = {"border_value": border, "iterations": 1 if even else int(rng.integers(1, 3))}
        opening = ndimage.binary_opening(image, structure, **arguments)
        closing = ndimage.binary_closing(image, structure, **arguments)
        erosion = ndimage.binary_erosion(image, structure, **arguments)
        dilation = ndimage.binary_dilation(image, structure, **arguments)
        white = morphology.white_tophat(image, structure, **arguments)
        np.testing.assert_array_equal(white, bits & ~opening)
        np.testing.assert_array_equal(
            morphology.black_tophat(as_bits(image), structure, **arguments).unpack(), closing & ~bits
        )
        np.testing.assert_array_equal(morphology.gradient(image, structure, **arguments), dilation & ~erosion)


def test_rank_equals_scipys_rank_filter():
    rng = np.random.default_rng(4)
    for _ in range(100):
        shape = SHAPES[rng.integers(8, len(SHAPES))]
        if 0 in shape:
            continue
        bits = rng.random(shape) < 0.5
        cells = rng.random(tuple(rng.integers(1, 4, len(shape)))) < 0.7
        cells.flat[0] = True
        n, border = int(cells.sum()), int(rng.integers(2))
        place = int(rng.integers(-n, n))
        expected = ndimage.rank_filter(
            bits.astype(np.uint8), place, footprint=cells, mode="constant", cval=border
        )
        found = morphology.rank(bits, place, cells, border_value=border)
        np.testing.assert_array_equal(found, expected.astype(bool), err_msg=f"{shape} {cells} {place}")
        ones = ndimage.correlate(bits.astype(int), cells.astype(int), mode="constant", cval=border)
        found = morphology.majority(as_bits(bits), cells, border_value=border)
        np.testing.assert_array_equal(found.unpack(), 2 * ones > n)


def test_rank_refuses_places_that_the_element_lacks():
    with pytest.raises(IndexError, match="out of range"):
        morphology.rank(np.ones((3, 3)), 9, np.ones((3, 3)))
    with pytest.raises(IndexError, match="out of range"):
        morphology.rank(np.ones((3, 3)), 0, np.zeros((3, 3)))
    assert not morphology.majority(np.ones((3, 3)), np.zeros((3, 3))).any()
    with pytest.raises(ValueError, match="iterations"):
        morphology.white_tophat(np.ones((3, 3)), iterations=0)
