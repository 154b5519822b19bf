"""Values to bits and back."""

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

F32_VALUES = [0.0, -0.0, 0.5, -1.5, np.inf, -np.inf, np.float32(1e-45)]
U8_VALUES = [
    -np.inf,
    -1,
    -0.0,
    0,
    1e-45,
    0.5,
    1,
    1.5,
    127.5,
    128,
    200.25,
    254.99,
    255,
    255.01,
    256,
    1e30,
    np.inf,
]


def rows_of(width: int) -> int:
    return 1 + width % 3


@every_kernel("level_set_f32")
def test_level_set_f32_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45], np.float32)
    for width in WIDTHS:
        rows = rows_of(width)
        src = rng.integers(-4, 5, (rows, width)).astype(np.float32) / 2
        src = np.where(rng.random(src.shape) < 0.2, rng.choice(special, src.shape), src)
        for value in F32_VALUES:
            size = rows * words_for(width)
            args = {"rows": rows, "width": width, "value": float(value)}
            assert_tails_zero(
                equals_reference("level_set_f32", kernel, edge, {"src": src}, (size, np.uint64), **args),
                width,
            )


@every_kernel("level_set_u8")
def test_level_set_u8_equals_reference(kernel, edge):
    rng = np.random.default_rng(2)
    for width in WIDTHS:
        rows = rows_of(width)
        src = rng.integers(0, 256, (rows, width), np.uint8)
        for value in U8_VALUES[width % 2 :: 2]:
            size = rows * words_for(width)
            args = {"rows": rows, "width": width, "value": float(value)}
            assert_tails_zero(
                equals_reference("level_set_u8", kernel, edge, {"src": src}, (size, np.uint64), **args), width
            )


@every_kernel("level_set_u8")
def test_level_set_u8_is_exact_for_every_byte_and_threshold(kernel, edge):
    src = np.arange(256, dtype=np.uint8)
    steps = np.arange(-1, 258, dtype=np.float32)
    for value in [
        *steps,
        *np.nextafter(steps, np.float32(-np.inf)),
        *np.nextafter(steps, np.float32(np.inf)),
    ]:
        args = {"rows": 1, "width": 256, "value": float(value)}
        bits = equals_reference("level_set_u8", kernel, edge, {"src": src}, (4, np.uint64), **args)
        np.testing.assert_array_equal(bits, pack_rows(src.astype(np.float32) >= value))


@every_kernel("pack_binary_f32")
def test_pack_binary_f32_equals_reference(kernel, edge):
    rng = np.random.default_rng(3)
    for width in WIDTHS:
        rows = rows_of(width)
        src = rng.choice(np.array([0.0, -0.0, 1.0], np.float32), (rows, width))
        out = (rows * words_for(width), np.uint64)
        bits = equals_reference("pack_binary_f32", kernel, edge, {"src": src}, out, rows=rows, width=width)
        np.testing.assert_array_equal(bits, pack_rows(src == 1).ravel())
        for bad in (-1.0, 2.0, 0.5, np.nan, np.inf, 1e-45, np.nextafter(np.float32(1), np.float32(2))):
            broken = src.copy()
            broken.flat[rng.integers(src.size)] = bad
            equals_reference("pack_binary_f32", kernel, edge, {"src": broken}, out, rows=rows, width=width)


@every_kernel("pack_binary_u8")
def test_pack_binary_u8_equals_reference(kernel, edge):
    rng = np.random.default_rng(4)
    for width in WIDTHS:
        rows = rows_of(width)
        src = rng.integers(0, 2, (rows, width), np.uint8)
        out = (rows * words_for(width), np.uint64)
        bits = equals_reference("pack_binary_u8", kernel, edge, {"src": src}, out, rows=rows, width=width)
        np.testing.assert_array_equal(bits, pack_rows(src == 1).ravel())
        for bad in (2, 3, 128, 129, 255):
            broken = src.copy()
            broken.flat[rng.integers(src.size)] = bad
            equals_reference("pack_binary_u8", kernel, edge, {"src": broken}, out, rows=rows, width=width)


@pytest.mark.parametrize("op", ["pack_binary_f32", "pack_binary_u8"])
def test_pack_binary_refuses_a_bad_value_at_every_position(op):
    dtype = np.float32 if op.endswith("f32") else np.uint8
    for _, name, _, supported in [k for k in kernels.list_kernels() if k[0] == op]:
        for position in range(101 if supported else 0):
            src = np.ones(101, dtype)
            src[position] = 2
            assert getattr(kernels, op)(name, src, 1, 101) is None, (name, position)


@every_kernel("unpack_u8")
def test_unpack_u8_equals_reference(kernel, edge):
    rng = np.random.default_rng(5)
    for width in WIDTHS:
        for rows in (1, 2, 5):
            src = random_rows(rng, rows, width)
            out = (rows * width, np.uint8)
            for streams in (False, True):
                equals_reference(
                    *("unpack_u8", kernel, edge, {"src": src}, out), rows=rows, width=width, streams=streams
                )


@every_kernel("flatten")
def test_flatten_equals_reference(kernel, edge):
    rng = np.random.default_rng(6)
    for width in WIDTHS:
        for rows in (1, 2, 3, 7, 64, 65):
            src = random_rows(rng, rows, width)
            out = (words_for(rows * width), np.uint64)
            bits = equals_reference("flatten", kernel, edge, {"src": src}, out, rows=rows, width=width)
            assert_tails_zero(bits, rows * width)


@pytest.mark.parametrize(
    "op", ["level_set_f32", "level_set_u8", "pack_binary_f32", "pack_binary_u8", "unpack_u8", "flatten"]
)
@pytest.mark.parametrize(("rows", "width"), [(0, 0), (0, 5), (3, 0)])
def test_empty_input_gives_empty_output(op, rows, width):
    dtype = {"f32": np.float32, "_u8": np.uint8}[op[-3:]] if op.startswith(("level", "pack")) else np.uint64
    extra = {"value": 0.5} if op.startswith("level") else {}
    for _, name, _, supported in [k for k in kernels.list_kernels() if k[0] == op]:
        if supported:
            result = getattr(kernels, op)(name, np.empty(0, dtype), rows=rows, width=width, **extra)
            assert result.size == 0


def test_pack_reference_equals_numpy():
    rng = np.random.default_rng(7)
    for width in (1, 28, 63, 64, 65, 130):
        src = rng.integers(0, 256, (3, width), np.uint8)
        floats = src.astype(np.float32)
        expected = pack_rows(src >= 100).ravel()
        by_u8 = kernels.level_set_u8(reference_of("level_set_u8"), src, 3, width, 99.5)
        by_f32 = kernels.level_set_f32(reference_of("level_set_f32"), floats, 3, width, 99.5)
        np.testing.assert_array_equal(by_u8, expected)
        np.testing.assert_array_equal(by_f32, expected)
        unpacked = kernels.unpack_u8(reference_of("unpack_u8"), expected, 3, width)
        np.testing.assert_array_equal(unpacked.reshape(3, width), src >= 100)
        flat = kernels.flatten(reference_of("flatten"), expected, 3, width)
        np.testing.assert_array_equal(flat, pack_rows((src >= 100).ravel()))
