"""Stacks of small images: one image per bit, and the same results as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from morphology_cases import random_structure, reflected_origin
from scipy import ndimage

from binmorph import BitArray, morphology
from binmorph.errors import ShapeError

FUNCTIONS = ["binary_erosion", "binary_dilation", "binary_opening", "binary_closing"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sliced_stacks_equal_scipy(name):
    rng = np.random.default_rng(1)
    for _ in range(60):
        shape = (
            int(rng.choice([1, 3, 64, 255, 256, 300])),
            *(int(n) for n in rng.integers(1, 12, rng.integers(1, 3))),
        )
        images = rng.random(shape) < rng.choice([0.2, 0.8])
        structure = random_structure(rng, len(shape) - 1)
        extents = (3,) * (len(shape) - 1) if structure is None else structure.shape
        kwargs = {
            "structure": structure,
            "iterations": int(rng.choice([1, 2])),
            "border_value": int(rng.integers(2)),
            "origin": reflected_origin(rng, extents),
        }
        mask = None if rng.random() < 0.6 else rng.random(shape) < 0.6
        kwargs["brute_force"] = any(n % 2 == 0 for n in extents)  # spares SciPy a crash
        expected = getattr(ndimage, name)(images, axes=tuple(range(1, len(shape))), mask=mask, **kwargs)
        bits = BitArray.pack(images, "batch-sliced")
        found = getattr(morphology, name)(bits, mask=mask, **kwargs)
        np.testing.assert_array_equal(found.unpack(), expected, err_msg=f"{shape} {kwargs}")
        assert BitArray.from_words(np.asarray(found), shape, "batch-sliced") == found
        threaded = getattr(morphology, name)(
            bits, mask=None if mask is None else BitArray.pack(mask, "batch-sliced"), threads=2, **kwargs
        )
        assert threaded == found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sliced_stacks_have_outputs(name):
    rng = np.random.default_rng(4)
    images = rng.random((300, 9, 11)) < 0.7
    bits, out = BitArray.pack(images, "batch-sliced"), BitArray.pack(images, "batch-sliced")
    for iterations in (1, -1):
        expected = getattr(morphology, name)(bits, np.ones((3, 3)), iterations)
        assert getattr(morphology, name)(bits, np.ones((3, 3)), iterations, output=out) is out
        assert out == expected
        same = BitArray.pack(images, "batch-sliced")
        assert getattr(morphology, name)(same, np.ones((3, 3)), iterations, output=same) == expected
    for wrong in (BitArray.pack(images), np.empty(images.shape, bool)):
        with pytest.raises(ShapeError, match="batch-sliced"):
            getattr(morphology, name)(bits, output=wrong)


def test_sliced_propagation_equals_scipy():
    rng = np.random.default_rng(2)
    images, mask = rng.random((70, 9, 11)) < 0.05, rng.random((70, 9, 11)) < 0.7
    images &= mask
    expected = ndimage.binary_propagation(images, mask=mask, axes=(1, 2))
    found = morphology.binary_propagation(BitArray.pack(images, "batch-sliced"), mask=mask)
    np.testing.assert_array_equal(found.unpack(), expected)


def test_sliced_stacks_of_volumes_are_refused():
    bits = BitArray.pack(np.ones((2, 3, 4, 5), bool), "batch-sliced")
    with pytest.raises(ShapeError, match="images"):
        morphology.binary_erosion(bits)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stacks_by_axes_equal_scipy(name):
    rng = np.random.default_rng(3)
    images = rng.random((200, 28, 28)) < 0.5
    structure = rng.random((5, 5)) < 0.5
    expected = getattr(ndimage, name)(images, structure, axes=(1, 2))
    np.testing.assert_array_equal(getattr(morphology, name)(images, structure, axes=(1, 2)), expected)
    found = getattr(morphology, name)(BitArray.pack(images), structure, axes=(1, 2), threads=3)
    np.testing.assert_array_equal(found.unpack(), expected)
