"""The laws of binary morphology that hold with the stated borders, through the engine.

Not laws of a bounded image with replicate border, and so never assumed: openings are not anti-extensive or
idempotent there, closings not extensive, and dilating twice is not dilating by the sum of two elements.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from morphology import Bits, dilate, elements, erode, images, neurons, rank, run

from binmorph import ir
from binmorph.runtime import PackedModel

BORDERS = ("replicate", "zeros", "ones")
borders = st.sampled_from(BORDERS)
OTHER = {"replicate": "replicate", "zeros": "ones", "ones": "zeros"}
laws = settings(max_examples=80, deadline=None, derandomize=True)


@laws
@given(images(), elements(), borders)
def test_duality(x: Bits, s: Bits, border: str) -> None:
    """NOT d_S(X) = e_S(NOT X): replicate is its own dual, zeros and ones are each other's."""
    np.testing.assert_array_equal(~dilate(x, s, border), erode(~x, s, OTHER[border]))


@laws
@given(images(), elements(), borders, st.data())
def test_increasing_and_ordered_in_rank(x: Bits, s: Bits, border: str, data: st.DataObject) -> None:
    smaller = x & (np.random.default_rng(data.draw(st.integers(0, 99))).random(x.shape) < 0.7)
    k = data.draw(st.integers(0, int(s.sum()) + 1))
    assert not (rank(smaller, s, k, border) & ~rank(x, s, k, border)).any()
    if k > 0:
        assert not (rank(x, s, k, border) & ~rank(x, s, k - 1, border)).any()


@laws
@given(images(channels=2), elements(), borders)
def test_distributivity(xs: Bits, s: Bits, border: str) -> None:
    x, y = xs[:, :1], xs[:, 1:]
    np.testing.assert_array_equal(dilate(x | y, s, border), dilate(x, s, border) | dilate(y, s, border))
    np.testing.assert_array_equal(erode(x & y, s, border), erode(x, s, border) & erode(y, s, border))


@laws
@given(images(), elements(), elements(), borders)
def test_union_of_elements(x: Bits, s: Bits, t: Bits, border: str) -> None:
    """d_(S or T) = d_S OR d_T and e_(S or T) = e_S AND e_T, in windows of one size."""
    t = np.resize(t, s.shape)
    if not t.any():
        t[0, 0] = True
    both = s | t
    np.testing.assert_array_equal(dilate(x, both, border), dilate(x, s, border) | dilate(x, t, border))
    np.testing.assert_array_equal(erode(x, both, border), erode(x, s, border) & erode(x, t, border))


@laws
@given(images(), elements(empty=True), borders)
def test_constants_and_the_ends_of_rank(x: Bits, s: Bits, border: str) -> None:
    nothing, size = np.zeros_like(s), int(s.sum())
    assert not dilate(x, nothing, border).any()
    assert erode(x, nothing, border).all()
    assert rank(x, s, 0, border).all()
    assert not rank(x, s, size + 1, border).any()
    if size:
        np.testing.assert_array_equal(rank(x, s, size, border), erode(x, s, border))


@laws
@given(images(), elements(), borders, st.data())
def test_translation_in_the_interior(x: Bits, s: Bits, border: str, data: st.DataObject) -> None:
    """Far from the border, shifting the image shifts the result, and no border rule matters."""
    kh, kw = s.shape
    dy, dx = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 70))
    k = data.draw(st.integers(1, int(s.sum())))
    big = np.zeros((len(x), 1, x.shape[2] + 2 * kh + 5, x.shape[3] + 2 * kw + 70), np.bool_)
    shifted = big.copy()
    big[..., kh : kh + x.shape[2], kw : kw + x.shape[3]] = x
    shifted[..., kh + dy : kh + dy + x.shape[2], kw + dx : kw + dx + x.shape[3]] = x
    a = rank(big, s, k, border)[..., kh : kh + x.shape[2], kw : kw + x.shape[3]]
    b = rank(shifted, s, k, border)[..., kh + dy : kh + dy + x.shape[2], kw + dx : kw + dx + x.shape[3]]
    np.testing.assert_array_equal(a, b)


@laws
@given(images(channels=3), elements(), borders, st.data())
def test_de_morgan_folding(x: Bits, s: Bits, border: str, data: st.DataObject) -> None:
    """Complemented BiSE neurons under an OR are plain ones under a complemented AND, and the other way round;
    a complemented input of the LUI is a complemented BiSE neuron."""
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=3, max_size=3)))
    size = int(s.sum())
    k = data.draw(st.integers(1, size))
    plus = np.repeat(s.reshape(1, 1, -1), 3, axis=1)

    def network(invert: Bits, lui: ir.Neurons) -> Bits:
        return run(x, ir.Bisel("m", "pack", s.shape, border, neurons(plus, k, invert=invert[None]), lui))

    every, none = np.ones((1, 3), np.bool_), np.zeros((1, 3), np.bool_)
    for threshold in (1, 3):  # OR, AND
        swapped = neurons(every, 4 - threshold, invert=True)
        np.testing.assert_array_equal(network(flags, neurons(every, threshold)), network(~flags, swapped))
    lui = neurons(~flags[None] & every, int((~flags).sum()), minus=flags[None] | none)
    np.testing.assert_array_equal(network(none[0], lui), network(flags, neurons(every, 3)))


@laws
@given(images(channels=2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_max_pool_is_a_strided_or(x: Bits, kh: int, kw: int, sh: int, sw: int) -> None:
    kh, kw = min(kh, x.shape[2]), min(kw, x.shape[3])
    pooled = run(x, ir.MaxPool("pool", "pack", (kh, kw), (sh, sw)))
    for c in range(2):
        every = dilate(x[:, c : c + 1], np.ones((kh, kw), np.bool_), "valid")
        np.testing.assert_array_equal(pooled[:, c : c + 1], every[..., ::sh, ::sw])


@laws
@given(elements(), st.integers(0, 2**32), st.sampled_from([1, 7, 63, 64, 65, 100]), st.booleans())
def test_level_sets_commute_with_flat_operators(s: Bits, seed: int, width: int, erosion: bool) -> None:
    """Thresholds of the gray dilation (erosion) are dilations (erosions) of the thresholds."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice(256, 3, replace=False)).astype(np.float32)
    gray = rng.integers(0, 256, (2, 1, 5, width)).astype(np.uint8)
    kh, kw = s.shape
    around = ((0, 0), (0, 0), (kh // 2, kh - 1 - kh // 2), (kw // 2, kw - 1 - kw // 2))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(gray, around, mode="edge"), s.shape, (2, 3))
    chosen = windows.reshape(*gray.shape, -1)[..., s.ravel()]
    flat = (chosen.min(-1) if erosion else chosen.max(-1)).astype(np.uint8)

    size = int(s.sum())
    bise = neurons(np.repeat(s.reshape(1, 1, -1), 9, axis=0).reshape(3, 3, -1), size if erosion else 1)
    nodes = (
        ir.LevelSets("levels", "input", levels[None]),
        ir.Bisel("m", "levels", s.shape, "replicate", bise, neurons(np.eye(3, dtype=np.bool_), 1)),
    )
    graph = ir.Graph(ir.InputSpec("uint8", (1, 5, width)), nodes, "m")
    sets = ir.Graph(graph.input, nodes[:1], "levels")
    np.testing.assert_array_equal(PackedModel(graph, threads=1)(gray), PackedModel(sets, threads=1)(flat))


@laws
@given(st.integers(0, 2**32), st.integers(1, 9), st.sampled_from(["uint8", "float32"]))
def test_level_sets_round_trip(seed: int, count: int, dtype: str) -> None:
    """An image that takes only level values is the sum of its level sets' steps."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.choice(255, count, replace=False) + 1)
    values = np.concatenate([[0], levels])
    x = rng.choice(values, (2, 1, 4, 67)).astype(dtype)
    node = ir.LevelSets("levels", "input", levels.astype(np.float32)[None])
    bits = PackedModel(ir.Graph(ir.InputSpec(dtype, x.shape[1:]), (node,), "levels"), threads=1)(x)
    steps = np.diff(values)[None, :, None, None]
    np.testing.assert_array_equal((bits * steps).sum(1, keepdims=True), x)


@pytest.mark.parametrize("border", BORDERS)
def test_hit_or_miss_is_a_signed_erosion(border: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.random((3, 1, 20, 70)) < 0.5
    hit = np.array([[0, 1, 0], [0, 1, 1], [0, 0, 0]], np.bool_)
    miss = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], np.bool_)
    both = rank(x, hit, 3, border, minus=miss.reshape(1, 1, -1))
    expected = erode(x, hit, border) & erode(~x, miss, OTHER[border])
    np.testing.assert_array_equal(both, expected)
