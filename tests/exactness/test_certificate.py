"""Almost-binary inputs and the propagated certificate, against enumeration and simulated chains."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs, tied_bias
from scipy import ndimage, special

from binmorph.errors import DomainError, ShapeError
from binmorph.exactness import STEPS, binarize, propagate
from binmorph.ir import Neurons, Status


def smooth(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """A layer of soft neurons with the tanh step, [..., n] -> [..., R]."""
    return 0.5 * np.tanh(scale * (x @ weight.T - bias)) + 0.5


@pytest.mark.parametrize("per_input", [False, True])
@pytest.mark.parametrize("generator", ["integers", "positive_integers", "near_constant", "sparse"])
def test_almost_binary_theorem(generator: str, per_input: bool) -> None:
    """Exact iff the neuron agrees with its operator on {0, v1, v2, 1}^n, where the extrema lie."""
    rng = np.random.default_rng(41)
    counts = np.zeros(3, np.int64)
    for n in (1, 2, 3, 4):
        rows = 150
        weight = GENERATORS[generator](rng, rows, n)
        bias = tied_bias(rng, weight) + rng.choice([0.0, 0.125], rows)
        scale = rng.choice([-1.0, 1.0], rows)
        # Eighths keep every sum exact in float64.
        low = rng.integers(0, 4, (rows, n) if per_input else (rows, 1)) / 8 * np.ones((1, n))
        high = rng.integers(4, 9, (rows, n) if per_input else (rows, 1)) / 8 * np.ones((1, n))
        binary = binarize(weight, bias, scale)
        almost = binarize(weight, bias, scale, input_low=low, input_high=high)
        certificate = propagate(binary, weight, bias, scale, input_low=low, input_high=high)
        for row in range(rows):
            points = np.array(
                list(itertools.product(*zip(np.zeros(n), low[row], high[row], np.ones(n), strict=True)))
            )
            accumulator = points @ weight[row]
            fires = accumulator > bias[row] if scale[row] > 0 else accumulator < bias[row]
            single = Neurons(*(getattr(binary, name)[row : row + 1] for name in Neurons.FIELDS))
            same = bool((single.evaluate(points >= high[row]) == fires).all())
            exact = binary.status[row] != Status.APPROXIMATED
            assert (almost.status[row] != Status.APPROXIMATED) == (exact and same)
            assert certificate.certified[row] == same
            counts += [exact and same, exact and not same, not exact]
            if exact:  # the operator that is right on {0, 1} is kept either way
                np.testing.assert_array_equal(almost.plus[row], binary.plus[row])
                np.testing.assert_array_equal(almost.minus[row], binary.minus[row])
                assert almost.threshold[row] == binary.threshold[row]
                assert np.isnan(almost.margin[row]) == (not same)
                assert not (same and almost.margin[row] > binary.margin[row])
    assert (counts[:2] > 10).all(), counts


def test_rounded_bounds_are_decided_exactly() -> None:
    """b = v1 (w1 + w2) as float64 rounds it lies on either side of the true L: fractions tell which."""
    rng = np.random.default_rng(42)
    sides = set()
    for _ in range(200):
        weight, v1 = rng.uniform(1, 2, 2), float(rng.uniform(0.1, 0.2))
        bias = float((v1 * weight).sum())
        exact = Fraction(v1) * (Fraction(weight[0]) + Fraction(weight[1])) <= Fraction(bias)
        neurons = binarize(weight[None], [bias], 1.0, input_low=v1, input_high=0.9)
        assert (neurons.status[0] == Status.DILATION) == exact
        sides.add(exact)
    assert sides == {True, False}


def test_two_activated_layers_need_not_be_exact() -> None:
    """Erosion then dilation by a cross, each exact on bits: the soft chain differs, and is not certified."""
    cross = ndimage.generate_binary_structure(2, 1)
    weight = cross.reshape(1, 9).astype(np.float64)
    erosion, dilation = binarize(weight, [4.5], [0.5]), binarize(weight, [0.5], [1.0])
    assert erosion.status[0] == Status.EROSION
    assert dilation.status[0] == Status.DILATION

    def certify(p: float) -> tuple[bool, bool]:
        one = propagate(erosion, weight, [4.5], [p])
        bounds = {"input_low": one.output_low[:, None], "input_high": one.output_high[:, None]}
        two = propagate(dilation, weight, [0.5], [1.0], **bounds)
        return bool(one.certified[0]), bool(two.certified[0])

    def mismatches(p: float) -> float:
        image = np.random.default_rng(43).random((64, 64)) < 0.85
        soft = 0.5 * np.tanh(p * (ndimage.correlate(image * 1.0, cross * 1.0) - 4.5)) + 0.5
        soft = 0.5 * np.tanh(ndimage.correlate(soft, cross * 1.0) - 0.5) + 0.5
        bits = ndimage.minimum_filter(image, footprint=cross)
        bits = ndimage.maximum_filter(bits, footprint=cross)
        return float(((soft > 0.5) != bits).mean())

    assert certify(0.5) == (True, False)
    assert mismatches(0.5) > 0.05
    assert certify(8.0) == (True, True)  # a steeper step repairs it without changing the hard network
    assert mismatches(8.0) == 0


def test_certified_chains_never_differ() -> None:
    rng = np.random.default_rng(44)
    inputs = all_inputs(5)
    certified_chains = uncertified_but_different = 0
    for _ in range(600):
        widths = [5, *rng.integers(1, 4, rng.integers(1, 3)), 1]
        steepness = rng.choice([0.5, 6.0])
        soft, bits = inputs.astype(np.float64), inputs
        low, high, chain = np.zeros(5), np.ones(5), True
        for n, rows in itertools.pairwise(widths):
            weight = GENERATORS["near_constant"](rng, rows, n) / 16
            bias = (weight * (rng.random((rows, n)) < 0.5)).sum(-1) + 0.5
            scale = rng.choice([-1.0, 1.0], rows) * rng.uniform(0.5, 1, rows) * steepness
            neurons = binarize(weight, bias, scale)
            result = propagate(neurons, weight, bias, scale, input_low=low, input_high=high)
            soft = smooth(soft, weight, bias, scale)
            bits = neurons.evaluate(bits[:, None, :])
            low, high = result.output_low, result.output_high
            for row in np.flatnonzero(result.certified):
                # Sound neuron by neuron: a certified one cannot depend on an uncertified input.
                np.testing.assert_array_equal(soft[:, row] > 0.5, bits[:, row])
                assert (soft[:, row][~bits[:, row]] <= low[row]).all()
                assert (soft[:, row][bits[:, row]] >= high[row]).all()
            chain &= bool(result.certified.all())
        certified_chains += chain
        uncertified_but_different += not chain and bool(((soft > 0.5) != bits).any())
    assert certified_chains > 50
    assert uncertified_but_different > 20


@pytest.mark.parametrize("step", STEPS)
def test_output_bounds_are_reached_by_every_step(step: str) -> None:
    xi = {
        "tanh": lambda u: (np.tanh(u) + 1) / 2,
        "sigmoid": special.expit,
        "arctan": lambda u: np.arctan(u) / np.pi + 0.5,
        "erf": lambda u: (special.erf(u) + 1) / 2,
    }[step]
    weight, bias, scale = np.array([[1.0, 1.0, 0.25]] * 2), np.array([0.75, 0.75]), np.array([2.0, -2.0])
    neurons = binarize(weight, bias, scale)
    result = propagate(neurons, weight, bias, scale, step=step)
    same = propagate(neurons, weight, bias, scale, step=xi)
    np.testing.assert_array_equal(result.lower, [0.25, 0.25])
    np.testing.assert_array_equal(result.upper, [1.0, 1.0])
    low, high = xi(2.0 * (0.25 - 0.75)), xi(2.0 * (1.0 - 0.75))
    np.testing.assert_allclose(result.output_low, [low, 1 - high], rtol=0, atol=1e-13)
    np.testing.assert_allclose(result.output_high, [high, 1 - low], rtol=0, atol=1e-13)
    np.testing.assert_allclose(result.output_low, same.output_low, rtol=0, atol=1e-14)
    assert (result.output_low >= [low, 1 - high]).all()  # rounded outward
    assert (result.output_high <= [high, 1 - low]).all()


def test_uncertified_constant_and_dead_neurons() -> None:
    weight = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    bias, scale = np.array([2.5, 4.0, 4.0, -1.0, 1.5]), np.array([1.0, 1.0, -1.0, 1.0, 0.0])
    neurons = binarize(weight, bias, scale)
    result = propagate(neurons, weight, bias, scale)
    assert neurons.status.tolist() == [Status.APPROXIMATED] + [Status.CONSTANT] * 4
    assert result.certified.tolist() == [False, True, True, True, True]
    xi = 0.5 * np.tanh([-1.0, 1.0]) + 0.5
    np.testing.assert_allclose(result.output_low, [1.0, xi[0], 0.0, 0.0, 0.5], atol=1e-13)
    np.testing.assert_allclose(result.output_high, [0.0, 1.0, xi[1], xi[1], 1.0], atol=1e-13)
    # Wrong masks, threshold or inversion are caught: it certifies this operator, not some operator.
    fields = {name: getattr(neurons, name) for name in Neurons.FIELDS}
    flipped = Neurons(**{**fields, "invert": ~neurons.invert})
    assert not propagate(flipped, weight, bias, scale).certified.any()


def test_foreign_operators_are_judged_by_their_function() -> None:
    """Any (plus, minus, threshold, invert), members with the wrong sign included, against enumeration."""
    rng = np.random.default_rng(45)
    certified = 0
    for _ in range(3000):
        n = int(rng.integers(1, 4))
        weight, scale = rng.integers(-2, 3, (1, n)).astype(np.float64), rng.choice([-1.0, 1.0], 1)
        bias = rng.integers(-4, 5, 1) / 2
        role = rng.integers(0, 3, (1, n))
        plus, minus = role == 1, role == 2
        threshold = rng.integers(-minus.sum(), plus.sum() + 2, 1).astype(np.int32)
        invert = rng.random(1) < 0.5
        neurons = Neurons(plus, minus, threshold, invert, np.full(1, 4, np.uint8), np.zeros(1), np.zeros(1))
        x = all_inputs(n)
        fires = x @ weight[0] > bias if scale[0] > 0 else x @ weight[0] < bias
        same = bool((neurons.evaluate(x) == fires).all())
        # A complemented operator can equal a neuron of the other sign only by being written the other way.
        got = bool(propagate(neurons, weight, bias, scale).certified[0])
        assert not got or same
        if same and (invert[0] == (scale[0] < 0) or fires.all() or not fires.any()):
            assert got
        certified += got
    assert certified > 200


def test_errors() -> None:
    neurons = binarize(np.ones((2, 3)), 0.5, 1.0)
    with pytest.raises(ShapeError, match="masks"):
        propagate(neurons, np.ones((2, 4)), 0.5, 1.0)
    with pytest.raises(ShapeError, match="input_low"):
        propagate(neurons, np.ones((2, 3)), 0.5, 1.0, input_low=np.zeros(2))
    with pytest.raises(DomainError, match="step"):
        propagate(neurons, np.ones((2, 3)), 0.5, 1.0, step="relu")
    with pytest.raises(DomainError, match=r"\[0, 1\]"):
        propagate(neurons, np.ones((2, 3)), 0.5, 1.0, input_low=-0.1)
