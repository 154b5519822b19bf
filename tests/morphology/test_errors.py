"""Bad calls raise what SciPy raises; where SciPy reads memory that it should not, a clear error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from binmorph import BitArray, morphology
from binmorph.errors import ShapeError

IMAGE = np.ones((3, 3), bool)


def frozen():
    array = np.zeros((3, 3), bool)
    array.flags.writeable = False
    return array


CALLS = {
    **{
        f"image {d}": ((np.zeros((3, 3)).astype(d),), {})
        for d in ("O", "U1", "S1", "f2", "g", "c8", "m8[s]", "V2")
    },
    **{
        f"output {d}": ((IMAGE,), {"output": np.zeros((3, 3), d)})
        for d in ("O", "f2", "c8", "U1", "M8[s]", "g")
    },
    **{f"mask {d}": ((IMAGE,), {"mask": np.ones((3, 3)).astype(d)}) for d in ("O", "f2", "c8", "U1")},
    "output read-only": ((IMAGE,), {"output": frozen()}),
    "output shape": ((IMAGE,), {"output": np.zeros((2, 3))}),
    "mask shape": ((IMAGE,), {"mask": np.ones((2, 2))}),
    "mask scalar": ((IMAGE,), {"mask": True}),
    "ragged": (([[1], [1, 2]],), {}),
    "None": ((None,), {}),
    "text": (("abc",), {}),
    "no cells": ((IMAGE, np.zeros((0, 3))), {}),
    "structure 1-D": ((IMAGE, np.ones(3)), {}),
    "structure 3-D": ((IMAGE, np.ones((1, 3, 3))), {}),
    **{f"iterations {i!r}": ((IMAGE, None, i), {}) for i in (1.0, 2.5, "a", None)},
    **{f"border {b!r}": ((IMAGE,), {"border_value": b}) for b in (1.0, None, "a", 2**40)},
    **{f"origin {o!r}": ((IMAGE,), {"origin": o}) for o in (10**6, 10**20, 1.0, "a", None, (0, 0, 0), (1,))},
    "axes repeated": ((IMAGE,), {"axes": (0, 0)}),
    "axes far": ((IMAGE,), {"axes": (0, 5)}),
    "axes text": ((IMAGE,), {"axes": "x"}),
    "axes float": ((IMAGE,), {"axes": 1.5}),
    "axes and structure": ((IMAGE, np.ones((3, 3))), {"axes": 0}),
    "axes and origin": ((IMAGE,), {"axes": 0, "origin": (0, 1)}),
}


@pytest.mark.parametrize("name", ["binary_erosion", "binary_dilation"])
@pytest.mark.parametrize("case", list(CALLS))
def test_errors_are_scipys(name, case):
    args, kwargs = CALLS[case]
    with pytest.raises(Exception) as theirs:  # noqa: PT011 the type is the point
        getattr(ndimage, name)(*args, **kwargs)
    with pytest.raises(type(theirs.value)):
        getattr(morphology, name)(*args, **kwargs)


@pytest.mark.parametrize("origin", [-2, -3, -100, 2, 3, 100, (0, -2), (5, 0), -(10**30)])
@pytest.mark.parametrize(
    "name", ["binary_erosion", "binary_dilation", "binary_opening", "binary_hit_or_miss"]
)
def test_origins_outside_the_element_are_refused(name, origin):
    key = "origin1" if name == "binary_hit_or_miss" else "origin"
    with pytest.raises(IndexError, match="moves the centre outside"):
        getattr(morphology, name)(IMAGE, **{key: origin})


@pytest.mark.parametrize("output", [np.float32, "f4", "nonsense", [1], None, np.dtype("i8")])
def test_an_output_that_is_no_array_is_ignored(output):
    expected = ndimage.binary_erosion(IMAGE, output=output)
    found = morphology.binary_erosion(IMAGE, output=output)
    assert found.dtype == expected.dtype == bool
    np.testing.assert_array_equal(found, expected)


def test_bits_in_another_layout_are_refused_with_a_way_out():
    bits = BitArray.pack(np.ones((2, 3, 4), bool), "channel-packed")
    with pytest.raises(ShapeError, match="row-packed"):
        morphology.binary_erosion(bits)
    with pytest.raises(ShapeError, match="output must be row-packed"):
        morphology.binary_erosion(IMAGE, output=BitArray.pack(np.ones((3, 4), bool)))


def test_read_only_bits_as_output_are_refused():
    bits = BitArray.from_words(BitArray.pack(IMAGE).words, IMAGE.shape)
    for call in (morphology.binary_erosion, morphology.binary_propagation, morphology.binary_hit_or_miss):
        with pytest.raises(ValueError, match="read-only"):
            call(IMAGE, output=bits)


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads"):
        morphology.binary_erosion(IMAGE, threads=0)


def test_dimensions_of_negative_size_are_refused():
    for make in (morphology.disk, morphology.diamond):
        with pytest.raises(ValueError, match="negative"):
            make(-1)
    with pytest.raises(ValueError, match="at least one cell"):
        morphology.rectangle(0, 3)
