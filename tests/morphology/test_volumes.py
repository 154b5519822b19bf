"""Elements that reach along more than two axes, once and until nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from morphology_cases import as_bits
from scipy import ndimage

from binmorph import morphology


@pytest.mark.parametrize("name", ["binary_erosion", "binary_dilation"])
@pytest.mark.parametrize("iterations", [1, 2, -1])
def test_volumes_equal_scipy(name, iterations):
    rng = np.random.default_rng(6)
    for case in range(30):
        rank = int(rng.integers(3, 5))
        shape = (*rng.integers(1, 7, rank - 2), *rng.integers(1, (20, 80)[case % 2], 2))
        image = rng.random(shape) < rng.choice([0.05, 0.5, 0.95])
        structure = [None, np.ones((3,) * rank, bool), rng.random((3,) * rank) < 0.3][case % 3]
        if structure is not None:  # without its centre a repeated element may never settle
            structure[(1,) * rank] = True
        arguments = {
            "iterations": iterations,
            "mask": None if case % 4 == 0 else rng.random(shape) < 0.8,
            "border_value": int(rng.integers(2)),
        }
        expected = getattr(ndimage, name)(image, structure, **arguments)
        ours = getattr(morphology, name)
        np.testing.assert_array_equal(
            ours(image, structure, **arguments), expected, err_msg=f"{shape} {arguments}"
        )
        found = ours(as_bits(image), structure, threads=2, **arguments)
        np.testing.assert_array_equal(found.unpack(), expected)
        if iterations < 1:
            seen: list[int] = []
            found = ours(image, structure, progress=seen.append, **arguments)
            np.testing.assert_array_equal(found, expected)
            assert seen


def test_small_planes_and_large_ones_agree():
    rng = np.random.default_rng(7)
    image = rng.random((5, 300, 70)) < 0.9
    whole = morphology.binary_erosion(image)
    part = morphology.binary_erosion(image[:, :100])
    np.testing.assert_array_equal(whole[:, :99], part[:, :99])
    np.testing.assert_array_equal(whole, ndimage.binary_erosion(image))
