"""Binary convolutions and dense layers against plain integer sums, and the ready-made networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import binmorph.nn as bnn
from binmorph.errors import ShapeError

PAD_MODE = {
    -1: {"mode": "constant", "constant_values": -1},
    0: {"mode": "constant", "constant_values": 0},
    1: {"mode": "constant", "constant_values": 1},
    "replicate": {"mode": "edge"},
}


def sums(layer: bnn.BinaryConv2d, x: np.ndarray) -> np.ndarray:
    """The convolution written out in integers."""
    signs = np.where(x >= 0, 1, -1)
    (ph, pw), (sh, sw), (dh, dw) = layer.padding, layer.stride, layer.dilation
    signs = np.pad(signs, ((0, 0), (0, 0), (ph, ph), (pw, pw)), **PAD_MODE[layer.pad_value])
    weight = np.where(layer.weight.detach().numpy() >= 0, 1, -1)
    outputs, depth, kh, kw = weight.shape
    height = (signs.shape[2] - dh * (kh - 1) - 1) // sh + 1
    width = (signs.shape[3] - dw * (kw - 1) - 1) // sw + 1
    y = np.zeros((len(x), outputs, height, width), np.int64)
    for o in range(outputs):
        group = o // (outputs // layer.groups)
        for p in range(height):
            for q in range(width):
                rows = slice(p * sh, p * sh + dh * kh, dh)
                window = signs[:, group * depth : (group + 1) * depth, rows, q * sw : q * sw + dw * kw : dw]
                y[:, o, p, q] = (window[..., :kh, :kw] * weight[o]).sum((1, 2, 3))
    return y


@pytest.mark.parametrize("pad_value", [-1, 0, 1, "replicate"])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (5, 2), "padding": (2, 1), "stride": (2, 1)},
        {"kernel_size": 3, "padding": 2, "dilation": 2, "groups": 3},
        {"kernel_size": 1, "stride": 2, "groups": 3},
    ],
)
def test_convolution_is_an_integer_sum(pad_value, options, rng) -> None:
    layer = bnn.BinaryConv2d(6, 9, pad_value=pad_value, **options)
    with torch.no_grad():
        layer.weight[0, 0] = 0.0  # latent zeros count as +1
    x = rng.normal(size=(2, 6, 7, 8)).astype(np.float32).round(1)
    y = layer(torch.from_numpy(x))
    assert torch.equal(y, torch.from_numpy(sums(layer, x)).float())


def test_linear_is_an_integer_sum(rng) -> None:
    layer = bnn.BinaryLinear(65, 7, bias=True)
    with torch.no_grad():
        layer.bias.fill_(0.25)
    x = rng.normal(size=(4, 65)).astype(np.float32)
    expected = np.where(x >= 0, 1, -1) @ np.where(layer.weight.detach().numpy() >= 0, 1, -1).T + 0.25
    assert torch.equal(layer(torch.from_numpy(x)), torch.from_numpy(expected).float())
    assert set(layer.binary_weight.unique().tolist()) == {-1.0, 1.0}


def test_gradients_reach_latent_weights_and_inputs() -> None:
    layer = bnn.BinaryConv2d(
        2, 3, 3, padding=1, input_quantizer="approx_sign", weight_quantizer=bnn.STESign(None)
    )
    x = torch.randn(2, 2, 5, 5, requires_grad=True)
    layer(x).square().sum().backward()
    binary = layer.binary_weight.detach().requires_grad_()
    signs = torch.where(x >= 0, 1.0, -1.0).detach().requires_grad_()
    F.conv2d(F.pad(signs, (1, 1, 1, 1), value=-1.0), binary).square().sum().backward()
    assert torch.equal(layer.weight.grad, binary.grad)
    assert torch.allclose(x.grad, signs.grad * (2 - 2 * x.detach().abs()).clamp_min(0))


def test_state_and_repr() -> None:
    first, second = (
        bnn.BinaryConv2d(4, 8, 3, 2, 1, pad_value=0, input_quantizer="ede_sign") for _ in range(2)
    )
    bnn.set_progress(first, 0.5)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.weight, second.weight)
    assert second.input_quantizer.progress == 0.5
    text = repr(first)
    assert "BinaryConv2d(\n  4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), pad_value=0" in text
    assert "(input_quantizer): EDESign()" in text
    assert repr(bnn.BinaryLinear(3, 2)).splitlines()[1] == "  in_features=3, out_features=2, bias=False"


def test_a_shared_quantizer_and_none() -> None:
    shared = bnn.SwishSign(3.0)
    layer = bnn.BinaryLinear(3, 2, input_quantizer=shared, weight_quantizer=shared)
    assert layer.input_quantizer is layer.weight_quantizer
    raw = bnn.BinaryLinear(3, 2, input_quantizer=None)
    x = torch.tensor([[0.5, -2.0, 3.0]])
    assert torch.equal(raw(x), F.linear(x, raw.binary_weight))


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="groups"):
        bnn.BinaryConv2d(4, 6, 3, groups=4)
    with pytest.raises(ShapeError, match="stride"):
        bnn.BinaryConv2d(4, 6, 3, stride=0)
    with pytest.raises(ValueError, match="pad_value"):
        bnn.BinaryConv2d(4, 6, 3, pad_value=2)
    with pytest.raises(ShapeError, match="at least 1"):
        bnn.BinaryLinear(0, 2)


def test_networks_have_the_published_sizes() -> None:
    level = bnn.LevelSets(torch.tensor([[0.5]]))
    image = torch.rand(2, 1, 28, 28)
    for hidden, weights in (((1024, 1024), 1861632), ((1024,) * 3, 2910208), ((256,) * 3, 334336)):
        network = bnn.BinaryMLP(level, (1, 28, 28), 10, hidden)
        assert bnn.binary_weights(network) == weights
        assert network(image).shape == (2, 10)
    cnv = bnn.BinaryCNV(bnn.LevelSets(torch.full((3, 2), 0.5)))
    assert bnn.binary_weights(cnv) - cnv.features[0].weight.numel() == 1541120
    assert cnv.features[0].weight.numel() == 2 * 3 * 576
    assert cnv(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    small = bnn.BinaryCNV(
        bnn.LevelSets(torch.tensor([[0.5]])), 4, (1, 33, 36), 8, weight_quantizer="swish_sign"
    )
    assert small(torch.rand(2, 1, 33, 36)).shape == (2, 4)
    assert isinstance(small.classifier[0].weight_quantizer, bnn.SwishSign)
    assert isinstance(small.features[0].input_quantizer, nn.Identity)


def test_latent_weights_start_as_their_quantizer_says() -> None:
    torch.manual_seed(0)
    for quantizer in ("ste_sign", "magnitude_sign", None):
        weight = bnn.BinaryConv2d(16, 64, 3, weight_quantizer=quantizer).weight
        assert weight.std().item() == pytest.approx((2 / 144) ** 0.5, rel=0.05)
    weight = bnn.BinaryLinear(50, 80, weight_quantizer="sb_tanh").weight
    assert weight.abs().max() <= 1
    assert weight.std().item() == pytest.approx(3**-0.5, rel=0.05)


def test_stages_and_small_images() -> None:
    """The staged chain of bits halves its sides once per stage and by its stride; CNV pads images below
    32."""
    levels = bnn.LevelSets(torch.tensor([[64.0, 128.0]]))
    x = torch.zeros(2, 1, 28, 28)
    staged = bnn.BinaryStages(levels, (1, 28, 28), 10, 4, ((6,), (7, 8)), (9,)).eval()
    assert staged(x).shape == (2, 10)
    shapes = [tuple(m.weight.shape[:2]) for m in staged.modules() if isinstance(m, bnn.binary.BinaryLayer)]
    assert shapes == [(4, 2), (6, 4), (7, 6), (8, 7), (9, 8 * 9), (10, 9)]
    small = bnn.BinaryCNV(levels, 10, (1, 28, 28), 4).eval()
    assert small(x).shape == (2, 10)
    assert small.features[0].padding == (2, 2)
    assert bnn.BinaryCNV(levels, 10, (1, 32, 33), 4).features[0].padding == (0, 0)
