"""Random convolutions by threshold neurons, and kernels run on them between guard pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from guard_pages import PATTERN, Edge, GuardPages
from kernel_testing import kernels, pack_rows, reference_of, words_for


def correlate(conv: Any, weight: np.ndarray) -> np.ndarray:
    """The definition in numpy of a convolution of conv.bits: [out_height, out_width, out_channels]."""
    top, bottom, left, right = conv.padding
    padded = np.pad(conv.bits, ((top, bottom), (left, right), (0, 0)), constant_values=conv.pad_bit)
    taps = weight.reshape(conv.out_channels, -1, *conv.kernel_size)
    size = [
        (e - d * (n - 1) - 1) // s + 1
        for e, d, n, s in zip(padded.shape, conv.dilation, conv.kernel_size, conv.stride, strict=False)
    ]
    result = np.zeros((*size, conv.out_channels), np.int32)
    per_group = conv.out_channels // conv.groups
    for i in range(conv.kernel_size[0]):
        for j in range(conv.kernel_size[1]):
            rows = i * conv.dilation[0] + conv.stride[0] * np.arange(size[0])
            columns = j * conv.dilation[1] + conv.stride[1] * np.arange(size[1])
            window = padded[rows[:, None], columns].astype(np.int32)
            for g, part in enumerate(np.split(window, conv.groups, axis=2)):
                o = slice(g * per_group, (g + 1) * per_group)
                result[..., o] += part @ taps[o, :, i, j].T
    return result


class Windows:
    """What random convolutions share: the arguments of their geometry, the size of what they write, and a
    border class for each of its rows and columns."""

    @property
    def geometry(self: Any) -> tuple[Any, ...]:
        size, steps = (self.out_channels, self.kernel_size), (self.stride, self.dilation)
        return (self.image, *size, self.groups, *steps, self.padding)

    def place(self: Any) -> None:
        top, bottom, left, right = self.padding
        extended = (self.image[1] + top + bottom, self.image[2] + left + right)
        self.out_height, self.out_width = (
            (e - d * (n - 1) - 1) // s + 1
            for e, d, n, s in zip(extended, self.dilation, self.kernel_size, self.stride, strict=True)
        )
        self.row_class = self.rng.integers(0, self.classes, self.out_height).tolist()
        last = self.classes - 1 - max(self.row_class)
        self.column_class = self.rng.integers(0, last + 1, self.out_width).tolist()

    def describe(self: Any) -> str:
        skip = {"rng"}
        return str({name: getattr(self, name) for name in self.__dataclass_fields__ if name not in skip})


@dataclass
class Conv(Windows):
    """A convolution with random weights, thresholds near the middle of the counts, and a random image."""

    rng: np.random.Generator
    image: tuple[int, int, int]
    out_channels: int
    kernel_size: tuple[int, int] = (1, 1)
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_bit: bool = False
    form: str = "sign"
    classes: int = 1
    int16: bool = False  # every sum fits

    def __post_init__(self) -> None:
        channels, height, width = self.image
        k = channels // self.groups * self.kernel_size[0] * self.kernel_size[1]
        self.bits = self.rng.random((height, width, channels)) < 0.5
        self.plus = self.rng.random((self.out_channels, k)) < 0.5
        self.minus = {
            "mask": np.zeros_like(self.plus),
            "sign": ~self.plus,
            "ternary": ~self.plus & (self.rng.random(self.plus.shape) < 0.5),
        }[self.form]
        spread = int(k**0.5) + 1
        middle = k // 4 if self.form == "mask" else 0
        self.threshold = self.rng.integers(
            middle - spread, middle + spread + 1, (self.classes, self.out_channels), np.int32
        )
        limits = np.iinfo(np.int32)
        extremes = [limits.min, limits.max, -k, k, k + 1][: self.out_channels]
        self.threshold[0, : len(extremes)] = extremes
        self.invert = self.rng.integers(0, 2, self.out_channels, np.uint8)
        self.factor = int(self.rng.integers(1, 3))
        limit = 2**15 - self.factor * k if self.int16 else 2**20
        self.constant = self.rng.integers(-limit, limit, self.threshold.shape, np.int32)
        self.place()

    @property
    def x(self) -> np.ndarray:
        return pack_rows(self.bits).ravel()

    def packed(self, kernel: str) -> Any:
        return kernels.Conv2d(
            kernel,
            pack_rows(self.plus),
            None if self.form == "mask" else pack_rows(self.minus),
            self.threshold,
            self.invert,
            *self.geometry,
            self.pad_bit,
            self.row_class,
            self.column_class,
            self.constant,
            self.factor,
        )

    def accumulators(self) -> np.ndarray:
        return correlate(self, self.plus.astype(np.int32) - self.minus)

    def expected_bits(self) -> np.ndarray:
        classes = np.add.outer(self.row_class, self.column_class)
        return (self.accumulators() >= self.threshold[classes]) != self.invert.astype(bool)


def pieces_of(conv: Conv, packed: Any, pieces: bool) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Ranges of rows and blocks that together are the image."""
    rows = sorted({0, conv.out_height, *conv.rng.integers(0, conv.out_height + 1, 1).tolist()})
    blocks = sorted({0, packed.blocks, *conv.rng.integers(0, packed.blocks + 1, 1).tolist()})
    if not pieces:
        rows, blocks = [0, conv.out_height], [0, packed.blocks]
    return itertools.product(itertools.pairwise(rows), itertools.pairwise(blocks))


def run_guarded(kernel: str, edge: Edge, conv: Conv, size: int, pieces: bool) -> np.ndarray:
    packed = conv.packed(kernel)
    with GuardPages(edge) as pages:
        arrays = {name: pages.place(a) for name, a in packed.arrays().items()}
        x, out = pages.place(conv.x), pages.empty(size, np.uint64)
        scratch = pages.empty(packed.scratch_words, np.uint64)
        for rows, blocks in pieces_of(conv, packed, pieces):
            packed.run(x, out, rows, blocks, scratch, arrays)
        pages.assert_intact()
        assert x.tobytes() == conv.x.tobytes()
        assert all(arrays[name].tobytes() == a.tobytes() for name, a in packed.arrays().items())
        return out.copy()


def accumulate_guarded(kernel: str, edge: Edge, conv: Conv, pieces: bool) -> np.ndarray:
    """Every piece into a tile of its own, whose pixels lie apart."""
    packed, dtype = conv.packed(kernel), np.int16 if conv.int16 else np.int32
    result = np.zeros((conv.out_height, conv.out_width, conv.out_channels), dtype)
    for rows, blocks in pieces_of(conv, packed, pieces):
        begin, end = 64 * blocks[0], conv.out_channels if blocks[1] == packed.blocks else 64 * blocks[1]
        channels, pixels = end - begin, (rows[1] - rows[0]) * conv.out_width
        pitch = channels + int(conv.rng.integers(0, 3))
        with GuardPages(edge) as pages:
            arrays = {name: pages.place(a) for name, a in packed.arrays().items()}
            out = pages.empty((pixels - 1) * pitch + channels, dtype)
            scratch = pages.empty(packed.scratch_words, np.uint64)
            packed.run(pages.place(conv.x), out, rows, blocks, scratch, arrays, pitch)
            pages.assert_intact()
            untouched = np.full(result.itemsize * (pitch - channels), PATTERN, np.uint8).view(dtype)
            tile = np.concatenate([out, untouched]).reshape(pixels, pitch)
            assert (tile[:, channels:].view(np.uint8) == PATTERN).all(), "wrote between the pixels"
            tile = tile[:, :channels].reshape(-1, conv.out_width, channels)
            result[rows[0] : rows[1], :, begin:end] = tile
    return result


def check(kernel: str, edge: Edge, conv: Conv) -> None:
    size = conv.out_height * conv.out_width * words_for(conv.out_channels)
    accumulate = kernel.startswith("accumulate")
    op = "threshold_conv2d" if not accumulate else f"accumulate_conv2d{'_i16' if conv.int16 else ''}"
    expected = conv.packed(reference_of(op)).run(conv.x)
    for pieces in (False, True):
        actual = (
            accumulate_guarded(kernel, edge, conv, pieces)
            if accumulate
            else run_guarded(kernel, edge, conv, size, pieces)
        )
        assert actual.tobytes() == expected.tobytes(), (kernel, conv.describe())
