"""Window extraction and max-pooling, on rows and on planes."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_testing import (
    assert_tails_zero,
    equals_reference,
    every_kernel,
    kernels,
    pack_rows,
    random_rows,
    reference_of,
    words_for,
)
from shapes import WIDTHS

BORDERS = ["replicate", "zeros", "ones", "valid"]
SIZES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (4, 5), (5, 4), (7, 3), (3, 7)]


def window_extent(shape, size, border):
    """(out_width, extended height, extended width)"""
    _, height, width = shape
    if border == "valid":
        return width - size[1] + 1, height, width
    return width, height + size[0] - 1, width + size[1] - 1


def check_window_rows(rng, kernel, edge, shape, size, border):
    if border == "valid" and (size[0] > shape[1] or size[1] > shape[2]):
        return
    out_width, extended_height, _ = window_extent(shape, size, border)
    src = random_rows(rng, shape[0] * shape[1], shape[2])
    out = (shape[0] * size[1] * extended_height * words_for(out_width), np.uint64)
    rows = equals_reference(
        "window_rows", kernel, edge, {"src": src}, out, shape=shape, kernel_size=size, border=border
    )
    assert_tails_zero(rows, out_width)


@pytest.mark.parametrize("border", BORDERS)
@every_kernel("window_rows")
def test_window_rows_equals_reference(kernel, edge, border):
    rng = np.random.default_rng(1)
    for width in WIDTHS:
        size = SIZES[width % len(SIZES)]
        check_window_rows(rng, kernel, edge, (1 + width % 2, size[0] + width % 3, width), size, border)
    for size in SIZES:
        for shape in [(1, 1, 1), (2, 1, 9), (1, 9, 1), (1, 2, 2), (1, 3, 64), (1, 3, 66)]:
            check_window_rows(rng, kernel, edge, shape, size, border)


@pytest.mark.parametrize("border", BORDERS)
@every_kernel("window_rows")
def test_window_rows_with_a_window_larger_than_the_image(kernel, edge, border):
    rng = np.random.default_rng(2)
    for size in [(9, 9), (1, 64), (2, 65), (3, 130), (20, 1), (8, 129)]:
        for shape in [(1, 1, 1), (1, 3, 5), (2, 4, 64), (1, 2, 65), (1, 20, 131)]:
            check_window_rows(rng, kernel, edge, shape, size, border)


@pytest.mark.parametrize("border", BORDERS)
@every_kernel("window_planes")
def test_window_planes_equals_reference(kernel, edge, border):
    rng = np.random.default_rng(3)
    shapes = [(1, 1, 1), (2, 3, 5), (1, 6, 4), (3, 5, 5)]
    for lane_words in (1, 2, 3, 4, 5, 8):
        for shape in shapes:
            for size in [*SIZES, (9, 9)]:
                if border == "valid" and (size[0] > shape[1] or size[1] > shape[2]):
                    continue
                _, height, width = window_extent(shape, size, border)
                src = rng.integers(0, 2**64, (*shape, lane_words), np.uint64)
                out = (shape[0] * height * width * lane_words, np.uint64)
                args = {"shape": shape, "kernel_size": size, "border": border, "lane_words": lane_words}
                equals_reference("window_planes", kernel, edge, {"src": src}, out, **args)


@pytest.mark.parametrize("border", BORDERS)
def test_window_reference_equals_numpy(border):
    rng = np.random.default_rng(4)
    for shape, size in [((2, 5, 70), (3, 4)), ((1, 1, 1), (5, 5)), ((1, 4, 64), (4, 1)), ((1, 6, 9), (2, 6))]:
        if border == "valid" and (size[0] > shape[1] or size[1] > shape[2]):
            continue
        image = rng.random(shape) < 0.5
        out_width, height, width = window_extent(shape, size, border)
        top, left = (0, 0) if border == "valid" else (size[0] // 2, size[1] // 2)
        pad = ((0, 0), (top, height - shape[1] - top), (left, width - shape[2] - left))
        fill = {} if border in ("replicate", "valid") else {"constant_values": border == "ones"}
        extended = np.pad(image, pad, mode="edge" if not fill else "constant", **fill)
        copies = np.stack([extended[:, :, j : j + out_width] for j in range(size[1])], axis=1)
        rows = kernels.window_rows(reference_of("window_rows"), pack_rows(image).ravel(), shape, size, border)
        np.testing.assert_array_equal(rows, pack_rows(copies).ravel())
        planes = np.where(image, np.uint64(2**64 - 1), np.uint64(0)).ravel()
        taken = kernels.window_planes(reference_of("window_planes"), planes, shape, size, border, 1)
        np.testing.assert_array_equal(taken != 0, extended.ravel())


def pooled(shape, size, stride):
    return (shape[1] - size[0]) // stride[0] + 1, (shape[2] - size[1]) // stride[1] + 1


def check_pool_rows(rng, kernel, edge, shape, size, stride):
    height, width = pooled(shape, size, stride)
    src = random_rows(rng, shape[0] * shape[1], shape[2], density=0.2)
    out = (shape[0] * height * words_for(width), np.uint64)
    rows = equals_reference(
        "max_pool_rows", kernel, edge, {"src": src}, out, shape=shape, kernel_size=size, stride=stride
    )
    assert_tails_zero(rows, width)


@every_kernel("max_pool_rows")
def test_max_pool_rows_equals_reference(kernel, edge):
    rng = np.random.default_rng(5)
    for width in WIDTHS[1:]:
        check_pool_rows(rng, kernel, edge, (1 + width % 2, 2 + width % 4, width), (2, 2), (2, 2))
    for _ in range(600):
        size = (int(rng.integers(1, 5)), int(rng.choice([1, 2, 3, 5, 63, 64, 65, 100])))
        stride = (int(rng.integers(1, 4)), int(rng.choice([1, 2, 2, 3, 4, 65])))
        shape = (
            int(rng.integers(1, 3)),
            size[0] + int(rng.integers(0, 5)),
            size[1] + int(rng.integers(0, 200)),
        )
        check_pool_rows(rng, kernel, edge, shape, size, stride)


@every_kernel("max_pool_planes")
def test_max_pool_planes_equals_reference(kernel, edge):
    rng = np.random.default_rng(6)
    for lane_words in (1, 2, 3, 4, 5, 7, 8, 12):
        for size, stride in [((1, 1), (1, 1)), ((2, 2), (2, 2)), ((3, 2), (1, 2)), ((2, 3), (3, 1))]:
            shape = (2, size[0] + int(rng.integers(0, 5)), size[1] + int(rng.integers(0, 5)))
            src = rng.integers(0, 2**64, (*shape, lane_words), np.uint64)
            src &= rng.integers(0, 2**64, src.shape, np.uint64)
            out = (shape[0] * int(np.prod(pooled(shape, size, stride))) * lane_words, np.uint64)
            args = {"shape": shape, "kernel_size": size, "stride": stride, "lane_words": lane_words}
            equals_reference("max_pool_planes", kernel, edge, {"src": src}, out, **args)


def test_max_pool_reference_equals_numpy():
    rng = np.random.default_rng(7)
    for shape, size, stride in [
        ((2, 9, 130), (2, 2), (2, 2)),
        ((1, 7, 70), (3, 4), (2, 3)),
        ((1, 1, 1), (1, 1), (1, 1)),
    ]:
        image = rng.random(shape) < 0.2
        views = np.lib.stride_tricks.sliding_window_view(image, size, axis=(1, 2))
        expected = views[:, :: stride[0], :: stride[1]].any(axis=(-2, -1))
        rows = kernels.max_pool_rows(
            reference_of("max_pool_rows"), pack_rows(image).ravel(), shape, size, stride
        )
        np.testing.assert_array_equal(rows, pack_rows(expected).ravel())
        planes = np.where(image, np.uint64(2**64 - 1), np.uint64(0)).ravel()
        taken = kernels.max_pool_planes(reference_of("max_pool_planes"), planes, shape, size, stride, 1)
        np.testing.assert_array_equal(taken != 0, expected.ravel())
