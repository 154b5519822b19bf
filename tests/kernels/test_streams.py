"""Pools, level sets, concatenation and flattening of streams of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_testing import (
    equals_reference,
    every_kernel,
    kernels,
    pack_rows,
    random_rows,
    reference_of,
    unpack_rows,
    words_for,
)
from shapes import pools

F32 = np.float32


def wild(rng, size):
    """Magnitudes far apart, ties, both zeros and infinities."""
    v = rng.standard_normal(size) * 2.0 ** rng.integers(-12, 12, size)
    special = rng.choice([0.0, -0.0, 1.0, np.inf, -np.inf], size)
    return np.where(rng.random(size) < 0.2, special, v).astype(F32)


@pytest.mark.parametrize("average", [False, True])
@every_kernel("float_pool")
def test_pool_equals_reference(kernel, edge, average):
    rng = np.random.default_rng(1)
    for shape, size, stride, padding in pools(rng, 0 if average else 3):
        out = [(e + 2 * p - k) // s + 1 for e, k, s, p in zip(shape[1:], size, stride, padding, strict=True)]
        src = wild(rng, int(np.prod(shape)))
        src[np.isinf(src) & average] = 3.5  # opposite infinities make NaNs, which may differ
        scalars = {"shape": shape, "kernel_size": size, "stride": stride, "padding": padding}
        for rows in ((0, out[0]), tuple(sorted(rng.integers(0, out[0] + 1, 2).tolist()))):
            extent = (out[0] * out[1] * shape[0], F32)
            arrays = {"src": src}
            equals_reference(
                "float_pool", kernel, edge, arrays, extent, rows=rows, average=average, **scalars
            )


def test_pool_references_equal_numpy():
    rng = np.random.default_rng(2)
    x = wild(rng, (6, 7, 5))
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))[::2, ::2]
    y = kernels.float_pool(reference_of("float_pool"), x, (5, 6, 7), (3, 3), (2, 2), padding=(1, 1))
    np.testing.assert_array_equal(y.reshape(3, 4, 5), windows.max((3, 4)))
    x = rng.standard_normal((6, 7, 5)).astype(F32)
    taps = [x[i : 5 + i : 2, j : 6 + j : 2] for i in range(2) for j in range(2)]
    y = kernels.float_pool(reference_of("float_pool"), x, (5, 6, 7), (2, 2), (2, 2), average=True)
    assert y.tobytes() == ((((taps[0] + taps[1]) + taps[2]) + taps[3]) / F32(4)).tobytes()


@every_kernel("float_pool")
def test_nan_wins_and_the_first_of_equals(kernel, edge):
    x = np.array([[1, np.nan, 2], [-0.0, 0.0, -1], [0.0, -0.0, -1]], F32).T.copy()  # [pixels][channels]
    x = np.tile(x, 30)  # whole vectors, and a tail
    y = kernels.float_pool(kernel, x, (90, 1, 3), (1, 3), (1, 1))
    assert np.isnan(y[::3]).all()
    assert np.signbit(y[1::3]).all()
    assert not np.signbit(y[2::3]).any()


def test_pools_refuse_what_they_cannot_run():
    x, kernel = np.zeros(12, F32), reference_of("float_pool")
    for arguments, message in [
        (((3, 2, 2), (3, 1), (1, 1)), "larger"),
        (((3, 2, 2), (1, 1), (0, 1)), "positive"),
        (((3, 2, 2), (1, 1), (1, 1), False, (1, 0)), "less than the kernel"),
        (((3, 2, 2), (2, 2), (1, 1), True, (1, 0)), "max pools only"),
        (((3, 2, 2), (1, 1), (1, 1), False, (0, 0), (0, 3)), "rows"),
        (((3, 2, 3), (1, 1), (1, 1)), "expected 18"),
    ]:
        with pytest.raises(ValueError, match=message):
            kernels.float_pool(kernel, x, *arguments)


@pytest.mark.parametrize("op", ["level_sets_f32", "level_sets_i32"])
@pytest.mark.parametrize("edge", ["end", "start"])
def test_level_sets_equal_reference_and_numpy(op, edge):
    rng = np.random.default_rng(3)
    for channels in [*range(1, 20), 63, 64, 65, 128]:
        for levels in (1, 2, 3, 5):
            pixels, bits = int(rng.integers(1, 4)), channels * levels
            x = wild(rng, (pixels, channels))
            if op == "level_sets_i32":
                x = rng.integers(-3, 4, x.shape, np.int32)
            values = rng.integers(-3, 4, (channels, levels)).astype(F32)
            scalars = {"pixels": pixels, "channels": channels, "levels": levels}
            size = (pixels * words_for(bits), np.uint64)
            for _, name, _, _ in [k for k in kernels.list_kernels() if k[0] == op]:
                result = equals_reference(op, name, edge, {"src": x, "values": values}, size, **scalars)
                expected = pack_rows((x.astype(F32)[..., None] >= values).reshape(pixels, bits))
                np.testing.assert_array_equal(result, expected.ravel())


def part_lists(rng):
    for first in [*range(1, 70), 127, 128, 129]:
        yield [first, *rng.choice([1, 3, 17, 63, 64, 65, 130], int(rng.integers(0, 4))).tolist()]


@pytest.mark.parametrize("kernel", [k[1] for k in kernels.list_kernels() if k[0] == "concat_bits"])
def test_concat_bits_equals_numpy(kernel):
    rng = np.random.default_rng(4)
    for channels in part_lists(rng):
        pixels = int(rng.integers(1, 6))
        parts = [random_rows(rng, pixels, c) for c in channels]
        bits = np.concatenate([unpack_rows(p, c) for p, c in zip(parts, channels, strict=True)], 1)
        actual = kernels.concat_bits(kernel, parts, channels, pixels)
        np.testing.assert_array_equal(actual, pack_rows(bits).ravel(), err_msg=str(channels))


@pytest.mark.parametrize("kernel", [k[1] for k in kernels.list_kernels() if k[0] == "concat_values"])
def test_concat_values_equals_numpy(kernel):
    rng = np.random.default_rng(5)
    for channels in part_lists(rng):
        parts = [wild(rng, (3, c)) for c in channels]
        actual = kernels.concat_values(kernel, parts, channels, 3)
        assert actual.tobytes() == np.concatenate(parts, 1).tobytes()


@pytest.mark.parametrize("edge", ["end", "start"])
def test_flatten_values_transposes(edge):
    rng = np.random.default_rng(6)
    for pixels, channels in [(1, 1), (1, 40), (40, 1), (15, 17), (16, 16), (49, 33), (64, 70)]:
        x = wild(rng, (pixels, channels))
        for _, name, _, _ in [k for k in kernels.list_kernels() if k[0] == "flatten_values"]:
            scalars = {"pixels": pixels, "channels": channels}
            y = equals_reference("flatten_values", name, edge, {"src": x}, (x.size, F32), **scalars)
            assert y.tobytes() == x.T.tobytes()
