"""``binarize`` against all 2^n inputs: no false positive or negative, the right operator, ties included."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs, expected_status, operators, tied_bias, truth
from hypothesis import given, settings
from hypothesis import strategies as st

from binmorph.exactness import binarize
from binmorph.ir import Status


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("generator", GENERATORS)
def test_agrees_with_enumeration(n: int, generator: str) -> None:
    rng = np.random.default_rng([n, *generator.encode()])
    rows = 1500 if n < 9 else 800
    weight = GENERATORS[generator](rng, rows, n)
    bias = tied_bias(rng, weight)
    scale = rng.choice([-2.0, -0.5, 0.5, 3.0], rows)
    neurons = binarize(weight, bias, scale)
    inner = truth(weight, bias, scale > 0)
    fires = inner ^ (scale < 0)[:, None]
    packed = neurons.evaluate(all_inputs(n)[:, None, :]).T
    tables = np.packbits(inner, axis=-1)
    known = operators(n)
    for row in range(rows):
        status = Status(neurons.status[row])
        if fires[row].all() or not fires[row].any():
            assert status == Status.CONSTANT
            assert not neurons.plus[row].any()
            assert not neurons.minus[row].any()
            assert not neurons.invert[row]
        elif tables[row].tobytes() in known:
            signs, k = known[tables[row].tobytes()]
            assert status == expected_status(signs, k)
            got = neurons.plus[row].astype(int) - neurons.minus[row]
            assert tuple(got) == signs
            assert neurons.threshold[row] == k - neurons.minus[row].sum()
        else:
            assert status == Status.APPROXIMATED
        if status != Status.APPROXIMATED:
            np.testing.assert_array_equal(packed[row], fires[row])
            assert neurons.distance[row] == 0
            # The margin is the distance of b to the accumulators on either side of the decision.
            accumulator = all_inputs(n) @ weight[row]
            silent, firing = accumulator[~inner[row]], accumulator[inner[row]]
            low = silent.max() if silent.size else -np.inf
            high = firing.min() if firing.size else np.inf
            assert neurons.margin[row] == min(bias[row] - low, high - bias[row])
        else:
            assert np.isnan(neurons.margin[row])
            assert neurons.distance[row] > 0
            assert neurons.invert[row] == (scale[row] < 0)


def test_the_exhaustive_test_meets_every_status() -> None:
    rng = np.random.default_rng(5)
    seen = np.zeros(len(Status), np.int64)
    for generator in GENERATORS.values():
        weight = generator(rng, 1500, 5)
        seen += np.bincount(binarize(weight, tied_bias(rng, weight), 1.0).status, minlength=len(Status))
    proved = [Status.CONSTANT, Status.DILATION, Status.EROSION, Status.LITERAL, Status.POPCOUNT]
    assert (seen[[*proved, Status.APPROXIMATED]] > 50).all(), seen


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=6),
    st.integers(-12, 12),
    st.sampled_from([-1.0, 1.0]),
    st.integers(-60, 60),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_small_neuron(weights: list[int], half_bias: int, scale: float, exponent: int) -> None:
    weight = np.ldexp(np.array([weights], np.float64), exponent)
    bias = np.ldexp(np.array([half_bias / 2]), exponent)
    neurons = binarize(weight, bias, scale)
    inner = truth(weight, bias, np.array([scale > 0]))[0]
    constant = inner.all() or not inner.any()
    representable = constant or np.packbits(inner).tobytes() in operators(len(weights))
    assert (neurons.status[0] != Status.APPROXIMATED) == representable
    if representable:
        np.testing.assert_array_equal(neurons.evaluate(all_inputs(len(weights))), inner ^ (scale < 0))


def test_ties_that_float64_rounds_are_decided_exactly() -> None:
    """Multiples of 0.1 do not add up in float64 (0.1 + 0.2 > 0.3): here the truth comes from fractions."""
    rng = np.random.default_rng(11)
    x = all_inputs(4)
    outcomes = np.zeros(2, np.int64)
    for _ in range(1500):
        weight = rng.integers(-3, 7, 4) * 0.1
        subset = rng.random(4) < 0.5
        bias = float(weight[subset].sum())
        scale = float(rng.choice([-1.0, 1.0]))
        accumulators = [sum((Fraction(w) for w in weight[bits]), Fraction(0)) for bits in x]
        inner = np.array([a > Fraction(bias) if scale > 0 else a >= Fraction(bias) for a in accumulators])
        neurons = binarize(weight[None], np.array([bias]), scale)
        constant = inner.all() or not inner.any()
        representable = constant or np.packbits(inner).tobytes() in operators(4)
        assert (neurons.status[0] != Status.APPROXIMATED) == representable
        if representable:
            np.testing.assert_array_equal(neurons.evaluate(x), inner ^ (scale < 0))
        outcomes[int(representable)] += 1
    assert (outcomes > 20).all()


@pytest.mark.parametrize("exponent", [50, 54, 58, 60, 62, 64, 70, 100, 400, 1074])
def test_wide_exponent_ranges_stay_exact(exponent: int) -> None:
    tiny = 2.0**-exponent
    # b = 1 is not exceeded by w = 1 alone, only together with the tiny weight: an erosion of both.
    neurons = binarize([[1.0, tiny]], [1.0], 1.0)
    assert Status(neurons.status[0]) == Status.EROSION
    np.testing.assert_array_equal(neurons.plus, [[True, True]])
    neurons = binarize([[1.0, tiny]], [1.0], -1.0)  # NOT (w.x >= 1): the tiny weight is irrelevant
    assert Status(neurons.status[0]) == Status.DILATION
    np.testing.assert_array_equal(neurons.plus, [[True, False]])
    smallest = 5e-324
    assert Status(binarize([[smallest, smallest]], [smallest], 1.0).status[0]) == Status.EROSION


@pytest.mark.parametrize(
    ("weight", "bias", "scale", "status", "threshold", "invert"),
    [
        ([1, 1, 1], 0.5, 1, Status.DILATION, 1, False),
        ([1, 1, 1], 2.5, 1, Status.EROSION, 3, False),
        ([1, 1, 1], 1.5, 1, Status.POPCOUNT, 2, False),
        ([1, 1, 1], 0.5, -1, Status.DILATION, 1, True),
        ([1, 1, 1], 1.0, 1, Status.POPCOUNT, 2, False),  # tie: x > 1
        ([1, 1, 1], 1.0, -1, Status.DILATION, 1, True),  # tie: NOT (x >= 1)
        ([1, 1, 1], 3.0, 1, Status.CONSTANT, 1, False),
        ([1, 1, 1], 3.0, -1, Status.EROSION, 3, True),
        ([1, 1, 1], 0.0, -1, Status.CONSTANT, 1, False),  # x < 0 never holds
        ([1, 1, 1], -0.5, 1, Status.CONSTANT, 0, False),
        ([1, 1, 1], 3.5, -1, Status.CONSTANT, 0, False),
        ([0, 0, 0], 0.0, 1, Status.CONSTANT, 1, False),
        ([0, 0, 0], 0.0, -1, Status.CONSTANT, 1, False),
        ([2, -1, 0], 1.5, 1, Status.LITERAL, 1, False),  # x0 AND NOT x1
        ([-1, -1, 0], -0.5, 1, Status.LITERAL, 0, False),  # NOT x0 AND NOT x1
        ([-1, -1, 0], -1.5, 1, Status.LITERAL, -1, False),  # NOT x0 OR NOT x1
        ([0, 1, 0], 0.5, 1, Status.DILATION, 1, False),  # one input: by convention a dilation
        ([4, 4, -1], 2.0, 1, Status.DILATION, 1, False),  # small negative weight outside S
        ([1, 1, 1], 1.5, 0, Status.CONSTANT, 1, False),  # p = 0: the output is 1/2, never above it
    ],
)
def test_known_neurons(
    weight: list[float], bias: float, scale: float, status: Status, threshold: int, invert: bool
) -> None:
    neurons = binarize([weight], [bias], [scale])
    assert Status(neurons.status[0]) == status
    assert neurons.threshold[0] == threshold
    assert neurons.invert[0] == invert


def test_duality() -> None:
    """NOT of a dilation by S is an erosion of NOT x by S: (W, b) becomes (W, sum W - b)."""
    rng = np.random.default_rng(3)
    weight = np.abs(GENERATORS["near_constant"](rng, 2000, 6))
    bias = tied_bias(rng, weight)
    one = binarize(weight, bias, 1.0)
    # weight.(1 - x) > b iff weight.x < sum - b: the dual has p < 0, which also settles its ties.
    two = binarize(weight, weight.sum(-1) - bias, -1.0)
    dilation, size = one.status == Status.DILATION, one.plus.sum(-1)
    assert dilation.sum() > 100
    swapped = {Status.DILATION: Status.EROSION, Status.EROSION: Status.DILATION}
    for row in np.flatnonzero(size >= 2):
        expected = swapped.get(Status(one.status[row]), Status(one.status[row]))
        assert Status(two.status[row]) == expected
        np.testing.assert_array_equal(one.plus[row], two.plus[row])


def test_scale_and_permutation_equivariance() -> None:
    rng = np.random.default_rng(4)
    for generator in GENERATORS.values():
        weight = generator(rng, 300, 7)
        bias, order = tied_bias(rng, weight), rng.permutation(7)
        for family in ("popcount", "morphological"):
            base = binarize(weight, bias, 1.0, family=family)
            scaled = binarize(weight * 2.0**-9, bias * 2.0**-9, 5.0, family=family)
            permuted = binarize(weight[:, order], bias, 1.0, family=family)
            for name in ("plus", "minus", "threshold", "status", "invert"):
                np.testing.assert_array_equal(getattr(base, name), getattr(scaled, name))
                expected = getattr(base, name)
                expected = expected[:, order] if expected.ndim == 2 else expected
                np.testing.assert_array_equal(expected, getattr(permuted, name))
            np.testing.assert_allclose(base.distance * 2.0**-9, scaled.distance)
