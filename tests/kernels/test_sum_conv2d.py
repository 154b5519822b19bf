"""Convolutions that add up products: the stated order on every tile, group and tail; nothing read beyond."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from convolutions import Windows
from guard_pages import PATTERN, GuardPages
from kernel_testing import every_kernel, kernels, reference_of
from shapes import sum_convolutions

F32 = np.float32


@dataclass
class Conv(Windows):
    """One convolution with random weights, start values per class, and an image."""

    op: str  # conv2d_f32 or pixel_conv2d
    rng: np.random.Generator
    image: tuple[int, int, int]  # channels, height, width
    out_channels: int
    kernel_size: tuple[int, int] = (1, 1)
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    classes: int = 1

    def __post_init__(self) -> None:
        channels, height, width = self.image
        self.floats = self.op == "conv2d_f32"
        weights = (self.out_channels, channels // self.groups, *self.kernel_size)
        start = (self.classes, self.out_channels)
        if self.floats:
            self.x, self.weight, self.start = (
                self.wild(*s) for s in ((height, width, channels), weights, start)
            )
        else:
            self.x = self.rng.integers(0, 256, (height, width, channels), np.uint8)
            self.weight = self.rng.integers(-128, 128, weights, np.int8)
            self.x[self.rng.random(self.x.shape) < 0.3] = 255
            self.weight[self.rng.random(weights) < 0.3] = -128
            self.start = self.rng.integers(-(2**20), 2**20, start, np.int32)
        self.place()

    def wild(self, *shape: int) -> np.ndarray[Any, Any]:
        """Magnitudes far apart and zeros of both signs, so that the order of the roundings shows."""
        v = self.rng.standard_normal(shape) * 2.0 ** self.rng.integers(-12, 12, shape)
        return np.where(self.rng.random(shape) < 0.1, self.rng.choice([0.0, -0.0], shape), v).astype(F32)

    def packed(self, kernel: str) -> Any:
        return (kernels.FloatConv2d if self.floats else kernels.PixelConv2d)(
            kernel,
            self.weight,
            self.start,
            *self.geometry,
            self.row_class,
            self.column_class,
        )

    def expected(self) -> np.ndarray[Any, Any]:
        """The definition in numpy, [out_height, out_width, out_channels]; float64 for floats."""
        top, bottom, left, right = self.padding
        number = np.float64 if self.floats else np.int64
        padded = np.pad(self.x, ((top, bottom), (left, right), (0, 0))).astype(number)
        result = self.start[np.add.outer(self.row_class, self.column_class)].astype(number)
        per_group = self.out_channels // self.groups
        for i, j in itertools.product(*map(range, self.kernel_size)):
            rows = i * self.dilation[0] + self.stride[0] * np.arange(self.out_height)
            columns = j * self.dilation[1] + self.stride[1] * np.arange(self.out_width)
            for g, part in enumerate(np.split(padded[rows[:, None], columns], self.groups, axis=2)):
                o = slice(g * per_group, (g + 1) * per_group)
                result[..., o] += part @ self.weight[o, :, i, j].T.astype(number)
        return result


def channels_of(conv: Conv, blocks: tuple[int, int], count: int) -> tuple[int, int]:
    return 64 * blocks[0], conv.out_channels if blocks[1] == count else 64 * blocks[1]


def run_guarded(kernel: str, edge: Any, conv: Conv) -> np.ndarray[Any, Any]:
    """All the sums, in tiles of rows and blocks that are written with a pitch of their own."""
    packed, dtype = conv.packed(kernel), F32 if conv.floats else np.int32
    extended = packed.extend(conv.x)
    result = np.full((conv.out_height, conv.out_width, conv.out_channels), 0, dtype)
    rows = sorted({0, conv.out_height, int(conv.rng.integers(0, conv.out_height + 1))})
    blocks = sorted({0, packed.blocks, int(conv.rng.integers(0, packed.blocks + 1))})
    for row_range, block_range in itertools.product(itertools.pairwise(rows), itertools.pairwise(blocks)):
        begin, end = channels_of(conv, block_range, packed.blocks)
        pitch = end - begin + int(conv.rng.integers(0, 3))
        pixels = (row_range[1] - row_range[0]) * conv.out_width
        with GuardPages(edge) as pages:
            arrays = {name: pages.place(a) for name, a in packed.arrays().items()}
            out = pages.empty((pixels - 1) * pitch + end - begin, dtype)
            packed.run(pages.place(extended), out, pitch, row_range, block_range, arrays)
            pages.assert_intact()
            spare = np.full(pitch - (end - begin), PATTERN, np.uint8)
            tile = np.concatenate([out, np.resize(spare.view(np.uint8), 4 * spare.size).view(dtype)])
            tile = tile.reshape(pixels, pitch)
            assert (tile[:, end - begin :].view(np.uint8) == PATTERN).all(), "wrote between the pixels"
            result[row_range[0] : row_range[1], :, begin:end] = tile[:, : end - begin].reshape(
                -1, conv.out_width, end - begin
            )
    return result


SETS = sum_convolutions()


def convs_of(op: str, shapes: str, seed: int) -> list[Conv]:
    rng = np.random.default_rng([seed, list(SETS).index(shapes)])
    return [Conv(op, rng, **shape) for shape in SETS[shapes]]


@pytest.mark.parametrize("shapes", SETS)
@pytest.mark.parametrize("op", ["conv2d_f32", "pixel_conv2d"])
@pytest.mark.parametrize("edge", ["end", "start"])
@pytest.mark.parametrize("isa", ["generic", "x86_avx2", "x86_avx512"])
def test_sums_equal_reference(op, isa, edge, shapes):
    reference = reference_of(op)
    kernel = reference.replace("reference", isa)
    if kernel not in [name for _, name, _, supported in kernels.list_kernels() if supported]:
        pytest.skip(f"this machine cannot run {kernel}: it is NOT tested")
    for conv in convs_of(op, shapes, 1):
        packed = conv.packed(reference)
        expected = packed.run(packed.extend(conv.x))
        assert run_guarded(kernel, edge, conv).tobytes() == expected.tobytes(), (kernel, conv.describe())


@pytest.mark.parametrize("shapes", SETS)
def test_pixel_reference_equals_numpy(shapes):
    for conv in convs_of("pixel_conv2d", shapes, 2):
        packed = conv.packed(reference_of("pixel_conv2d"))
        sums = packed.run(packed.extend(conv.x)).reshape(conv.expected().shape)
        np.testing.assert_array_equal(sums, conv.expected(), err_msg=conv.describe())


def test_float_reference_follows_the_stated_order():
    """Against fma by exact arithmetic: rows, then columns, then channels of the window."""
    from fractions import Fraction

    def fma(a, b, c):
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        guess = F32(float(exact))
        near = [np.nextafter(guess, F32(-np.inf)), guess, np.nextafter(guess, F32(np.inf))]
        distance = [abs(Fraction(float(v)) - exact) for v in near]
        best = [v for v, d in zip(near, distance, strict=True) if d == min(distance)]
        return next((v for v in best if v.view(np.uint32) % 2 == 0), best[0])

    conv = Conv("conv2d_f32", np.random.default_rng(3), (3, 4, 5), 2, (3, 2), padding=(1, 1, 0, 1))
    packed = conv.packed(reference_of("conv2d_f32"))
    sums = packed.run(packed.extend(conv.x)).reshape(conv.out_height, conv.out_width, 2)
    padded = np.pad(conv.x, ((1, 1), (0, 1), (0, 0)))
    for y, x, o in np.ndindex(sums.shape):
        acc = conv.start[0, o]
        for i, j, c in np.ndindex(3, 2, 3):
            acc = fma(conv.weight[o, c, i, j], padded[y + i, x + j, c], acc)
        assert acc == sums[y, x, o]


@pytest.mark.parametrize("shapes", SETS)
def test_float_reference_is_near_numpy(shapes):
    for conv in convs_of("conv2d_f32", shapes, 4):
        packed = conv.packed(reference_of("conv2d_f32"))
        expected = conv.expected()
        sums = packed.run(packed.extend(conv.x)).reshape(expected.shape)
        scale = np.abs(conv.x).max() * np.abs(conv.weight).max() * 25 + np.abs(conv.start).max()
        np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-5 * scale, err_msg=conv.describe())


@every_kernel("conv2d_f32")
def test_taps_in_the_padding_are_made(kernel, edge):
    """-0.0 becomes +0.0 once a product of the positive zero outside with a positive weight is added."""
    conv = Conv("conv2d_f32", np.random.default_rng(5), (1, 1, 1), 2, (1, 2), padding=(0, 0, 0, 1))
    conv.x[:], conv.start[:] = 0.0, -0.0
    conv.weight[:] = np.array([[[[-1.0, 1.0]]], [[[-1.0, -1.0]]]])
    packed = conv.packed(kernel)
    assert np.signbit(packed.run(packed.extend(conv.x))).tolist() == [False, True]


def test_bytes_become_floats():
    conv = Conv("conv2d_f32", np.random.default_rng(6), (3, 4, 5), 8, (3, 3), padding=(1, 1, 2, 2))
    x = np.random.default_rng(7).integers(0, 256, conv.x.shape, np.uint8)
    packed = conv.packed(reference_of("conv2d_f32"))
    assert packed.extend_bytes(x).tobytes() == packed.extend(x.astype(F32)).tobytes()


def test_sums_refuse_what_does_not_exist():
    conv = Conv("conv2d_f32", np.random.default_rng(8), (2, 3, 3), 4, (3, 3))
    packed = conv.packed(reference_of("conv2d_f32"))
    extended = packed.extend(conv.x)
    for arguments, message in [
        ({"rows": (0, 2)}, "rows"),
        ({"blocks": (0, 2)}, "blocks"),
        ({"y_pitch": 3}, "y_pitch"),
        ({"out": np.zeros(3, F32)}, "expected 4"),
    ]:
        with pytest.raises(ValueError, match=message):
            packed.run(extended, **arguments)
    with pytest.raises(ValueError, match="expected 18"):
        packed.run(extended[1:])
    with pytest.raises(ValueError, match="class"):
        kernels.FloatConv2d(
            reference_of("conv2d_f32"), conv.weight, conv.start, conv.image, 4, (3, 3), row_class=[1]
        )
