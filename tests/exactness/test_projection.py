"""Projections against every subset, and their invariants."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs

from binmorph.errors import DomainError, ShapeError
from binmorph.exactness import project_constant, project_signed


def nearest_by_enumeration(weight: np.ndarray) -> float:
    """min over S and theta >= 0 of |W - theta 1_S|^2."""
    subsets = all_inputs(len(weight))[1:]
    theta = np.maximum((subsets @ weight) / subsets.sum(-1), 0.0)
    return float(((weight - theta[:, None] * subsets) ** 2).sum(-1).min())


@pytest.mark.parametrize("generator", GENERATORS)
def test_optimal_over_all_subsets(generator: str) -> None:
    rng = np.random.default_rng(31)
    for n in (1, 2, 5, 9):
        weight = GENERATORS[generator](rng, 120, n)
        positive, signed = project_constant(weight), project_signed(weight)
        for row in range(len(weight)):
            best = nearest_by_enumeration(weight[row])
            assert positive.squared_distance[row] == pytest.approx(best, abs=1e-9)
            # With signs the best ternary vector takes the sign of each weight.
            best = nearest_by_enumeration(np.abs(weight[row]))
            assert signed.squared_distance[row] == pytest.approx(best, abs=1e-9)
        for result, mask in ((positive, positive.mask * 1.0), (signed, signed.plus * 1.0 - signed.minus)):
            moved = ((weight - result.theta[:, None] * mask) ** 2).sum(-1)
            np.testing.assert_allclose(moved, result.squared_distance, atol=1e-9)
            assert (result.theta >= 0).all()


def test_ternary_beats_every_ternary_vector() -> None:
    rng = np.random.default_rng(32)
    vectors = np.array([v for v in itertools.product((-1, 0, 1), repeat=5) if any(v)])
    weight = rng.integers(-4, 5, (200, 5)).astype(np.float64)
    theta = np.maximum(weight @ vectors.T / (vectors**2).sum(-1), 0.0)
    best = ((weight[:, None] - theta[..., None] * vectors) ** 2).sum(-1).min(-1)
    np.testing.assert_allclose(project_signed(weight).squared_distance, best, atol=1e-9)


def test_repeated_weights_enter_together() -> None:
    """One weight of 1 and eight of 0.3: scoring distinct values as if each occurred once gives |S| = 1."""
    result = project_constant([[1.0] + [0.3] * 8])
    assert result.mask.all()
    assert result.squared_distance[0] == pytest.approx(0.4356, abs=5e-5)
    alone = project_constant([[1.0] + [0.05] * 8])
    assert alone.mask.sum() == 1
    assert alone.squared_distance[0] == pytest.approx(8 * 0.05**2)


def test_exact_ties_go_to_the_smaller_set() -> None:
    # 1 / sqrt(1) == (1 + 8 * 0.25) / sqrt(9)
    assert project_constant([[1.0] + [0.25] * 8]).mask.sum() == 1
    # Eight weights larger by a few units in the last place: no tie any more.
    weight = np.array([[1.0] + [0.25 + 2.0**-50] * 8])
    assert Fraction(1) < sum(map(Fraction, weight[0].tolist())) ** 2 / 9
    assert project_constant(weight).mask.all()


def test_near_ties_are_compared_exactly() -> None:
    """[a, 8 x c] with c within a few units in the last place of a / 4, against fractions."""
    rng = np.random.default_rng(34)
    misjudged = 0
    for _ in range(400):
        a = float(rng.uniform(0.5, 1))
        c = a / 4 * (1 + int(rng.integers(-2, 3)) * 2.0**-52)
        others = Fraction(a) + 8 * Fraction(c) > 3 * Fraction(a)
        assert project_constant([[a] + [c] * 8]).mask.all() == others
        misjudged += (np.cumsum([a] + [c] * 8)[-1] / np.sqrt(9) > a) != others
    assert misjudged > 0  # float64 alone would have been wrong


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 5e-324, 7.0])
def test_distance_is_zero_iff_constant_on_a_set(value: float) -> None:
    weight = np.array([[value, 0.0, value, value, 0.0]])
    result = project_constant(weight)
    np.testing.assert_array_equal(result.mask, weight > 0)
    assert result.theta[0] == value
    assert result.squared_distance[0] == 0
    signed = project_signed(weight * [[1, 1, -1, -1, 1]])
    np.testing.assert_array_equal(signed.minus, [[False, False, True, True, False]])
    assert signed.squared_distance[0] == 0
    if value > 1e-100:
        assert project_constant(weight * [[1, 1, 1, 1.001, 1]]).squared_distance[0] > 0


def test_without_a_positive_weight() -> None:
    result = project_constant([[-1.0, -1.0, -3.0], [0.0, -2.0, 0.0]])
    np.testing.assert_array_equal(result.mask, [[True, True, False], [True, False, True]])
    np.testing.assert_array_equal(result.theta, [0.0, 0.0])
    np.testing.assert_array_equal(result.squared_distance, [11.0, 4.0])
    zero = project_signed([[0.0, 0.0]])
    assert not (zero.plus | zero.minus).any()
    assert zero.theta[0] == zero.squared_distance[0] == 0


def test_equivariance() -> None:
    rng = np.random.default_rng(33)
    for generator in GENERATORS.values():
        weight = generator(rng, 200, 8)
        order = rng.permutation(8)
        base, scaled, permuted = map(project_constant, (weight, weight * 8.0, weight[:, order]))
        np.testing.assert_array_equal(base.mask, scaled.mask)
        np.testing.assert_allclose(base.squared_distance * 64, scaled.squared_distance)
        np.testing.assert_array_equal(base.mask[:, order], permuted.mask)
        flip = rng.choice([-1.0, 1.0], 8)
        one, two = project_signed(weight), project_signed(weight * flip)
        np.testing.assert_array_equal(one.plus | one.minus, two.plus | two.minus)
        np.testing.assert_array_equal(np.where(flip < 0, one.minus, one.plus), two.plus)


def test_leading_shape_and_errors() -> None:
    result = project_signed(np.ones((2, 3, 4), np.float32))
    assert result.plus.shape == (2, 3, 4)
    assert result.theta.shape == (2, 3)
    with pytest.raises(DomainError, match=r"neuron \[0\]"):
        project_constant([[np.inf, 1.0]])
    with pytest.raises(ShapeError):
        project_signed([1.0, 2.0])


@pytest.mark.parametrize("support", ["uniform", "normal"])
def test_supports_by_threshold(support: str) -> None:
    fraction = {"uniform": Fraction(2, 3), "normal": Fraction(3, 4)}[support]
    rng = np.random.default_rng(35)
    optimal = near = 0.0
    for generator in GENERATORS.values():
        weight = generator(rng, 200, 8)
        result, signed = project_constant(weight, support), project_signed(weight, support)
        for row, values in enumerate(weight):
            level = fraction * sum(map(Fraction, values.clip(0).tolist())) / 8
            expected = np.array([Fraction(v) >= level for v in values.tolist()])
            if not expected.any():
                expected = values == values.max()
            np.testing.assert_array_equal(result.mask[row], expected)
        np.testing.assert_array_equal(
            signed.plus | signed.minus, project_constant(np.abs(weight), support).mask & (weight != 0)
        )
        order = rng.permutation(8)
        np.testing.assert_array_equal(result.mask[:, order], project_constant(weight[:, order], support).mask)
        best = project_constant(weight).squared_distance
        assert (result.squared_distance >= best - 1e-9).all()
        optimal, near = optimal + best.sum(), near + result.squared_distance.sum()
    assert near < 1.3 * optimal
    with pytest.raises(DomainError, match="support"):
        project_constant(weight, "median")
