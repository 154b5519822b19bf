"""Scaled, standardised and ternary weights; the layers of networks without batch normalisation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import binmorph.nn as bnn
from binmorph.nn.quantizers import QUANTIZERS
from binmorph.nn.weight_quantizers import standardized


@pytest.mark.parametrize("name", ["magnitude_sign", "standardized_sign"])
def test_the_scale_multiplies_the_finished_sum(name: str) -> None:
    layer = bnn.BinaryConv2d(8, 5, 3, padding=1, pad_value=0, weight_quantizer=name)
    x = torch.randn(2, 8, 6, 6)
    core, signs = layer.binary_weight.detach(), torch.where(x >= 0, 1.0, -1.0)
    assert set(core.unique().tolist()) == {-1.0, 1.0}
    scale = layer.weight_quantizer.scale(layer.weight).detach()
    assert torch.equal(layer(x), F.conv2d(signs, core, None, 1, 1) * scale[:, None, None])
    latent = layer.weight if name == "magnitude_sign" else standardized(layer.weight)
    assert torch.allclose(scale, latent.detach().abs().mean((1, 2, 3)))


def test_standardised_sign_is_that_of_the_deviation_from_the_mean() -> None:
    layer = bnn.BinaryLinear(50, 20, weight_quantizer="standardized_sign")
    w = layer.weight.detach() + 0.4
    mean = w.mean(1, keepdim=True)
    assert torch.equal(layer.weight_quantizer(w), torch.where(w - mean >= 0, 1.0, -1.0))
    v = standardized(w)
    assert torch.allclose(v.mean(1), torch.zeros(20), atol=1e-6)
    assert torch.allclose(v.square().sum(1), torch.ones(20), rtol=1e-3)  # the deviation plus 1e-5
    layer(torch.randn(3, 50)).sum().backward()
    assert layer.weight_quantizer.gain.grad.abs().max() > 0
    # Standardised weights do not change when all weights of an output grow together: no gradient that way.
    assert layer.weight.grad.sum(1).abs().max() < 1e-3 * layer.weight.grad.abs().sum(1).max()
    assert "weight_quantizer.gain" in dict(layer.named_parameters())


def test_ternary_is_exact_with_the_gradient_of_the_identity() -> None:
    layer = bnn.BinaryLinear(40, 12, weight_quantizer="ternary_sign")
    with torch.no_grad():
        layer.weight[0] = 0.0
        layer.weight[1] = torch.randint(-1, 2, (40,)).float()
    core = layer.binary_weight
    assert set(core.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert torch.equal(core[0], torch.zeros(40))
    assert torch.equal(core[1], layer.weight[1])
    (core * 3).sum().backward()
    assert torch.equal(layer.weight.grad, torch.full_like(core, 3.0))


def test_float_standardised_convolution() -> None:
    conv = bnn.StandardizedConv2d(3, 8, 3, 2)
    x = torch.randn(2, 3, 8, 8)
    expected = F.conv2d(x, standardized(conv.weight), conv.bias, 2, 1)
    assert torch.allclose(conv(x), expected)
    assert conv.gain.requires_grad


@pytest.mark.parametrize("name", sorted(QUANTIZERS))
def test_every_name_works_on_weights(name: str) -> None:
    layer = bnn.BinaryConv2d(4, 6, 3, weight_quantizer=name)
    layer(torch.randn(1, 4, 5, 5)).sum().backward()
    assert layer.weight.grad is not None
    twin = bnn.BinaryConv2d(4, 6, 3, weight_quantizer=name)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(1, 4, 5, 5)
    assert torch.equal(twin.eval()(x), layer.eval()(x))


def test_rsign_and_rprelu() -> None:
    x = torch.randn(4, 6, 5, 5)
    sign, prelu = bnn.RSign(6), bnn.RPReLU(6)
    with torch.no_grad():
        for p in (*sign.parameters(), *prelu.parameters()):
            p.uniform_(-0.5, 0.5)
    level = -sign.shift.bias.detach()[:, None, None]
    assert torch.equal(sign(x), torch.where(x >= level, 1.0, -1.0))
    b, s, c = (p.detach()[:, None, None] for p in (prelu.before.bias, prelu.prelu.weight, prelu.after.bias))
    assert torch.equal(prelu(x), torch.where(x + b > 0, x + b, s * (x + b)) + c)
    assert bnn.RPReLU(3)(torch.randn(2, 3)).shape == (2, 3)


def test_adaptive_clipping() -> None:
    layer = nn.Linear(10, 4)
    layer.weight.grad, layer.bias.grad = torch.randn(4, 10), torch.randn(4) * 1e-9
    with torch.no_grad():
        layer.weight[1] = 0.0
        layer.weight.grad[2] *= 1e-6
    before = layer.weight.grad.clone()
    bnn.clip_gradients_adaptively(layer.parameters(), 0.02)
    norms, limit = layer.weight.grad.norm(dim=1), 0.02 * layer.weight.norm(dim=1).clamp_min(1e-3)
    assert torch.allclose(norms[[0, 1, 3]], limit[[0, 1, 3]])
    assert torch.equal(layer.weight.grad[2], before[2])
    assert layer.bias.grad.norm() < 1e-7
