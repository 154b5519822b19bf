"""The torch operators against the numpy oracle and against scipy and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import evaluate_node, random_neurons
from scipy import ndimage
from skimage import morphology

from binmorph import ir
from binmorph.errors import DomainError, DTypeError, ShapeError
from binmorph.ir import BORDERS
from binmorph.nn import ops

KERNELS = [(1, 1), (3, 3), (2, 2), (4, 3), (2, 5), (7, 7)]


def as_args(neurons, kernel=None):
    plus, minus = torch.from_numpy(neurons.plus), torch.from_numpy(neurons.minus)
    if kernel:
        plus, minus = plus.unflatten(-1, kernel), minus.unflatten(-1, kernel)
    return plus, minus, torch.from_numpy(neurons.threshold), torch.from_numpy(neurons.invert)


def identity_lui(outputs):
    one = torch.ones((outputs, 1), dtype=torch.bool)
    return one, ~one, torch.ones(outputs, dtype=torch.int32), torch.zeros(outputs, dtype=torch.bool)


def morph(image, element, threshold, border):
    """One erosion, dilation or rank filter of a [H, W] bool image."""
    mask = torch.from_numpy(element)[None, None]
    x = torch.from_numpy(image).float()[None, None]
    level, no = torch.tensor([[threshold]], dtype=torch.int32), torch.zeros((1, 1), dtype=torch.bool)
    return ops.bisel(x, mask, ~mask & False, level, no, *identity_lui(1), border)[0, 0].numpy() == 1


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_bisel_matches_oracle(rng, kernel, border):
    bise = random_neurons(rng, (3, 2), kernel[0] * kernel[1])
    lui = random_neurons(rng, (3,), 2)
    x = rng.random((4, 2, 8, 9)) < 0.5
    got = ops.bisel(torch.from_numpy(x).float(), *as_args(bise, kernel), *as_args(lui), border)
    assert got.dtype == torch.float32
    np.testing.assert_array_equal(
        got.numpy() == 1, evaluate_node(ir.Bisel("b", "x", kernel, border, bise, lui), x)
    )
    assert set(got.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("batch", [0, 1, 5])
def test_dense_matches_oracle(rng, batch):
    neurons = random_neurons(rng, (7,), 33)
    x = rng.random((batch, 33)) < 0.5
    got = ops.threshold_dense(torch.from_numpy(x).float(), *as_args(neurons))
    np.testing.assert_array_equal(got.numpy() == 1, evaluate_node(ir.ThresholdDense("d", "x", neurons), x))


@pytest.mark.parametrize("border", BORDERS)
def test_empty_batch(border):
    mask = torch.ones((2, 1, 3, 3), dtype=torch.bool)
    zero, no = torch.ones((2, 1), dtype=torch.int32), torch.zeros((2, 1), dtype=torch.bool)
    out = ops.bisel(torch.zeros((0, 1, 5, 6)), mask, ~mask, zero, no, *identity_lui(2), border)
    assert out.shape == ((0, 2, 3, 4) if border == "valid" else (0, 2, 5, 6))


def elements(rng, kernel):
    """Asymmetric elements of that size: the tap (0, 0), and random ones with their first tap set."""
    corner = np.zeros(kernel, bool)
    corner[0, 0] = True
    draws = [rng.random(kernel) < 0.4 for _ in range(4)]
    for element in draws:
        element.flat[0] = True
    return [corner, *draws]


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("kernel", KERNELS)
def test_erosion_and_dilation_are_scipys(rng, kernel, value):
    """erosion == binary_erosion(S); dilation == binary_dilation(S reflected), origin moved by one when
    even."""
    border = ("zeros", "ones")[value]
    image = rng.random((11, 13)) < 0.6
    origin = tuple(-1 if size % 2 == 0 else 0 for size in kernel)
    for element in elements(rng, kernel):
        size = int(element.sum())
        want = ndimage.binary_erosion(image, element, border_value=value)
        np.testing.assert_array_equal(morph(image, element, size, border), want)
        want = ndimage.binary_dilation(image, element[::-1, ::-1], border_value=value, origin=origin)
        np.testing.assert_array_equal(morph(image, element, 1, border), want)


@pytest.mark.parametrize("kernel", KERNELS)
def test_replicate_border_is_edge_padding(rng, kernel):
    image = rng.random((6, 5)) < 0.5
    margin = 8
    wide = np.pad(image, margin, mode="edge")
    inside = (slice(margin, -margin), slice(margin, -margin))
    for element in elements(rng, kernel):
        size = int(element.sum())
        for threshold in {1, (size + 1) // 2, size}:
            got = morph(image, element, threshold, "replicate")
            np.testing.assert_array_equal(got, morph(wide, element, threshold, "zeros")[inside])


def test_valid_border_is_the_interior(rng):
    image = rng.random((9, 9)) < 0.5
    element = elements(rng, (4, 3))[1]
    got = morph(image, element, 2, "valid")
    np.testing.assert_array_equal(got, morph(image, element, 2, "zeros")[2:-1, 1:-1])


def test_interior_is_scikit_images(rng):
    """skimage does not reflect the element of a dilation: neither do we."""
    image, element = rng.random((12, 12)) < 0.5, elements(rng, (3, 3))[2]
    inside = (slice(1, -1), slice(1, -1))
    want = morphology.dilation(image.astype(np.uint8), element)[inside] == 1
    np.testing.assert_array_equal(morph(image, element, 1, "zeros")[inside], want)
    want = morphology.erosion(image.astype(np.uint8), element)[inside] == 1
    np.testing.assert_array_equal(morph(image, element, int(element.sum()), "ones")[inside], want)


def test_window_larger_than_the_image(rng):
    image, element = rng.random((2, 3)) < 0.5, np.ones((7, 7), bool)
    assert (morph(image, element, 1, "zeros") == image.any()).all()
    assert (morph(image, element, 49, "replicate") == image.all()).all()
    with pytest.raises(ShapeError, match="7x7 window does not fit in a 2x3 image"):
        morph(image, element, 1, "valid")


def test_only_binary_input(rng):
    mask, x = torch.ones((1, 4), dtype=torch.bool), torch.zeros((2, 4))
    rest = (~mask, torch.ones(1, dtype=torch.int32), torch.zeros(1, dtype=torch.bool))
    for bad in (0.5, -1.0, 2.0, float("nan")):
        x[1, 2] = bad
        with pytest.raises(DomainError, match=r"input\[1, 2\] = "):
            ops.threshold_dense(x, mask, *rest)
    with pytest.raises(ShapeError, match="masks"):
        ops.threshold_dense(torch.zeros((2, 5)), mask, *rest)


def test_counts_stay_exact_under_autocast():
    mask = torch.ones((1, 4096), dtype=torch.bool)
    rest = (~mask, torch.tensor([4096], dtype=torch.int32), torch.zeros(1, dtype=torch.bool))
    x = torch.ones((1, 4096))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ops.threshold_dense(x, mask, *rest).item() == 1
        x[0, 7] = 0
        assert ops.threshold_dense(x, mask, *rest).item() == 0


def test_level_sets_values_and_order():
    x = torch.arange(16, dtype=torch.uint8).reshape(1, 2, 2, 4)
    values = torch.tensor([[2.0, 7.0, 0.0], [8.0, 15.0, 16.0]])
    got = ops.level_sets(x, values)
    assert got.shape == (1, 6, 2, 4)
    for c in range(2):
        for i in range(3):
            want = (x[0, c].float() >= values[c, i]).float()
            assert torch.equal(got[0, 3 * c + i], want)
    assert torch.equal(got, ops.level_sets(x.float(), values))
    with pytest.raises(DTypeError, match="float64"):
        ops.level_sets(x.double(), values)
    with pytest.raises(ShapeError):
        ops.level_sets(x[:, :1], values)


@pytest.mark.parametrize("border", BORDERS)
def test_registration(rng, border):
    """torch's own checks: schema, no hidden aliasing, and shapes of the fake kernels."""
    bise, lui = random_neurons(rng, (2, 3), 6), random_neurons(rng, (2,), 3)
    x = torch.from_numpy(rng.random((2, 3, 5, 4)) < 0.5).float()
    tests = ("test_schema", "test_faketensor", "test_aot_dispatch_dynamic")
    args = (x, *as_args(bise, (3, 2)), *as_args(lui), border)
    torch.library.opcheck(torch.ops.binmorph.bisel.default, args, test_utils=tests)
    dense = random_neurons(rng, (4,), 60)
    torch.library.opcheck(
        torch.ops.binmorph.threshold_dense.default, (x.flatten(1), *as_args(dense)), test_utils=tests
    )
    torch.library.opcheck(torch.ops.binmorph.level_sets.default, (x, torch.rand(3, 2)), test_utils=tests)
