"""Every function and keyword against scipy.ndimage, on random and adversarial calls."""

from __future__ import annotations

import numpy as np
import pytest
from morphology_cases import SHAPES, as_bits, random_image, random_structure, reflected_origin
from scipy import ndimage

from binmorph import BitArray, morphology

ROUNDS = 400
# SciPy (1.17) corrupts its heap when it repeats an operation by an element of even extent, unless brute_force
# is set.
FUNCTIONS = ["binary_erosion", "binary_dilation", "binary_opening", "binary_closing"]


def call(name, *args, **kwargs):
    return getattr(ndimage, name)(*args, **kwargs), getattr(morphology, name)(*args, **kwargs)


def same(expected, found, context):
    assert type(found) is type(expected), context
    if expected is None:
        return
    assert found.dtype == expected.dtype, context
    np.testing.assert_array_equal(found, expected, err_msg=str(context))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operations_equal_scipy(name):
    rng = np.random.default_rng(len(name))
    for _ in range(ROUNDS):
        shape = SHAPES[rng.integers(len(SHAPES))]
        image = random_image(rng, shape, rng.choice([0.0, 0.1, 0.5, 0.9, 1.0]))
        structure = random_structure(rng, len(shape))
        extents = (3,) * len(shape) if structure is None else structure.shape
        kwargs = {
            "structure": structure,
            "iterations": int(rng.choice([1, 1, 2, 3, 5])),
            "border_value": int(rng.integers(2)),
            "origin": reflected_origin(rng, extents),
            "mask": None if rng.random() < 0.6 else rng.random(shape) < 0.6,
            "brute_force": bool(rng.integers(2)) or any(n % 2 == 0 for n in extents),
        }
        context = (name, shape, image.dtype, kwargs)
        expected, found = call(name, image, **kwargs)
        same(expected, found, context)
        threaded = getattr(morphology, name)(image, **kwargs, threads=3)
        np.testing.assert_array_equal(threaded, expected, err_msg=str(context))
        if shape:
            packed = getattr(morphology, name)(as_bits(image), **kwargs)
            assert isinstance(packed, BitArray)
            np.testing.assert_array_equal(packed.unpack(), expected, err_msg=str(context))
            again = BitArray.from_words(np.asarray(packed), packed.shape)  # refuses bits past the end
            assert again == packed


@pytest.mark.parametrize("name", FUNCTIONS)
def test_until_nothing_changes_equals_scipy(name):
    rng = np.random.default_rng(len(name) + 10)
    for _ in range(120):
        shape = SHAPES[rng.integers(len(SHAPES))]
        image = random_image(rng, shape, rng.choice([0.1, 0.5, 0.9]))
        rank = len(shape)
        # With its centre in it, an element cannot go round in circles.
        structure = (
            None if rng.random() < 0.4 else np.asarray(rng.random(tuple(rng.integers(1, 5, rank))) < 0.6)
        )
        if structure is not None:
            structure[tuple(n // 2 for n in structure.shape)] = True
            structure[tuple((n - 1) // 2 for n in structure.shape)] = True
        kwargs = {
            "structure": structure,
            "iterations": int(rng.integers(-1, 1)),
            "border_value": int(rng.integers(2)),
            "mask": None if rng.random() < 0.3 else rng.random(shape) < 0.6,
            "brute_force": bool(rng.integers(2))
            or (structure is not None and 0 in np.array(structure.shape) % 2),
        }
        expected, found = call(name, image, **kwargs)
        same(expected, found, (name, shape, kwargs))


def test_propagation_and_holes_equal_scipy():
    rng = np.random.default_rng(3)
    for _ in range(150):
        shape = SHAPES[rng.integers(len(SHAPES))]
        image = random_image(rng, shape, rng.choice([0.01, 0.1, 0.5, 0.7]))
        structure = None if rng.random() < 0.5 else ndimage.generate_binary_structure(len(shape), len(shape))
        mask = None if rng.random() < 0.1 else rng.random(shape) < 0.6
        border = int(rng.integers(2))
        expected, found = call("binary_propagation", image, structure, mask, border_value=border)
        same(expected, found, ("binary_propagation", shape, mask is None, border))
        expected, found = call("binary_fill_holes", image, structure)
        same(expected, found, ("binary_fill_holes", shape, structure))
        if shape:
            packed = morphology.binary_fill_holes(as_bits(image), structure)
            np.testing.assert_array_equal(packed.unpack(), expected)


def test_hit_or_miss_equals_scipy():
    rng = np.random.default_rng(4)
    for _ in range(ROUNDS):
        shape = SHAPES[rng.integers(len(SHAPES))]
        rank = len(shape)
        image = random_image(rng, shape, 0.5)
        first, second = random_structure(rng, rank), random_structure(rng, rank)
        extents = (3,) * rank if first is None else first.shape
        origin = reflected_origin(rng, extents)
        args = [image, first, None if rng.random() < 0.5 else second]
        if args[2] is not None and args[2].shape != extents:
            origin = 0
        expected, found = call("binary_hit_or_miss", *args, None, origin)
        same(expected, found, (shape, first, args[2], origin))


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "binary_fill_holes", "binary_propagation", "binary_hit_or_miss"]
)
def test_axes_equal_scipy(name):
    rng = np.random.default_rng(5)
    for shape in ((4, 9, 70), (3, 4, 5, 6), (6, 7)):
        for axes in ((0,), (1,), (-1,), (0, 1), (1, 0), (-2, -1), (0, 2), (2, 0), (0, 1, 2), (2, 1, 0)):
            if max(a % 9 if a >= 0 else 0 for a in axes) >= len(shape):
                continue
            image = rng.random(shape) < 0.6
            structure = None if rng.random() < 0.5 else rng.random((3,) * len(axes)) < 0.7
            if structure is not None:
                structure[(1,) * len(axes)] = True
            key = "structure1" if name == "binary_hit_or_miss" else "structure"
            expected, found = call(name, image, axes=axes, **{key: structure})
            same(expected, found, (name, shape, axes))


@pytest.mark.parametrize("dtype", ["?", "i4", "f8", ">i2", "u1", "f4", "i8"])
@pytest.mark.parametrize(
    "name", [*FUNCTIONS, "binary_hit_or_miss", "binary_fill_holes", "binary_propagation"]
)
def test_output_equals_scipy(name, dtype):
    rng = np.random.default_rng(6)
    image = rng.random((12, 70)) < 0.5
    for layout in (lambda a: a, np.asfortranarray, lambda a: np.repeat(a, 2, 1)[:, ::2]):
        ours, theirs = (layout(np.full(image.shape, 7).astype(dtype)) for _ in range(2))
        expected = getattr(ndimage, name)(image, output=theirs)
        found = getattr(morphology, name)(image, output=ours)
        assert (found is None) == (expected is None)
        assert found is None or found is ours
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_place_equals_scipy(name):
    rng = np.random.default_rng(7)
    image = (rng.random((40, 90)) < 0.5).astype(np.uint8)
    expected = getattr(ndimage, name)(image)
    bits = as_bits(image)
    assert getattr(morphology, name)(bits, output=bits) is bits
    np.testing.assert_array_equal(bits.unpack(), expected)
    assert getattr(morphology, name)(image, output=image) is image
    np.testing.assert_array_equal(image, expected)
    window = np.zeros((45, 90), np.uint8)
    window[:40] = np.asarray(rng.random((40, 90)) < 0.5)
    expected = getattr(ndimage, name)(window[:40])
    getattr(morphology, name)(window[:40], output=window[5:])  # overlapping, not the same
    np.testing.assert_array_equal(window[5:], expected)


def test_structures_equal_scipy():
    for rank in range(-1, 5):
        for connectivity in range(-1, 6):
            same(*call("generate_binary_structure", rank, connectivity), (rank, connectivity))
    rng = np.random.default_rng(8)
    for _ in range(60):
        cells = rng.random(tuple(1 + 2 * rng.integers(0, 3, rng.integers(1, 4)))) < 0.7
        for iterations in (0, 1, 2, 4):
            same(*call("iterate_structure", cells, iterations), (cells.shape, iterations))
            expected, found = call("iterate_structure", cells, iterations, 1)
            if isinstance(expected, tuple):
                assert found[1] == expected[1]
                expected, found = expected[0], found[0]
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["binary_dilation", "binary_erosion"])
def test_floods_by_every_small_element_equal_scipy(name):
    """Elements within 3 x 3 that contain their centre have an algorithm of their own."""
    rng = np.random.default_rng(9)
    for pattern in range(512):
        structure = np.array([pattern >> i & 1 for i in range(9)], bool).reshape(3, 3)
        structure[1, 1] = True
        shape = (int(rng.integers(1, 30)), int(rng.choice([1, 63, 64, 65, 128, 200, 259])))
        image = rng.random(shape) < (0.02 if name == "binary_dilation" else 0.98)
        kwargs = {
            "structure": structure,
            "iterations": -1,
            "border_value": int(rng.integers(2)),
            "mask": None if rng.random() < 0.2 else rng.random(shape) < rng.choice([0.5, 0.7, 0.95]),
        }
        expected, found = call(name, image, **kwargs)
        same(expected, found, (name, shape, kwargs))
        seen = []
        found = getattr(morphology, name)(image, **kwargs, progress=seen.append)
        np.testing.assert_array_equal(found, expected)
        assert seen


@pytest.mark.parametrize("name", ["binary_dilation", "binary_erosion"])
def test_growth_by_larger_elements_equals_scipy(name):
    """Elements that contain their centre settle band by band, others by whole images."""
    rng = np.random.default_rng(10)
    for case in range(40):
        shape = (int(rng.integers(1, 90)), int(rng.choice([1, 63, 64, 130, 200])))
        structure = rng.random(2 * rng.integers(0, 5, 2) + 1) < 0.4
        structure[tuple(n // 2 for n in structure.shape)] = True
        image = rng.random(shape) < (0.01 if name == "binary_dilation" else 0.99)
        kwargs = {
            "structure": structure,
            "iterations": 0,
            "border_value": int(rng.integers(2)),
            "mask": None if case % 4 == 0 else rng.random(shape) < rng.choice([0.3, 0.6, 0.95]),
        }
        expected, found = call(name, image, **kwargs)
        same(expected, found, (name, shape, kwargs))


def test_long_paths_are_followed():
    rows = np.zeros((129, 200), bool)
    rows[::2] = True
    rows[1::4, -1] = rows[3::4, 0] = True
    for mask in (rows, rows.T.copy()):
        seed = np.zeros_like(mask)
        seed[0, 0] = True
        np.testing.assert_array_equal(morphology.binary_propagation(seed, mask=mask), mask)
        mask[mask.shape[0] // 2, mask.shape[1] // 2] = False
        expected = ndimage.binary_propagation(seed, mask=mask)
        np.testing.assert_array_equal(morphology.binary_propagation(seed, mask=mask), expected)


@pytest.mark.parametrize("name", ["binary_erosion", "binary_dilation", "binary_opening", "binary_closing"])
@pytest.mark.parametrize("iterations", [16, 17, 50, 10**9])
def test_many_iterations_equal_scipy(name, iterations):
    """Of elements that move the image, too, where a turn may end where it began."""
    rng = np.random.default_rng(31)
    for shape in ((60,), (30, 70), (4, 20, 20)):
        image = rng.random(shape) < 0.9
        flags = {"iterations": iterations, "border_value": 1}
        for structure in (None, np.arange(3 ** len(shape)).reshape((3,) * len(shape)) == 0):
            if iterations > 50 and structure is not None:
                continue  # SciPy makes them all
            mask = rng.random(shape) < 0.95
            expected, found = call(name, image, structure, mask=mask, **flags)
            same(expected, found, (shape, iterations))


def test_many_iterations_of_bits_and_residues():
    rng = np.random.default_rng(32)
    image = rng.random((300, 40, 40)) < 0.99
    bits, sliced = BitArray.pack(image), BitArray.pack(image, "batch-sliced")
    cells = np.ones((1, 3, 3), bool)
    for n in (15, 18, 40):
        expected = ndimage.binary_erosion(image, cells, n)
        out = BitArray.pack(image)
        assert morphology.binary_erosion(bits, cells, n, output=out) is out
        np.testing.assert_array_equal(out.unpack(), expected)
        found = morphology.binary_erosion(sliced, cells[0], n)
        np.testing.assert_array_equal(found.unpack(), expected)
        assert morphology.binary_erosion(sliced, cells[0], n, output=found) is found
        hat = morphology.white_tophat(bits, cells, n, border_value=0).unpack()
        np.testing.assert_array_equal(hat, image & ~ndimage.binary_opening(image, cells, n))
