"""How sign networks may be written, how they end, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sign_networks import assert_equal, awkward_norm, bits, redraw
from torch import nn

import binmorph.nn as bnn
from binmorph import format as file_format
from binmorph import ir
from binmorph.errors import UnsupportedOpError
from binmorph.export import export, verify


class Idioms(nn.Module):
    """Signs as people write them in plain torch."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.conv = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6 * 16, 4)

    def sign(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "where":
            return torch.where(x >= 0, 1.0, -1.0)
        if self.how == "ge":
            return (x >= 0).float() * 2 - 1
        if self.how == "step":  # {0, 1} activations: an AND network
            return (x > 0).to(torch.float32)
        if self.how == "sign of not zero":
            return torch.sign(x + 0.5)
        clipped = torch.clamp(x, -1, 1)  # straight-through, as ReActNet writes it
        return torch.where(x >= 0, 1.0, -1.0).detach() - clipped.detach() + clipped

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.where(self.conv.weight > 0, 1.0, -1.0)
        x = nn.functional.conv2d(2 * x - 1, weight, padding=1)
        x = self.sign(x if self.how.startswith("sign") else self.norm(x))
        return self.head(x.flatten(1))


@pytest.mark.parametrize("how", ["where", "ge", "step", "sign of not zero", "straight through"])
def test_plain_torch(how: str, target: Path) -> None:
    torch.manual_seed(0)
    network = Idioms(how).eval()
    awkward_norm(network.norm, np.random.default_rng(2))
    x = bits(np.random.default_rng(0), 5, 3, 4, 4)
    report = export(network, x, target)
    assert [layer.op for layer in report.layers] == ["pack_binary", "threshold_conv2d", "flatten", "linear"]
    assert verify(network, target, x).equal


def test_ternary_and_scaled_weights(target: Path) -> None:
    rng = np.random.default_rng(0)
    network = nn.Sequential(
        nn.Conv2d(4, 7, 3, padding=1, bias=True), nn.BatchNorm2d(7), bnn.STESign(), nn.Flatten(),
        nn.Linear(7 * 25, 3),
    )  # fmt: skip
    awkward_norm(network[1], rng)
    ternary = rng.integers(-1, 2, (7, 4, 3, 3)) * np.array([0.25, 1, 2, 0.5, 1, 8, 1])[:, None, None, None]
    with torch.no_grad():
        network[0].weight.copy_(torch.from_numpy(ternary))
        network[0].bias.copy_(torch.from_numpy(rng.integers(-8, 9, 7) / 8))
    export(network.eval(), bits(rng, 9, 4, 5, 5), target)  # {0, 1} inputs
    assert_equal(nn.Sequential(bnn.BitsToSigns(), network), bits(rng, 9, 4, 5, 5))
    with torch.no_grad():  # a bias that is rounded inside the sum: packed, it follows the exact sum
        network[0].bias.add_(0.1)
    report = export(network, bits(rng, 9, 4, 5, 5), target)
    assert "packed, it follows the exact sum" in str(report)
    result = verify(network, target, bits(rng, 9, 4, 5, 5))
    assert result.equal
    assert result.floats[0].share <= 1


def test_bytes_are_tried_one_by_one(target: Path) -> None:
    """uint8 pixels, normalised in float, then a sign: the level set is found on all 256 values."""
    rng = np.random.default_rng(4)

    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(2)
            self.conv = bnn.BinaryConv2d(2, 5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.where(self.conv(self.norm(x.float() / 255)) >= 0, 1.0, 0.0)

    network = Normalised().eval()
    with torch.no_grad():
        network.norm.weight.copy_(torch.tensor([1.0, -3.0]))
        network.norm.running_mean.copy_(torch.tensor([100 / 255, 0.3]))
    x = torch.from_numpy(rng.integers(0, 256, (4, 2, 8, 8)).astype(np.uint8))
    export(network, x, target)
    assert [n.op for n in file_format.load(target).nodes] == ["level_sets", "threshold_conv2d"]
    ramp = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8).expand(4, 2, 8, 8)
    assert verify(network, target, ramp.contiguous()).equal


def test_float_images_and_signed_zeros(target: Path) -> None:
    network = nn.Sequential(bnn.BinaryConv2d(2, 4, 2), bnn.STESign()).eval()
    x = torch.tensor([-0.0, 0.0, -1e-30, 1e-30, float("nan"), 2.0, -3.0, float("inf")])
    x = x[torch.randint(0, 8, (6, 2, 5, 5))]
    graph = assert_equal(network, x)
    assert isinstance(graph.nodes[0], ir.LevelSets)
    assert not graph.nodes[0].values.any()


def test_last_layers(target: Path) -> None:
    """A binary one gives torch's integers, with batch normalisation its numbers, bit for bit."""
    rng = np.random.default_rng(0)
    body = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryLinear(20, 15), nn.BatchNorm1d(15))
    redraw(body, rng)
    x = bits(rng, 50, 20)
    plain = nn.Sequential(body, bnn.BinaryLinear(15, 4)).eval()
    for behind in (nn.Identity(), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm1d(4), nn.PReLU())):
        network = nn.Sequential(plain, behind).eval()
        redraw(network, rng)
        export(network, x, target)
        report = verify(network, target, x)
        assert report.equal
        assert not report.floats
        assert report.output.max_abs_difference == 0
        assert report.output.bit_equal_in_order
    one = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryLinear(1, 3)).eval()  # sums of one tap look like signs
    assert assert_equal(one, torch.tensor([[0.0], [1.0]])).type_of("1").kind == "int32"
    graph = assert_equal(nn.Sequential(plain, nn.ReLU()), x)
    assert [node.op for node in graph.nodes][-3:] == ["count_conv2d", "affine", "clamp"]


def test_zeros_among_latent_weights_are_reported(target: Path) -> None:
    network = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryLinear(20, 15), bnn.STESign()).eval()
    with torch.no_grad():
        network[1].weight[2, :3] = 0
    report = export(network, bits(np.random.default_rng(0), 5, 20), target)
    assert "3 latent weights are exactly 0" in str(report)
    assert report.to_json()["notes"]


def refusal(network: nn.Module, x: torch.Tensor, target: Path) -> str:
    with pytest.raises(UnsupportedOpError) as caught:
        export(network.eval(), x, target)
    assert not target.exists()
    return str(caught.value)


def test_refusals(target: Path) -> None:
    torch.manual_seed(0)
    x = bits(np.random.default_rng(0), 5, 4, 6, 6)
    conv = bnn.BinaryConv2d(4, 6, 3, padding=1)
    front = (bnn.BitsToSigns(), conv)

    class TorchSign(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sign(x)

    reader = bnn.BinaryConv2d(6, 2, 1, input_quantizer=None)  # a quantizer would map the 0 to +1
    text = refusal(nn.Sequential(*front, TorchSign(), reader, bnn.STESign()), x, target)
    assert text.startswith("1 layer cannot be packed")
    assert "2 (TorchSign)" in text
    assert "where the sum of channel 0 is 0" in text
    assert "torch.where(x >= 0, 1.0, -1.0)" in text

    nan = nn.BatchNorm2d(6)
    with torch.no_grad():
        nan.running_var.fill_(-1)
    assert "gives NaN" in refusal(nn.Sequential(*front, nan, bnn.STESign()), x, target)

    batch = nn.BatchNorm2d(6, track_running_stats=False)
    assert "statistics of the batch" in refusal(nn.Sequential(*front, batch, bnn.STESign()), x, target)

    wide = nn.Sequential(*front, nn.Flatten(), nn.BatchNorm1d(216), bnn.BinaryLinear(216, 2))
    assert "in front of Flatten" in refusal(wide, x, target)

    tanh = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryLinear(4, 3, weight_quantizer="sb_tanh"), bnn.STESign())
    assert refusal(tanh, x[:, :, 0, 0], target)
    bnn.harden_signs(tanh)
    export(tanh, x[:, :, 0, 0], target)


def test_what_is_no_threshold_becomes_a_stream() -> None:
    """A PReLU with a negative slope folds the sums over: its result is a stream, and the sign one of that."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = bits(rng, 5, 4, 6, 6)
    prelu, norm = nn.PReLU(), nn.BatchNorm2d(6)
    with torch.no_grad():
        prelu.weight.fill_(-0.5)
        norm.bias.fill_(-0.3)
    front = (bnn.BitsToSigns(), bnn.BinaryConv2d(4, 6, 3, padding=1))
    graph = assert_equal(nn.Sequential(*front, prelu, norm, bnn.STESign()), x)
    assert "prelu" in [node.op for node in graph.nodes]
    graph = assert_equal(nn.Sequential(*front, prelu, nn.MaxPool2d(2), norm, bnn.STESign()), x)
    assert [node.op for node in graph.nodes][-2:] == ["affine", "level_sets"]


class Product(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (bnn.BinaryConv2d(4, 4, 1) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(2 * x - 1)
        return self.b(y) * y


def test_products_are_refused_by_name(target: Path) -> None:
    text = refusal(Product(), bits(np.random.default_rng(0), 5, 4, 6, 6), target)
    assert "joins the values of two layers" in text
    assert "aten.mul.Tensor" in text
