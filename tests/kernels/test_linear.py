"""The float layer over bits: equal roundings, not close ones."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_testing import equals_reference, every_kernel, kernels, random_rows, reference_of
from shapes import TAPS, WIDTHS


def wild_floats(rng, size):
    """Magnitudes far apart, so that almost every addition rounds and its order shows."""
    return (rng.standard_normal(size) * 2.0 ** rng.integers(-30, 30, size)).astype(np.float32)


@every_kernel("linear_bits")
def test_linear_bits_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    for bits in sorted({0, *WIDTHS, *TAPS}):
        for padded in {16, 16 * (1 + bits % 9)}:
            images = 1 + bits % 7
            arrays = {
                "x": random_rows(rng, images, bits, rng.choice([0.0, 0.1, 0.5, 1.0])),
                "weight": wild_floats(rng, bits * padded),
                "bias": wild_floats(rng, padded),
            }
            out = (images * padded, np.float32)
            equals_reference("linear_bits", kernel, edge, arrays, out, bits=bits, images=images)


def test_linear_reference_follows_the_stated_order():
    rng = np.random.default_rng(2)
    x = random_rows(rng, 1, 100)
    weight, bias = wild_floats(rng, (100, 16)), wild_floats(rng, 16)
    expected = bias.copy()
    for k in range(100):
        if x[0, k // 64] >> np.uint64(k % 64) & np.uint64(1):
            expected = expected + weight[k]
    y = kernels.linear_bits(reference_of("linear_bits"), x.ravel(), 100, weight, bias)
    assert y.tobytes() == expected.tobytes()


def test_signed_zeros_and_infinities_survive():
    weight = np.zeros((64, 16), np.float32)
    weight[0] = -0.0
    weight[1, :8] = np.inf
    bias = np.full(16, -0.0, np.float32)
    for _, name, _, supported in [k for k in kernels.list_kernels() if k[0] == "linear_bits"]:
        if not supported:
            pytest.skip(f"this machine cannot run {name}")
        # Images with no bits beside one with some.
        y = kernels.linear_bits(name, np.array([0, 7, 0, 0], np.uint64), 64, weight, bias, images=4)
        assert np.signbit(y.reshape(4, 16)[[0, 2, 3]]).all()
        y = kernels.linear_bits(name, np.array([1], np.uint64), 64, weight, bias)
        assert np.signbit(y).all()
        y = kernels.linear_bits(name, np.array([2], np.uint64), 64, weight, bias)
        assert np.isposinf(y[:8]).all()
        assert not np.signbit(y[8:]).any()
