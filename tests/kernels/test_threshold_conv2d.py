"""Convolution by threshold neurons: every kernel against the definition, on memory with guard pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from guard_pages import PATTERN, Edge, GuardPages
from kernel_testing import every_kernel, kernels, pack_rows, reference_of, unpack_rows, words_for

FORMS = ["mask", "sign", "ternary"]


@dataclass
class Conv:
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
        self.constant = self.rng.integers(-(2**20), 2**20, self.threshold.shape, np.int32)
        self.factor = int(self.rng.integers(1, 3))
        top, bottom, left, right = self.padding
        extended = (height + top + bottom, width + left + right)
        self.out_height, self.out_width = (
            (e - d * (n - 1) - 1) // s + 1
            for e, d, n, s in zip(extended, self.dilation, self.kernel_size, self.stride, strict=True)
        )
        self.row_class = self.rng.integers(0, self.classes, self.out_height).tolist()
        last = self.classes - 1 - max(self.row_class)
        self.column_class = self.rng.integers(0, last + 1, self.out_width).tolist()

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
            self.image,
            self.out_channels,
            self.kernel_size,
            self.groups,
            self.stride,
            self.dilation,
            self.padding,
            self.pad_bit,
            self.row_class,
            self.column_class,
            self.constant,
            self.factor,
        )

    def accumulators(self) -> np.ndarray:
        """The definition in numpy: [out_height, out_width, out_channels]."""
        top, bottom, left, right = self.padding
        padded = np.pad(self.bits, ((top, bottom), (left, right), (0, 0)), constant_values=self.pad_bit)
        weight = self.plus.astype(np.int32) - self.minus
        taps = weight.reshape(self.out_channels, -1, *self.kernel_size)
        per_group = self.out_channels // self.groups
        result = np.zeros((self.out_height, self.out_width, self.out_channels), np.int32)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                rows = i * self.dilation[0] + self.stride[0] * np.arange(self.out_height)
                columns = j * self.dilation[1] + self.stride[1] * np.arange(self.out_width)
                window = padded[rows[:, None], columns].astype(np.int32)
                for g, part in enumerate(np.split(window, self.groups, axis=2)):
                    o = slice(g * per_group, (g + 1) * per_group)
                    result[..., o] += part @ taps[o, :, i, j].T
        return result

    def expected_bits(self) -> np.ndarray:
        classes = np.add.outer(self.row_class, self.column_class)
        return (self.accumulators() >= self.threshold[classes]) != self.invert.astype(bool)

    def describe(self) -> str:
        skip = {"rng"}
        return str({name: getattr(self, name) for name in self.__dataclass_fields__ if name not in skip})


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
    packed = conv.packed(kernel)
    result = np.zeros((conv.out_height, conv.out_width, conv.out_channels), np.int32)
    for rows, blocks in pieces_of(conv, packed, pieces):
        begin, end = 64 * blocks[0], conv.out_channels if blocks[1] == packed.blocks else 64 * blocks[1]
        channels, pixels = end - begin, (rows[1] - rows[0]) * conv.out_width
        pitch = channels + int(conv.rng.integers(0, 3))
        with GuardPages(edge) as pages:
            arrays = {name: pages.place(a) for name, a in packed.arrays().items()}
            out = pages.empty((pixels - 1) * pitch + channels, np.int32)
            scratch = pages.empty(packed.scratch_words, np.uint64)
            packed.run(pages.place(conv.x), out, rows, blocks, scratch, arrays, pitch)
            pages.assert_intact()
            untouched = np.full(4 * (pitch - channels), PATTERN, np.uint8).view(np.int32)
            tile = np.concatenate([out, untouched]).reshape(pixels, pitch)
            assert (tile[:, channels:].view(np.uint8) == PATTERN).all(), "wrote between the pixels"
            tile = tile[:, :channels].reshape(-1, conv.out_width, channels)
            result[rows[0] : rows[1], :, begin:end] = tile
    return result


def check(kernel: str, edge: Edge, conv: Conv) -> None:
    size = conv.out_height * conv.out_width * words_for(conv.out_channels)
    accumulate = kernel.startswith("accumulate")
    reference = reference_of("accumulate_conv2d" if accumulate else "threshold_conv2d")
    expected = conv.packed(reference).run(conv.x)
    for pieces in (False, True):
        actual = (
            accumulate_guarded(kernel, edge, conv, pieces)
            if accumulate
            else run_guarded(kernel, edge, conv, size, pieces)
        )
        assert actual.tobytes() == expected.tobytes(), (kernel, conv.describe())


def dense_like(rng: np.random.Generator, form: str) -> list[Conv]:
    counts = [*range(1, 258), 1023, 1024, 1025, 4095, 4096, 4097]
    return [Conv(rng, (k, 1, 1 + k % 3), 1 + k % 35, form=form) for k in counts]


def odd_channels(rng: np.random.Generator, form: str) -> list[Conv]:
    return [
        Conv(rng, (c, 3, 4), 131 - c, (3, 3), padding=(1, 1, 1, 1), pad_bit=bool(c % 2), form=form)
        for c in range(1, 131)
    ]


def random_shapes(rng: np.random.Generator, form: str) -> list[Conv]:
    convs = []
    for _ in range(60):
        draw = lambda low, high: int(rng.integers(low, high + 1))  # noqa: E731
        groups = draw(1, 4)
        kernel_size, dilation = (draw(1, 5), draw(1, 5)), (draw(1, 3), draw(1, 3))
        padding = tuple(rng.integers(0, 4, 4).tolist())
        window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
        height = max(draw(1, 9), window[0] - padding[0] - padding[1])
        width = max(draw(1, 9), window[1] - padding[2] - padding[3])
        convs.append(
            Conv(
                rng,
                (groups * draw(1, 140), height, width),
                groups * int(rng.choice([draw(1, 70), 16, 32, 64, 128])),
                kernel_size,
                groups,
                (draw(1, 3), draw(1, 3)),
                dilation,
                padding,
                bool(draw(0, 1)),
                form,
                draw(1, 9),
            )
        )
    return convs


def networks(rng: np.random.Generator, form: str) -> list[Conv]:
    """Layers as networks have them: whole words, so that lanes go straight to the output."""
    same = {"padding": (1, 1, 1, 1), "form": form, "classes": 9}
    return [
        Conv(rng, (64, 7, 9), 64, (3, 3), **same),
        Conv(rng, (128, 5, 7), 128, (3, 3), **same),
        Conv(rng, (256, 4, 4), 192, (3, 3), **same),
        Conv(rng, (512, 3, 3), 128, (3, 3), **same),
        Conv(rng, (64, 8, 8), 128, (3, 3), stride=(2, 2), **same),
        Conv(rng, (256, 3, 5), 128, form=form),
        Conv(rng, (128, 5, 5), 128, (3, 3), groups=2, **same),
        Conv(rng, (64, 1, 1), 64, (3, 3), **same),
        Conv(rng, (32, 6, 6), 64, (5, 5), padding=(2, 2, 2, 2), pad_bit=True, form=form),
    ]


SETS = {"dense": dense_like, "channels": odd_channels, "shapes": random_shapes, "networks": networks}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", SETS)
@every_kernel("threshold_conv2d")
def test_threshold_conv2d_equals_reference(kernel, edge, shapes, form):
    for conv in SETS[shapes](np.random.default_rng([5, FORMS.index(form)]), form):
        check(kernel, edge, conv)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", SETS)
@every_kernel("accumulate_conv2d")
def test_accumulate_conv2d_equals_reference(kernel, edge, shapes, form):
    for conv in SETS[shapes](np.random.default_rng([6, FORMS.index(form)]), form):
        check(kernel, edge, conv)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", ["channels", "shapes", "networks"])
def test_conv2d_reference_equals_numpy(shapes, form):
    for conv in SETS[shapes](np.random.default_rng(7), form)[::3]:
        shape = (conv.out_height, conv.out_width, -1)
        out = conv.packed(reference_of("threshold_conv2d")).run(conv.x).reshape(shape)
        bits = unpack_rows(out, conv.out_channels)
        np.testing.assert_array_equal(bits, conv.expected_bits(), err_msg=conv.describe())
        np.testing.assert_array_equal(out, pack_rows(bits), err_msg="tail bits")
        counts = conv.packed(reference_of("accumulate_conv2d")).run(conv.x).reshape(shape)
        constant = conv.constant[np.add.outer(conv.row_class, conv.column_class)]
        sums = conv.factor * conv.accumulators() + constant
        np.testing.assert_array_equal(counts, sums, err_msg=conv.describe())


def test_true_zero_padding_by_classes_equals_torch():
    """+-1 data padded by zeros: threshold + what the padding bits (as -1) have added, per class of pixel."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(8)
    channels, height, width, outputs, pad = 70, 6, 7, 33, 2
    conv = Conv(rng, (channels, height, width), outputs, (5, 5), padding=(pad,) * 4)
    weight = torch.from_numpy(np.where(conv.plus, 1.0, -1.0).reshape(outputs, channels, 5, 5))
    x = torch.from_numpy(np.where(conv.bits, 1.0, -1.0).transpose(2, 0, 1)[None].copy())
    threshold = rng.integers(-20, 20, outputs)
    expected = torch.nn.functional.conv2d(x, weight, padding=pad)[0].numpy() >= threshold[:, None, None]

    # Sum of +-1 products = 2 accumulator - sum of weights inside, where padding bits of 0 add nothing.
    inside = lambda n: [[0 <= p + t - pad < n for t in range(5)] for p in range(n)]  # noqa: E731
    rows, columns = inside(height), inside(width)
    row_kinds, column_kinds = [sorted({tuple(r) for r in kind}) for kind in (rows, columns)]
    table = []
    for row in row_kinds:
        for column in column_kinds:
            valid = np.outer(row, column)
            weights_inside = (weight.numpy() * valid).sum((1, 2, 3))
            table.append(np.ceil((threshold + weights_inside) / 2))
    conv.threshold = np.array(table, np.int32)
    conv.constant = np.zeros_like(conv.threshold)
    conv.row_class = [row_kinds.index(tuple(r)) * len(column_kinds) for r in rows]
    conv.column_class = [column_kinds.index(tuple(c)) for c in columns]
    conv.invert[:] = 0
    for op, name, _, supported in kernels.list_kernels():
        if op == "threshold_conv2d" and supported:
            out = conv.packed(name).run(conv.x).reshape(height, width, -1)
            np.testing.assert_array_equal(
                unpack_rows(out, outputs), expected.transpose(1, 2, 0), err_msg=name
            )


def test_estimated_cycles_grow_with_the_work():
    """Twice the outputs, and twice the rows of the image, cost about twice as much in every layout."""
    rng = np.random.default_rng(10)
    small, wide, tall = (
        Conv(rng, (128, height, 16), outputs, (3, 3), padding=(1, 1, 1, 1))
        for height, outputs in ((16, 128), (16, 256), (32, 128))
    )
    for op, name, _, supported in kernels.list_kernels():
        if op == "threshold_conv2d" and supported:
            cycles = [conv.packed(name).cycles for conv in (small, wide, tall)]
            assert 1.8 < cycles[1] / cycles[0] < 2.2, name
            assert 1.8 < cycles[2] / cycles[0] < 2.2, name


def test_conv2d_refuses_what_it_cannot_run():
    rng = np.random.default_rng(9)
    reference = reference_of("threshold_conv2d")
    conv = Conv(rng, (4, 3, 3), 4, (3, 3))
    for change, message in [
        ({"kernel_size": (4, 3)}, "larger than the padded image"),
        ({"stride": (0, 1)}, "positive"),
        ({"groups": 3}, "groups"),
        ({"row_class": [1]}, "class"),
    ]:
        broken = Conv(rng, (4, 3, 3), 4, (3, 3))
        for name, value in change.items():
            setattr(broken, name, value)
        with pytest.raises(ValueError, match=message):
            broken.packed(reference)
    packed = conv.packed(reference)
    with pytest.raises(ValueError, match="rows"):
        packed.run(conv.x, rows=(0, 2))
    with pytest.raises(ValueError, match="expected 9"):
        packed.run(conv.x[1:])
