"""The layers in their three modes: shapes, formulas, gradients, hardening, saving."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import evaluate_node

from binmorph import ir
from binmorph.errors import BinmorphError, DomainError, ShapeError
from binmorph.ir import BORDERS
from binmorph.nn import (
    LUI,
    BiSE,
    BiSEL,
    DenseLUI,
    LevelSets,
    Mode,
    harden,
    set_annealing,
    set_mode,
)

SIGNED = {"weight": "identity", "bias": "raw", "init": "signed", "bias_spread": 1.5, "scale_init": 1.0}


def bits(rng, *shape):
    return torch.from_numpy(rng.random(shape) < 0.5).float()


def popcount_layer(layer):
    """``layer`` with weights on their popcount projection, so that every neuron hardens exactly."""
    set_annealing(layer, 1.0, 1.0)
    for _, bank in layer.banks():
        bank.scale.data.mul_(torch.randn_like(bank.scale).sign())
    return layer


LAYERS = [
    lambda **k: BiSE(3, 2, (2, 3), **SIGNED, **k),
    lambda **k: BiSEL(3, 4, (3, 2), **SIGNED, **k),
    lambda **k: BiSEL(1, 4, 5, **SIGNED, **k),
]


def channels_of(layer):
    return layer.bise.shape[1]


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("make", LAYERS)
def test_exact_layers_agree_in_all_modes(rng, make, border):
    layer = popcount_layer(make(border=border))
    x = bits(rng, 6, channels_of(layer), 7, 6)
    set_annealing(layer, 1.0, 1e4)
    smooth = layer(x)
    step = set_mode(layer, Mode.HARD_FLOAT)(x)
    report = harden(layer)
    assert report.exact
    assert torch.equal(layer(x), step)
    assert torch.equal((smooth > 0.5).float(), step)
    assert 0 < step.mean() < 1


@pytest.mark.parametrize("make", [lambda: LUI(5, 7, **SIGNED), lambda: DenseLUI(20, 30, **SIGNED)])
def test_exact_unions_agree_in_all_modes(rng, make):
    layer = popcount_layer(make())
    x = bits(rng, 6, 5, 4, 3) if isinstance(layer, LUI) else bits(rng, 50, 20)
    step = set_mode(layer, Mode.HARD_FLOAT)(x)
    assert harden(layer).exact
    assert torch.equal(layer(x), step)


@pytest.mark.parametrize("border", BORDERS)
def test_hard_bisel_is_the_ir_node(rng, border):
    layer = BiSEL(3, 4, (3, 2), border, **SIGNED)
    harden(layer)
    x = bits(rng, 5, 3, 6, 7)
    node = ir.Bisel("b", "x", (3, 2), border, *layer.neurons())
    np.testing.assert_array_equal(layer(x).numpy() == 1, evaluate_node(node, x.numpy() == 1))


def test_smooth_bise_formula(rng):
    """Against a loop over pixels and taps, for an even, rectangular window."""
    layer = BiSE(2, 2, (2, 3), "replicate", scale_init=1.3)
    x = torch.rand(1, 2, 4, 5)
    weight, bias, p = layer.bise.effective_parameters()
    want = torch.zeros(1, 4, 4, 5)
    for o, c, i, j in np.ndindex(2, 2, 4, 5):
        total = -bias[o, c]
        for a, b in np.ndindex(2, 3):
            row, column = min(max(i + a - 1, 0), 3), min(max(j + b - 1, 0), 4)
            total = total + weight[o, c, 3 * a + b] * x[0, c, row, column]
        want[0, 2 * o + c, i, j] = 0.5 + 0.5 * torch.tanh(p[o, c] * total)
    torch.testing.assert_close(layer(x), want.detach(), check_stride=False)


def test_bisel_is_bise_then_union(rng):
    layer, x = BiSEL(3, 4, 3, scale_init=1.0), torch.rand(2, 3, 5, 6)
    bise, lui = BiSE(3, 4, 3), LUI(3, 1)
    bise.bise = layer.bise
    maps = bise(x)
    for o in range(4):
        for name in ("weight_raw", "bias_raw", "scale"):
            getattr(lui.lui, name).data = getattr(layer.lui, name)[o : o + 1].data
        torch.testing.assert_close(lui(maps[:, 3 * o : 3 * o + 3])[:, 0], layer(x)[:, o])


def test_single_channel_union_is_the_identity(rng):
    layer = BiSEL(1, 3, 3, **SIGNED)
    assert not list(layer.lui.parameters())
    assert torch.equal(layer(x := torch.rand(2, 1, 5, 5)), layer_as_bise(layer)(x))
    harden(layer)
    assert layer.lui.neurons().threshold.tolist() == [1, 1, 1]
    assert torch.equal(layer(x := bits(rng, 2, 1, 5, 5)), layer_as_bise(layer)(x))


def layer_as_bise(layer):
    twin = BiSE(1, 3, 3)
    twin.bise = layer.bise
    if layer.binarized:
        twin.mark_binarized()
    return twin


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("kernel", [1, 2, 4, 5, (1, 3), (3, 7)])
def test_output_sizes(kernel, border):
    """Even and rectangular windows keep the size; ``valid`` shrinks by the window less one, per axis."""
    layer = BiSEL(2, 3, kernel, border)
    kh, kw = layer.kernel
    want = (10 - kh + 1, 11 - kw + 1) if border == "valid" else (10, 11)
    assert layer(torch.rand(2, 2, 10, 11)).shape == (2, 3, *want)
    harden(layer)
    assert layer(torch.ones(2, 2, 10, 11)).shape == (2, 3, *want)


@pytest.mark.parametrize(
    "kinds",
    [
        {"weight": "softplus", "bias": "positive"},
        {"weight": "normalized", "bias": "projected"},
        {"weight": "tanh01", "bias": "projected_reparametrized"},
        {"weight": "identity", "bias": "raw"},
    ],
)
def test_the_papers_start_moves(kinds):
    """p = 0 passes no gradient but p's own; two layers deep it still leaves the start and learns a
    dilation."""
    net = torch.nn.Sequential(BiSEL(1, 1, 3, **kinds), BiSEL(1, 1, 3, **kinds))
    x = (torch.rand(16, 1, 12, 12) < 0.1).float()
    target = torch.nn.functional.max_pool2d(x, 5, 1, 2)
    optimizer = torch.optim.Adam(net.parameters(), 3e-2)
    losses = []
    for _ in range(120):
        loss = torch.nn.functional.mse_loss(net(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for parameter in net.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert losses[-1] < 0.5 * losses[0]


def test_annealed_layers_keep_their_gradient():
    layer = DenseLUI(8, 6, **SIGNED)
    grads = []
    for sharpness in (1.0, 1e3):
        set_annealing(layer, 0.0, sharpness)
        layer.zero_grad()
        layer(torch.full((1, 8), 0.3)).sum().backward()
        grads.append(layer.lui.weight_raw.grad.clone())
    torch.testing.assert_close(*grads)
    set_annealing(layer, 1.0, 4.0)
    weight, _, _ = layer.lui.effective_parameters()
    assert (weight.abs().unique(dim=1).shape[1]) <= 6 * 2
    for row in weight.detach():
        assert len(row.abs().unique()) <= 2  # 0 and theta
    with pytest.raises(ValueError, match="snap"):
        set_annealing(layer, 1.5, 1.0)


def test_constant_start_of_a_union_binarizes():
    """All weights equal: every channel belongs to the union, none is lost to the repetition."""
    layer = LUI(9, 2, scale_init=1.0, bias="raw", bias_spread=0.0)
    report = harden(layer)
    assert report.exact
    neurons = layer.neurons()
    assert neurons.plus.all()
    assert neurons.threshold.tolist() in ([5, 5], [4, 4])


def test_modes_are_guarded(rng):
    layer = BiSEL(2, 3, 3)
    with pytest.raises(BinmorphError, match="harden"):
        layer.mode = Mode.HARD
    harden(layer)
    assert layer.mode is Mode.HARD
    with pytest.raises(DomainError, match="0 and 1"):
        layer(torch.full((1, 2, 4, 4), 0.5))
    with pytest.raises(ShapeError):
        layer(torch.ones(1, 3, 4, 4))
    set_mode(layer, Mode.SMOOTH)
    assert layer(torch.full((1, 2, 4, 4), 0.5)).requires_grad
    for bad in (torch.ones(1, 3, 4, 4), torch.ones(2, 4, 4)):
        with pytest.raises(ShapeError):
            layer(bad)


def test_level_sets_from_quantiles():
    images = torch.zeros(3, 2, 4, 4, dtype=torch.uint8)
    images[0, 0], images[1, 0, 0, 0] = torch.arange(1, 17, dtype=torch.uint8).reshape(4, 4), 5
    layer = LevelSets.from_quantiles(images, 3)
    assert layer.values.tolist() == [[5.0, 9.0, 13.0], [0.0, 0.0, 0.0]]
    assert torch.equal(LevelSets.from_quantiles(images.flip(0), 3).values, layer.values)
    out = layer(images)
    assert out.shape == (3, 6, 4, 4)
    assert (out[:, :2] >= out[:, 1:3]).all()
    with pytest.raises(ShapeError):
        LevelSets.from_quantiles(images, 0)
    with pytest.raises(ValueError, match="finite"):
        LevelSets(torch.tensor([[float("nan")]]))
