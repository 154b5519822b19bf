"""Steps, weight and bias parametrisations, and the initialisation, against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from binmorph.nn import ThresholdNeurons, popcount_projection
from binmorph.nn import parametrize as P


@pytest.mark.parametrize("kind", P.STEPS)
def test_steps(kind):
    step = P.STEPS[kind]
    u = torch.linspace(-30, 30, 601, dtype=torch.float64)
    y = step(u)
    assert (y.diff() >= 0).all()
    assert y.min() >= 0
    assert y.max() <= 1
    assert step(torch.zeros(1)).item() == 0.5
    torch.testing.assert_close(step(-u), 1 - y)
    assert step(torch.tensor(P.STEP_Q[kind], dtype=torch.float64)).item() == pytest.approx(0.95, abs=1e-7)


@pytest.mark.parametrize("kind", P.WEIGHTS)
def test_weight_inverse(kind):
    weight = torch.rand(5, 9, dtype=torch.float64) * 0.9 + 0.01
    total = weight.sum(-1)
    raw = P.weight_inverse(kind, weight)
    torch.testing.assert_close(P.weight_forward(kind, raw, total), weight)


def test_weight_values():
    raw = torch.tensor([[-1.0, 0.0, 2.0]])
    total = torch.tensor([3.0])
    assert torch.equal(P.weight_forward("identity", raw, total), raw)
    torch.testing.assert_close(P.weight_forward("softplus", raw, total), torch.log1p(raw.exp()))
    torch.testing.assert_close(P.weight_forward("tanh01", raw, total), torch.sigmoid(2 * raw))
    dual = P.weight_forward("normalized", raw, total)
    torch.testing.assert_close(dual.sum(-1), total)
    torch.testing.assert_close(dual / dual[:, :1], torch.log1p(raw.exp()) / math.log1p(math.exp(-1)))


def test_softplus_inverse_over_all_magnitudes():
    y = torch.tensor([1e-30, 1e-8, 0.1, 1.0, 20.0, 1e6], dtype=torch.float64)
    torch.testing.assert_close(torch.nn.functional.softplus(P.softplus_inverse(y), threshold=50), y)


def test_bias_values():
    weight = torch.tensor([[3.0, 1.0, 2.0], [0.5, 0.5, 0.5]])
    low, high = P.bias_interval(weight)
    assert low.tolist() == [1.5, 0.5]
    assert high.tolist() == [5.5, 1.25]
    raw = torch.tensor([-3.0, 0.3])
    soft = torch.log1p(raw.exp())
    assert torch.equal(P.bias_forward("raw", raw, weight, 0.5), raw)
    torch.testing.assert_close(P.bias_forward("positive", raw, weight, 0.5), soft + 0.5)
    for kind in ("projected", "projected_reparametrized"):
        got = P.bias_forward(kind, raw, weight, 0.5)
        torch.testing.assert_close(got, torch.tensor([1.5, soft[1].item()]))
    one = torch.tensor([[0.8]])
    assert P.bias_forward("projected", torch.tensor([5.0]), one, 0.0).item() == pytest.approx(0.4)


def test_projected_bias_gradients():
    """PR stops gradients at the bounds, PRR lets them into the weights."""
    for kind, flows in (("projected", False), ("projected_reparametrized", True)):
        weight = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
        raw = torch.tensor([-3.0], requires_grad=True)
        (P.bias_forward(kind, raw, weight, 0.0).sum() + 0 * weight.sum()).backward()
        assert bool((weight.grad != 0).any()) is flows


@pytest.mark.parametrize("kind", P.BIASES)
def test_bias_inverse(kind):
    weight = torch.rand(6, 9) + 0.1
    bias = weight.sum(-1) / 2
    raw = P.bias_inverse(kind, bias, 0.5)
    torch.testing.assert_close(P.bias_forward(kind, raw, weight, 0.5), bias)


@pytest.mark.parametrize("step", P.STEPS)
def test_initial_weights(step):
    n, q = 49, P.STEP_Q[step]
    weight = P.initial_weight((4000, n), step, "uniform")
    assert weight.min() == pytest.approx(0.664 * q / n, rel=1e-2)
    assert weight.max() == pytest.approx(3.336 * q / n, rel=1e-2)
    assert weight.sum(-1).mean() == pytest.approx(2 * q, rel=1e-2)
    # The same through the papers' p0: mean and variance.
    p0 = (math.sqrt(3) + 2) * math.sqrt(n) / (8 * q)
    mean = (math.sqrt(3) + 2) / (4 * p0 * math.sqrt(n))
    assert weight.mean() == pytest.approx(mean, rel=1e-2)
    assert weight.var() == pytest.approx(1 / (p0**2 * n) - mean**2, rel=1e-2)
    assert torch.equal(P.initial_weight((2, n), step, "constant"), torch.full((2, n), 2 * q / n))
    signed = P.initial_weight((4000, n), step, "signed")
    assert signed.std() == pytest.approx(q / math.sqrt(n), rel=1e-2)


def test_initial_bias_and_scale():
    bank = ThresholdNeurons((300,), 25, bias="raw", input_mean=0.3, bias_spread=0.01)
    weight, bias, scale = bank.effective_parameters()
    ratio = bias / (0.3 * weight.sum(-1))
    assert 0.99 <= ratio.min() < ratio.max() <= 1.01
    assert (scale == 0).all()
    assert (ThresholdNeurons((3,), 5, scale_init=4.0).scale == 4).all()


def test_generator_makes_it_reproducible():
    a, b = (ThresholdNeurons((3,), 5, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(a.weight_raw, b.weight_raw)
    assert torch.equal(a.bias_raw, b.bias_raw)


@pytest.mark.parametrize(
    "bad",
    [{"weight": "relu"}, {"bias": "none"}, {"step": "relu"}, {"weight": "identity"}, {"init": "signed"}],
)
def test_bad_options(bad):
    with pytest.raises(ValueError, match=r"not one of|needs"):
        ThresholdNeurons((3,), 5, **bad)


def test_popcount_projection_is_nearest(rng):
    """Against every support and sign pattern of five weights."""
    weight = torch.from_numpy(rng.normal(size=(40, 5)))
    near, _ = popcount_projection(weight, torch.zeros(40, dtype=torch.float64))
    got = (weight - near).square().sum(-1)
    patterns = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)] * 5)
    patterns = patterns[patterns.abs().sum(-1) > 0]
    theta = (weight @ patterns.T / patterns.abs().sum(-1)).clamp_min(0)
    distance = (weight[:, None] - theta[..., None] * patterns).square().sum(-1).min(-1).values
    torch.testing.assert_close(got, distance)


def test_popcount_projection_keeps_the_function_of_constant_weights(rng):
    """A signed-constant neuron is moved only in its threshold, to the middle of its interval. Repeated
    weights, where supports found by value go wrong, are the usual case here."""
    sign = torch.from_numpy(rng.integers(-1, 2, size=(50, 6))).double()
    sign[:, 0] = 1
    bias = torch.from_numpy(rng.normal(size=50))
    near, middle = popcount_projection(0.3 * sign, bias)
    torch.testing.assert_close(near, 0.3 * sign)
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)
    count = x @ sign.T
    assert torch.equal(count * 0.3 > bias, count * 0.3 > middle)
    flat = torch.tensor([[1.0] + [0.3] * 8])
    assert int((popcount_projection(flat, torch.ones(1))[0] > 0).sum()) == 9
    zero, kept = popcount_projection(torch.zeros(1, 4), torch.tensor([0.7]))
    assert zero.abs().sum() == 0
    assert kept.item() == pytest.approx(0.7)
