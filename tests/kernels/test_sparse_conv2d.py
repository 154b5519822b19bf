"""Convolution by masks with few ones: every kernel against the definition, on memory with guard pages."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from convolutions import Windows, correlate
from guard_pages import Edge, GuardPages
from kernel_testing import every_kernel, kernels, pack_rows, reference_of
from shapes import TAPS


@dataclass
class Sparse(Windows):
    """A convolution with random masks and a random image; minus_density 0 leaves the minus masks away."""

    rng: np.random.Generator
    image: tuple[int, int, int]
    out_channels: int
    kernel_size: tuple[int, int] = (3, 3)
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad_bit: bool = False
    density: float = 0.05
    minus_density: float = 0.0
    plus: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        channels, height, width = self.image
        k = channels // self.groups * self.kernel_size[0] * self.kernel_size[1]
        self.bits = self.rng.random((height, width, channels)) < 0.5
        self.plus = self.rng.random((self.out_channels, k)) < self.density
        self.minus = ~self.plus & (self.rng.random(self.plus.shape) < self.minus_density)
        self.packed = kernels.SparseConv2d(
            pack_rows(self.plus),
            pack_rows(self.minus) if self.minus_density else None,
            *self.geometry,
            self.pad_bit,
        )

    def expected(self) -> np.ndarray:
        return correlate(self, self.plus.astype(np.int32) - self.minus)


def check(kernel: str, edge: Edge, conv: Sparse) -> None:
    packed, expected = conv.packed, conv.expected()
    planes = packed.planes(reference_of("images_to_planes"), pack_rows(conv.bits).ravel())
    arrays = packed.arrays()
    with GuardPages(edge) as pages:
        placed = {name: pages.place(a) for name, a in arrays.items()}
        planes_placed, out = pages.place(planes), pages.empty(expected.size, np.int32)
        scratch = pages.empty(packed.scratch_words, np.uint64)
        cut = int(conv.rng.integers(0, packed.blocks + 1))
        for blocks in ((0, cut), (cut, packed.blocks)):
            packed.run(kernel, planes_placed, out, blocks, scratch, placed)
        pages.assert_intact()
        assert planes_placed.tobytes() == planes.tobytes()
        assert all(placed[name].tobytes() == a.tobytes() for name, a in arrays.items())
        assert out.tobytes() == expected.tobytes(), (kernel, conv)


def random_shapes(rng: np.random.Generator) -> list[Sparse]:
    convs = []
    for _ in range(40):
        draw = lambda low, high: int(rng.integers(low, high + 1))  # noqa: E731
        groups = draw(1, 3)
        kernel_size, dilation = (draw(1, 5), draw(1, 5)), (draw(1, 3), draw(1, 3))
        padding = tuple(rng.integers(0, 4, 4).tolist())
        window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
        convs.append(
            Sparse(
                rng,
                (
                    groups * draw(1, 70),
                    max(draw(1, 20), window[0] - padding[0] - padding[1]),
                    max(draw(1, 40), window[1] - padding[2] - padding[3]),
                ),
                groups * int(rng.choice([draw(1, 70), 32, 64])),
                kernel_size,
                groups,
                (draw(1, 3), draw(1, 3)),
                dilation,
                padding,
                bool(draw(0, 1)),
                float(rng.choice([0.0, 0.02, 0.05, 0.2, 0.6])),
                float(rng.choice([0.0, 0.05])),
            )
        )
    return convs


def all_taps(rng: np.random.Generator, k: int) -> Sparse:
    minus = 0.5 if k % 3 == 0 else 0.0
    return Sparse(rng, (k, 1, 1 + k % 9), 3, (1, 1), density=1.0 if k % 2 else 0.7, minus_density=minus)


def networks(rng: np.random.Generator) -> list[Sparse]:
    """Layers as networks have them; the last has more taps of an output than a byte counts."""
    shapes = [((64, 56, 20), 64), ((128, 28, 28), 64), ((256, 14, 14), 130), ((512, 7, 7), 64)]
    convs = [Sparse(rng, image, outputs, padding=(1, 1, 1, 1)) for image, outputs in shapes]
    return [*convs, Sparse(rng, (257, 5, 6), 9, padding=(1, 1, 1, 1), density=0.5, minus_density=0.5)]


@pytest.mark.parametrize("convs", [random_shapes, networks])
@every_kernel("sparse_conv2d")
def test_sparse_conv2d_equals_the_definition(kernel, edge, convs):
    for conv in convs(np.random.default_rng(11)):
        check(kernel, edge, conv)


def check_fires(kernel: str, edge: Edge, conv: Sparse, classes: int) -> None:
    """Thresholds near the counts, by classes of rows and columns."""
    rng, packed, sums = conv.rng, conv.packed, conv.expected()
    height, width, outputs = sums.shape
    planes = packed.planes(reference_of("images_to_planes"), pack_rows(conv.bits).ravel())
    threshold = np.median(sums, (0, 1)).astype(np.int32) + rng.integers(-2, 3, (classes, outputs), np.int32)
    limits = np.iinfo(np.int32)
    threshold[0, :3] = [limits.min, limits.max, 0][:outputs]
    rows = rng.integers(0, (classes + 1) // 2, height).astype(np.uint32)
    columns = rng.integers(0, classes - classes // 2, width).astype(np.uint32)
    invert = rng.integers(0, 2, outputs, np.uint8)
    expected = pack_rows((sums >= threshold[np.add.outer(rows, columns)]) != invert.astype(bool))
    with GuardPages(edge) as pages:
        out = pages.empty(expected.size, np.uint64)
        scratch = pages.empty(packed.threshold_scratch_words(classes), np.uint64)
        cut, neurons = int(rng.integers(0, packed.blocks + 1)), (threshold, invert, rows, columns)
        for blocks in ((0, cut), (cut, packed.blocks)):
            packed.fires(kernel, pages.place(planes), *neurons, out, blocks, scratch)
        pages.assert_intact()
        assert out.tobytes() == expected.tobytes(), (kernel, conv)


@pytest.mark.parametrize("convs", [random_shapes, networks])
@every_kernel("sparse_threshold")
def test_sparse_threshold_equals_the_definition(kernel, edge, convs):
    for i, conv in enumerate(convs(np.random.default_rng(16))):
        check_fires(kernel, edge, conv, 1 + i % 4)


@every_kernel("sparse_threshold")
def test_sparse_threshold_counts_all_numbers_of_taps(kernel, edge):
    rng = np.random.default_rng(17)
    for k in TAPS:
        check_fires(kernel, edge, all_taps(rng, k), 1 + k % 2)


def test_sparse_threshold_reference_equals_the_definition():
    rng = np.random.default_rng(18)
    for stride, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 2)), ((3, 1), (2, 5))):
        conv = Sparse(rng, (7, 9, 14), 5, (3, 2), 1, stride, dilation, (1, 2, 0, 3), True, 0.3, 0.2)
        check_fires(reference_of("sparse_threshold"), "end", conv, 3)


@every_kernel("sparse_conv2d")
def test_sparse_conv2d_counts_all_numbers_of_taps(kernel, edge):
    rng = np.random.default_rng(12)
    for k in TAPS:
        check(kernel, edge, all_taps(rng, k))


def test_sparse_conv2d_reference_equals_the_definition():
    rng = np.random.default_rng(13)
    for stride, dilation in (((1, 1), (1, 1)), ((2, 3), (1, 2)), ((3, 1), (2, 5))):
        conv = Sparse(rng, (7, 9, 14), 5, (3, 2), 1, stride, dilation, (1, 2, 0, 3), True, 0.3, 0.2)
        check(reference_of("sparse_conv2d"), "end", conv)


def test_planes_are_the_same_by_every_transposition():
    conv = Sparse(
        np.random.default_rng(14), (70, 9, 11), 2, stride=(2, 1), padding=(1, 0, 2, 1), pad_bit=True
    )
    x = pack_rows(conv.bits).ravel()
    expected = conv.packed.planes(reference_of("images_to_planes"), x)
    for op, name, _, supported in kernels.list_kernels():
        if op == "images_to_planes" and supported:
            assert np.array_equal(conv.packed.planes(name, x), expected), name


def test_sparse_conv2d_refuses_what_it_cannot_run():
    rng = np.random.default_rng(15)
    with pytest.raises(ValueError, match="so many ones"):
        Sparse(rng, (8000, 3, 3), 1, density=1.0)
    conv = Sparse(rng, (4, 3, 3), 4)
    planes = conv.packed.planes(reference_of("images_to_planes"), pack_rows(conv.bits).ravel())
    with pytest.raises(ValueError, match="blocks"):
        conv.packed.run(reference_of("sparse_conv2d"), planes, blocks=(0, 2))
    with pytest.raises(ValueError, match="planes has"):
        conv.packed.run(reference_of("sparse_conv2d"), planes[1:])
