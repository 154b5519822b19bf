"""Batch normalisation and sign as one comparison."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import binmorph.nn as bnn


def extreme_norm(norm: nn.BatchNorm1d) -> None:
    """Ties, both signs of the scale, none, tiny ones, and extreme variances."""
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
        norm.running_mean.uniform_(-20, 20).round_()
        norm.running_var.uniform_(0.1, 50)
        norm.bias[:60] = 0
        norm.weight[60:80] = 0
        norm.weight[80:90] = 1e-30
        norm.running_var[90:95] = 0
        norm.running_var[95:99] = 1e12


@pytest.mark.parametrize("image", [False, True])
def test_the_comparison_equals_the_sign(image: bool) -> None:
    layer = bnn.BinaryBatchNorm(200, "ste_sign")
    extreme_norm(layer.norm)
    layer.eval()
    sums = torch.arange(-300, 301).float()[:, None].repeat(1, 200)
    twin = bnn.BinaryBatchNorm(200, "ste_sign").eval()
    layer_hard = bnn.BinaryBatchNorm(200, "ste_sign").eval()
    layer_hard.load_state_dict(layer.state_dict())
    layer_hard.harden()
    twin.load_state_dict(layer_hard.state_dict())
    near = layer_hard.level * layer_hard.direction
    near = near.where(near.abs() < 1e30, 0.0)
    samples = [sums, sums + torch.rand_like(sums), near[None]]
    for factor in (1 - 2e-7, 1 + 2e-7):
        samples.append(factor * near[None])
    for z in samples:
        read = z[:, :, None, None].repeat(1, 1, 2, 3) if image else z
        assert torch.equal(layer(read), layer_hard(read))
        assert torch.equal(twin(read), layer_hard(read))


def test_what_hardening_changes_is_told() -> None:
    """Much while tanh is flat, little once it is sharp; None where nothing hardens."""
    smooth = bnn.architectures.build("vgg_small", (1, 8, 8), 4, widths=(8,), hidden=(9,)).eval()
    x = torch.rand(5, 1, 8, 8)
    for progress, soft in ((0.0, 1.0), (1.0, 0.02)):
        bnn.set_progress(smooth, progress)
        found = bnn.sharpness(smooth, bnn.harden_network(copy.deepcopy(smooth)), x)
        assert set(found.soft) == {"features.3", "classifier.0"}
        assert set(found.turned) == {"features.2", "features.5", "classifier.1"}
        assert max(found.soft.values()) <= soft
        assert "of a layer's signs turned" in str(found)
    assert min(found.soft.values()) > 0
    assert found.turned["features.2"] == 0  # behind the float convolution: the same signs
    assert bnn.sharpness(nn.ReLU(), nn.ReLU(), x) is None


def test_smooth_until_hardened() -> None:
    layer = bnn.BinaryBatchNorm(3)
    z = torch.randn(8, 3, 4, 4) * 5
    assert torch.allclose(layer(z), torch.tanh(layer.norm(z.flatten(2)).view_as(z)))
    layer.eval()
    assert len(layer(z).unique()) > 2
    layer.harden()
    assert set(layer(z).unique().tolist()) == {-1.0, 1.0}
    layer.train()(z).sum().backward()  # hardened, training goes on through the straight-through sign
    assert layer.norm.weight.grad is not None
    program = torch.export.export(layer.eval(), (z,))
    assert torch.equal(program.module()(z), layer(z))
