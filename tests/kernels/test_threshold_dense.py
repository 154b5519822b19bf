"""Dense threshold neurons: every kernel against the definition, on memory with guard pages."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from guard_pages import Edge, GuardPages
from kernel_testing import every_kernel, kernels, pack_rows, reference_of, words_for
from shapes import TAPS

FORMS = ["mask", "sign", "ternary"]


@dataclass
class Dense:
    """A layer with random weights, thresholds near the middle of the sums, and random images."""

    rng: np.random.Generator
    inputs: int
    outputs: int
    form: str
    images: int = 1
    ones: float = 0.5

    def __post_init__(self) -> None:
        k = self.inputs
        self.x = self.rng.random((self.images, k)) < self.ones
        self.plus = self.rng.random((self.outputs, k)) < 0.5
        self.minus = {
            "mask": np.zeros_like(self.plus),
            "sign": ~self.plus,
            "ternary": ~self.plus & (self.rng.random(self.plus.shape) < 0.5),
        }[self.form]
        middle, spread = k // 4 if self.form == "mask" else 0, int(k**0.5) + 1
        threshold = self.rng.integers(middle - spread, middle + spread + 1, self.outputs, np.int32)
        low, high = -self.minus.sum(1), self.plus.sum(1) + 1
        self.threshold = np.clip(threshold, low, high).astype(np.int32)
        self.threshold[: min(2, self.outputs)] = [low[0], high[min(1, self.outputs - 1)]][: self.outputs]
        self.invert = self.rng.integers(0, 2, self.outputs, np.uint8)
        self.packed = kernels.Dense(
            k, pack_rows(self.plus), pack_rows(self.minus), self.threshold, self.invert
        )

    def expected(self) -> np.ndarray:
        """The definition in numpy, packed: [images, words_for(outputs)]."""
        sums = self.x.astype(np.int32) @ (self.plus.astype(np.int32) - self.minus).T
        return pack_rows((sums >= self.threshold) != self.invert.astype(bool))


def check(kernel: str, edge: Edge, dense: Dense) -> None:
    packed, arrays, x = dense.packed, dense.packed.arrays(), pack_rows(dense.x).ravel()
    first = int(dense.rng.integers(0, packed.columns + 1))
    with GuardPages(edge) as pages:
        placed = {name: pages.place(a) for name, a in arrays.items()}
        x_placed, out = pages.place(x), pages.empty(dense.images * words_for(dense.outputs), np.uint64)
        scratch = pages.empty(packed.scratch_words, np.uint64)
        for columns in itertools.pairwise(sorted({0, first, packed.columns})):
            packed.run(kernel, x_placed, out, columns, scratch, placed)
        pages.assert_intact()
        assert x_placed.tobytes() == x.tobytes()
        assert all(placed[name].tobytes() == a.tobytes() for name, a in arrays.items())
        where = (dense.inputs, dense.outputs, dense.form, dense.images, dense.ones)
        assert out.tobytes() == dense.expected().tobytes(), (kernel, where)


@pytest.mark.parametrize("form", FORMS)
@every_kernel("threshold_dense")
def test_threshold_dense_equals_the_definition(kernel, edge, form):
    rng = np.random.default_rng(3)
    for k in TAPS:
        check(kernel, edge, Dense(rng, k, 1 + 7 * k % 131 if k < 1000 else 65, form, 1 + k % 9))
    for outputs in (1, 63, 64, 65, 192, 255, 256, 257, 319, 320, 511, 512, 513, 600, 1024, 1100):
        check(kernel, edge, Dense(rng, 96, outputs, form, 1 + outputs % 6))


@pytest.mark.parametrize("form", FORMS)
@every_kernel("threshold_dense")
def test_threshold_dense_on_any_number_of_images(kernel, edge, form):
    rng = np.random.default_rng(4)
    for images in (1, 2, 3, 4, 5, 8, 31, 32, 33, 34, 64, 65):
        check(kernel, edge, Dense(rng, 130, 70, form, images))
    for ones in (0.0, 0.02, 0.98, 1.0):
        check(kernel, edge, Dense(rng, 300, 257, form, 6, ones))


@pytest.mark.parametrize("form", FORMS)
def test_threshold_dense_reference_equals_the_definition(form):
    rng = np.random.default_rng(5)
    for inputs, outputs, images in ((1, 1, 1), (70, 3, 2), (64, 300, 1), (33, 600, 2)):
        check(reference_of("threshold_dense"), "end", Dense(rng, inputs, outputs, form, images))


def test_images_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(6)
    dense = Dense(rng, 200, 100, "sign", 37)
    x = pack_rows(dense.x)
    for _, name, _, supported in (k for k in kernels.list_kernels() if k[0] == "threshold_dense"):
        if supported:
            alone = [dense.packed.run(name, row.copy()) for row in x]
            assert np.array_equal(np.concatenate(alone), dense.packed.run(name, x.ravel())), name


def test_dense_refuses_what_it_cannot_run():
    dense = Dense(np.random.default_rng(7), 70, 5, "sign")
    reference, x = reference_of("threshold_dense"), pack_rows(dense.x).ravel()
    with pytest.raises(ValueError, match="columns"):
        dense.packed.run(reference, x, columns=(0, 2))
    with pytest.raises(ValueError, match="expected 2"):
        dense.packed.run(reference, x[:1].repeat(3))
    with pytest.raises(ValueError, match="unknown kernel"):
        dense.packed.run("threshold_dense_u64_u64__x86_mmx", x)
