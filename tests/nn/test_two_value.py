"""{alpha, beta} weights: the exact value, its gradients, the closed form, the density."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import binmorph.nn as bnn
from binmorph.errors import DTypeError, ShapeError
from binmorph.nn.two_value_ops import fma


def test_fma_is_rounded_once(rng) -> None:
    """Against the C library, with cancellation, ties, and a third operand far below the product."""
    library = ctypes.util.find_library("m")
    if library is None:
        pytest.skip("no C library of mathematics")
    exact = ctypes.CDLL(library).fmaf
    exact.restype, exact.argtypes = ctypes.c_float, [ctypes.c_float] * 3
    scales = 10.0 ** rng.integers(-3, 4, (3, 4000))
    a, b, c = (rng.normal(size=(3, 4000)) * scales).astype(np.float32)
    c[:1000] = -(a * b)[:1000]
    c[1000:2000] *= 1e-9
    b[2000:3000] = np.rint(b[2000:3000])
    got = fma(*map(torch.from_numpy, (a, b, c)))
    expected = [exact(*map(float, v)) for v in zip(a, b, c, strict=True)]
    assert torch.equal(got, torch.tensor(expected))
    assert torch.equal(
        fma(torch.tensor([3e38]), torch.tensor([10.0]), torch.tensor([1.0])), torch.tensor([torch.inf])
    )


@pytest.mark.parametrize(
    ("tau", "phi", "density"), [(1.0, 0.0, 0.5), (-0.3, 0.1, 0.2), (0.37, 0.37, 0.05), (0.7, -0.2, 0.0)]
)
@pytest.mark.parametrize("pad_value", [0, -1, "replicate"])
def test_the_packed_value(tau: float, phi: float, density: float, pad_value, rng) -> None:
    """y = fma(d, R, fl(low A)) from popcounts, borders included; alpha < beta, beta = 0, no ones."""
    layer = bnn.BinaryConv2d(
        4, 6, 3, 2, 1, groups=2, pad_value=pad_value, weight_quantizer=bnn.TwoValue(density)
    ).eval()
    with torch.no_grad():
        layer.weight_quantizer.tau.fill_(tau)
        layer.weight_quantizer.phi.fill_(phi)
    x = torch.from_numpy(rng.normal(size=(3, 4, 7, 8)).astype(np.float32))
    bits = layer.binary_weight.detach()
    assert bits.sum() == int(density * bits.numel())
    signs = torch.where(x >= 0, 1.0, -1.0)
    if pad_value == 0:
        signs = F.pad(signs, (1, 1, 1, 1))
    else:
        mode = {"mode": "replicate"} if pad_value == "replicate" else {"value": -1.0}
        signs = F.pad(signs, (1, 1, 1, 1), **mode)
    difference, low = np.float32(2 * np.float32(tau)), np.float32(np.float32(phi) - np.float32(tau))
    y = layer(x)
    for o, row, column in itertools.product(range(6), range(4), range(4)):
        depth = slice(0, 2) if o < 3 else slice(2, 4)
        window = signs[:, depth, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        r, a = (window * bits[o]).sum((1, 2, 3)), window.sum((1, 2, 3))
        expected = fma(torch.tensor(difference), r, torch.tensor(low) * a)
        assert torch.equal(y[:, o, row, column], expected)


@pytest.mark.parametrize("dense", [False, True])
def test_training_and_evaluation_agree_with_the_float_weights(dense: bool, rng) -> None:
    quantizer = bnn.TwoValue(0.3)
    layer = (
        bnn.BinaryLinear(20, 6, weight_quantizer=quantizer)
        if dense
        else bnn.BinaryConv2d(
            4, 6, 3, padding=1, pad_value=0, dilation=2, groups=2, weight_quantizer=quantizer
        )
    )
    with torch.no_grad():
        quantizer.tau.fill_(0.4)
        quantizer.phi.fill_(0.25)
    x = torch.from_numpy(rng.normal(size=(2, 20) if dense else (2, 4, 6, 6)).astype(np.float32))
    signs = torch.where(x >= 0, 1.0, -1.0)
    weight = (0.4 * (2 * layer.binary_weight.detach() - 1) + 0.25).requires_grad_()
    y = F.linear(signs, weight) if dense else F.conv2d(signs, weight, None, 1, 1, 2, 2)
    y.square().sum().backward()
    for mode in (True, False):
        layer.train(mode).zero_grad()
        z = layer(x)
        assert torch.allclose(z, y, atol=1e-5)
        z.square().sum().backward()
        s = 2 * layer.binary_weight.detach() - 1
        assert torch.allclose(quantizer.tau.grad, (weight.grad * s).sum(), rtol=1e-4)
        assert torch.allclose(quantizer.phi.grad, weight.grad.sum(), rtol=1e-4)
        assert torch.allclose(layer.weight.grad, 0.4 * weight.grad, rtol=1e-4, atol=1e-5)


def test_closed_form_is_the_best_of_all(rng) -> None:
    """Every subset of a few weights is tried; so is every fixed number of ones."""
    for _ in range(20):
        w = torch.from_numpy(rng.normal(size=7))
        alpha, beta, bits = bnn.two_means(w)
        found = float((torch.where(bits, alpha, beta) - w).square().sum())
        costs = {}
        for chosen in itertools.product((False, True), repeat=7):
            b = torch.tensor(chosen)
            if b.any() and not b.all() and w[b].mean() > w[~b].mean():
                c = float((torch.where(b, w[b].mean(), w[~b].mean()) - w).square().sum())
                costs[sum(chosen)] = min(c, costs.get(sum(chosen), np.inf))
        assert found == pytest.approx(min(costs.values()))
        for ones, cost in costs.items():
            alpha, beta, bits = bnn.two_means(w, ones)
            assert int(bits.sum()) == ones
            assert float((torch.where(bits, alpha, beta) - w).square().sum()) == pytest.approx(cost)
    for ones in (0, 7):
        alpha, beta, bits = bnn.two_means(w, ones)
        assert alpha == beta == pytest.approx(w.mean())
    with pytest.raises(ValueError, match="ones"):
        bnn.two_means(w, 8)


def test_fit_starts_at_the_nearest_values() -> None:
    layer = bnn.BinaryLinear(64, 32, weight_quantizer=bnn.TwoValue(0.25))
    layer.weight_quantizer.fit(layer.weight)
    difference, low = layer.weight_quantizer.domain(1)
    ones = layer.binary_weight.bool()
    assert (low + difference).item() == pytest.approx(layer.weight[ones].mean().item(), abs=1e-6)
    assert low.item() == pytest.approx(layer.weight[~ones].mean().item(), abs=1e-6)


def test_penalty_pushes_to_the_target() -> None:
    layer = bnn.BinaryLinear(64, 64, weight_quantizer=bnn.TwoValue(sparsity="penalty"))
    loss = torch.tensor(2.0)
    penalty = bnn.density_penalty(layer, loss, 0.05, 0.2)
    assert penalty.item() == pytest.approx(0.2 / 0.8 * 2.0, rel=1e-5)
    penalty.backward()
    excess = bnn.density(layer).item() - 0.05
    assert layer.weight.grad.unique().item() == pytest.approx(0.25 * 2.0 / excess / (2 * 4096), rel=1e-4)
    assert bnn.density_penalty(layer, loss, 0.9, 0.2) == 0
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        bnn.density_penalty(layer, loss, 0.05, 0.2).backward()
        optimizer.step()
        bnn.clamp_latent(layer, 0.5)
    assert bnn.density(layer) <= 0.0502
    assert layer.weight.abs().max() <= 0.5
    with pytest.raises(ValueError, match="TwoValue"):
        bnn.density(torch.nn.Linear(2, 2))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="density"):
        bnn.TwoValue(1.5)
    with pytest.raises(ValueError, match="sparsity"):
        bnn.TwoValue(sparsity="none")
    one = torch.ones(1)
    with pytest.raises(DTypeError, match="float32"):
        torch.ops.binmorph.two_value_linear(torch.ones(2, 3, dtype=torch.float64), torch.ones(1, 3), one, one)
    with pytest.raises(ShapeError, match="difference"):
        torch.ops.binmorph.two_value_linear(torch.ones(2, 3), torch.ones(2, 3), one, one)


def test_ops_are_well_formed_and_traced_as_one_node() -> None:
    x, bits = torch.ones(2, 4, 5, 5), torch.zeros(6, 2, 3, 3)
    per_output = torch.linspace(-1, 1, 6)
    sample = (x, bits, per_output, per_output, [1, 1], [1, 1], [1, 1], 2)
    torch.library.opcheck(torch.ops.binmorph.two_value_conv2d, sample)
    dense = (torch.ones(2, 9), torch.ones(6, 9), per_output, per_output)
    torch.library.opcheck(torch.ops.binmorph.two_value_linear, dense)
    layer = bnn.BinaryConv2d(4, 6, 3, padding=1, pad_value=0, weight_quantizer="two_value").eval()
    program = torch.export.export(layer, (x,))
    targets = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
    assert targets.count("binmorph.two_value_conv2d.default") == 1
    assert not any("conv2d" in t and "binmorph" not in t for t in targets)
    assert torch.equal(program.module()(x), layer(x))
