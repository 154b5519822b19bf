"""``binarize``: approximations, families, shapes, errors and size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs, tied_bias

from binmorph.errors import DomainError, DTypeError, ShapeError
from binmorph.exactness import binarize, project_constant, project_signed
from binmorph.ir import Status


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("generator", GENERATORS)
def test_approximation_is_the_thresholded_ternary_projection(generator: str, sign: float) -> None:
    rng = np.random.default_rng(21)
    weight = GENERATORS[generator](rng, 800, 7)
    bias = tied_bias(rng, weight)
    neurons = binarize(weight, bias, sign)
    projected = project_signed(weight)
    rows = np.flatnonzero(neurons.status == Status.APPROXIMATED)
    packed = neurons.evaluate(all_inputs(7)[:, None, :]).T
    for row in rows:
        np.testing.assert_array_equal(neurons.plus[row], projected.plus[row])
        np.testing.assert_array_equal(neurons.minus[row], projected.minus[row])
        assert neurons.distance[row] == pytest.approx(np.sqrt(projected.squared_distance[row]))
        # theta c > b on the integers, multiplied out by |S|: theta = sum |w| over S / |S|.
        member = projected.plus[row] | projected.minus[row]
        total = np.abs(weight[row][member]).sum()
        c = all_inputs(7) @ (projected.plus[row].astype(np.int64) - projected.minus[row])
        fires = c * total > bias[row] * member.sum() if sign > 0 else c * total < bias[row] * member.sum()
        np.testing.assert_array_equal(packed[row], fires)
    if generator in ("integers", "floats"):
        assert len(rows) > 100


def test_approximated_ties_are_decided_exactly() -> None:
    """b = 11 theta, theta = sum / 22 not a float64: the count 11 is a tie, which never fires."""
    rng = np.random.default_rng(28)
    misjudged = seen = 0
    for _ in range(2000):
        member = rng.integers(1000, 1500, 22).astype(np.float64)
        weight = np.concatenate([member, rng.integers(100, 300, 5)])[None]
        bias = member.sum() / 2
        above, below = binarize(weight, bias, 1.0), binarize(weight, bias, -1.0)
        if above.status[0] != Status.APPROXIMATED or above.plus.sum() != 22:
            continue
        assert above.threshold[0] == 12
        assert below.threshold[0] == 11
        seen += 1
        misjudged += bias / (member.sum() / 22) != 11
    assert seen > 1000
    assert misjudged > 0  # float64 alone would have been wrong


def test_choice_of_operation_at_half_the_sum_is_exact() -> None:
    """b == sum(W) / 2 up to rounding: a dilation iff b <= sum / 2 in exact arithmetic."""
    rng = np.random.default_rng(29)
    misjudged = 0
    for _ in range(500):
        weight = rng.integers(1, 9, 7) * 0.1
        bias = float(weight.sum() / 2 * (1 + int(rng.integers(-1, 2)) * 2.0**-52))
        neurons = binarize(weight[None], bias, 1.0, family="morphological")
        if neurons.status[0] != Status.APPROXIMATED or neurons.plus.sum() == 1:
            continue
        dilation = Fraction(bias) <= sum(map(Fraction, weight.tolist())) / 2
        assert neurons.threshold[0] == (1 if dilation else neurons.plus.sum())
        misjudged += (bias <= weight.sum() / 2) != dilation
    assert misjudged > 0


def test_positive_weights_give_a_plain_popcount() -> None:
    rng = np.random.default_rng(22)
    weight = rng.uniform(0, 1, (200, 30))
    neurons = binarize(weight, 0.4 * weight.sum(-1), 1.0)
    assert (neurons.status == Status.APPROXIMATED).all()
    assert not neurons.minus.any()


def test_morphological_family_follows_the_papers() -> None:
    rng = np.random.default_rng(23)
    weight = GENERATORS["half_integers"](rng, 3000, 5)
    bias = np.where(rng.random(3000) < 0.3, weight.sum(-1) / 2, tied_bias(rng, weight))
    scale = rng.choice([-1.0, 1.0], 3000)
    neurons = binarize(weight, bias, scale, family="morphological")
    full = binarize(weight, bias, scale)
    kept = np.isin(full.status, [Status.CONSTANT, Status.DILATION, Status.EROSION])
    np.testing.assert_array_equal(neurons.status, np.where(kept, full.status, Status.APPROXIMATED))
    assert not neurons.minus.any()
    projected = project_constant(weight)
    for row in np.flatnonzero(~kept):
        np.testing.assert_array_equal(neurons.plus[row], projected.mask[row])
        dilation = bias[row] <= weight[row].sum() / 2
        assert neurons.threshold[row] == (1 if dilation else projected.mask[row].sum())
        assert neurons.invert[row] == (scale[row] < 0)
        assert neurons.distance[row] == pytest.approx(np.sqrt(projected.squared_distance[row]))
    np.testing.assert_array_equal(neurons.threshold[kept], full.threshold[kept])


def test_popcount_is_nearer_to_the_neuron_than_the_papers_operator() -> None:
    """Keeping the threshold is what the count buys: far fewer of the 2^n inputs change."""
    rng = np.random.default_rng(24)
    weight = rng.uniform(0.1, 1, (200, 9))
    bias = rng.uniform(0.3, 0.7, 200) * weight.sum(-1)
    fires = (all_inputs(9) @ weight.T > bias).T
    wrong = {
        family: (
            fires != binarize(weight, bias, 1.0, family=family).evaluate(all_inputs(9)[:, None]).T
        ).mean()
        for family in ("popcount", "morphological")
    }
    assert wrong["popcount"] < 0.15
    assert wrong["morphological"] > 0.25


def test_leading_shapes_dtypes_and_broadcasting() -> None:
    rng = np.random.default_rng(25)
    weight = rng.normal(size=(3, 4, 9)).astype(np.float32)
    bias = rng.normal(size=(3, 4)).astype(np.float32)
    neurons = binarize(weight, bias, np.float32(-1.5))
    flat = binarize(weight.reshape(12, 9).astype(np.float64), bias.reshape(12), np.full(12, -1.5))
    assert neurons.shape == (3, 4)
    assert neurons.n == 9
    for name in neurons.FIELDS:
        got = getattr(neurons, name)
        np.testing.assert_array_equal(got.reshape(getattr(flat, name).shape), getattr(flat, name))
    assert binarize(np.ones((2, 3), np.int8), 0.5, 1).status.tolist() == [Status.DILATION] * 2


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(26)
    weight = GENERATORS["integers"](rng, 101, 6)
    bias = tied_bias(rng, weight)
    whole = binarize(weight, bias, 1.0)
    monkeypatch.setattr("binmorph.exactness.numeric._BLOCK_ELEMENTS", 60)
    blocks = binarize(weight, bias, 1.0)
    for name in whole.FIELDS:
        np.testing.assert_array_equal(getattr(whole, name), getattr(blocks, name))


def test_errors_name_the_neuron_and_the_rule() -> None:
    weight = np.ones((2, 3, 4))
    weight[1, 2, 0] = np.nan
    with pytest.raises(DomainError, match=r"neuron \[1, 2\]"):
        binarize(weight, 0.0, 1.0)
    with pytest.raises(DomainError, match=r"neuron \[1\]"):
        binarize(np.ones((2, 3)), [0.0, np.inf], 1.0)
    with pytest.raises(DomainError, match=r"neuron \[0\]: scale"):
        binarize(np.ones((2, 3)), 0.0, [np.nan, 1.0])
    with pytest.raises(DomainError, match="sum"):
        binarize(np.full((1, 3), 1e308), 0.0, 1.0)
    with pytest.raises(ShapeError, match="bias"):
        binarize(np.ones((2, 3)), np.zeros(3), 1.0)
    with pytest.raises(ShapeError, match="weight"):
        binarize(np.ones(3), 0.0, 1.0)
    with pytest.raises(ShapeError, match="weight"):
        binarize(np.ones((2, 0)), 0.0, 1.0)
    with pytest.raises(DTypeError, match="complex"):
        binarize(np.ones((2, 3), np.complex128), 0.0, 1.0)
    with pytest.raises(DomainError, match="family"):
        binarize(np.ones((2, 3)), 0.0, 1.0, family="lut")
    with pytest.raises(DomainError, match="input_low"):
        binarize(np.ones((2, 3)), 0.0, 1.0, input_low=0.5, input_high=0.5)
    with pytest.raises(DomainError, match=r"\[0, 1\]"):
        binarize(np.ones((2, 3)), 0.0, 1.0, input_high=1.5)


@pytest.mark.parametrize("exponent", [-1060, -500, 500, 1000])
@pytest.mark.parametrize("family", ["popcount", "morphological"])
def test_extreme_magnitudes(exponent: int, family: str) -> None:
    """No warning (they are errors here), no overflow, no distance lost to underflow."""
    weight, bias = np.array([[8.0, 5.0, 3.0, -2.0], [1.0, 1.0, 1.0, 0.0]]), np.array([6.0, 0.5])
    plain = binarize(weight, bias, 1.0, family=family)
    with np.errstate(all="raise", under="ignore"):
        extreme = binarize(np.ldexp(weight, exponent), np.ldexp(bias, exponent), 1e308, family=family)
    assert plain.status.tolist() == [Status.APPROXIMATED, Status.DILATION]
    for name in ("plus", "minus", "threshold", "status"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(extreme, name))
    np.testing.assert_allclose(np.ldexp(extreme.distance, -exponent), plain.distance, rtol=1e-3)


def test_inputs_are_not_modified() -> None:
    weight, bias, scale = np.array([[1.0, -2.0, 3.0]]), np.array([-5.0]), np.array([-1.0])
    copies = weight.copy(), bias.copy(), scale.copy()
    binarize(weight, bias, scale)
    for array, copy in zip((weight, bias, scale), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_large_dense_layer() -> None:
    """784 -> 4096 in float32, with some exact neurons among the others; seconds, not minutes."""
    rng = np.random.default_rng(27)
    weight = rng.normal(size=(4096, 784)).astype(np.float32)
    bias = rng.normal(size=4096).astype(np.float32)
    member = rng.random((64, 784)) < 0.01
    weight[:64] = np.where(member, 1.0, rng.uniform(-1e-4, 1e-4, (64, 784)))
    bias[:64] = 0.5
    weight[64:128] = np.where(rng.random((64, 784)) < 0.5, np.float32(0.1), np.float32(-0.1))
    neurons = binarize(weight, bias, 1.0)
    nonempty = member.any(-1)
    assert (neurons.status[:64][nonempty] == Status.DILATION).all()
    np.testing.assert_array_equal(neurons.plus[:64], member)
    assert (neurons.status[64:128] == Status.POPCOUNT).all()
    assert (neurons.status[128:] == Status.APPROXIMATED).all()
    inputs = rng.random((20, 784)) < 0.5
    fires = inputs @ weight.astype(np.float64).T > bias
    np.testing.assert_array_equal(neurons.evaluate(inputs[:, None])[:, :128], fires[:, :128])
