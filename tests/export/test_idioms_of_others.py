"""Signs and binary convolutions as published code writes them in plain torch, and the errors for what is
none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sign_networks import awkward_norm
from torch import Tensor, nn

import binmorph.nn as bnn
from binmorph.errors import UnsupportedOpError
from binmorph.export import export, verify
from binmorph.nn import architectures

Sign = Callable[[Tensor], Tensor]


def straight_through(x: Tensor) -> Tensor:
    return (torch.where(x >= 0, 1.0, -1.0) - F.hardtanh(x)).detach() + F.hardtanh(x)


SIGNS: dict[str, Sign] = {
    "larq: sign(sign(x) + 0.1)": lambda x: torch.sign(torch.sign(x) + 0.1),
    "1adrianb: sign().add(0.01).sign()": lambda x: x.sign().add(0.01).sign(),
    "bitorch: zeros filled": lambda x: torch.sign(x).masked_fill(x == 0, 1),
    "zeros added": lambda x: x.sign() + (x == 0).float(),
    "BMXNet: where ones_like": lambda x: torch.where(x.ge(0), torch.ones_like(x), -torch.ones_like(x)),
    "where full_like": lambda x: torch.where(x < 0, torch.full_like(x, -1), torch.full_like(x, 1)),
    "brevitas: where tensors": lambda x: torch.where(x >= 0, torch.tensor(1.0), torch.tensor(-1.0)),
    "SBNN: 2 (x > 0) - 1": lambda x: 2 * (x > 0).float() - 1,
    "in place": lambda x: x.ge(0).float().mul_(2).sub_(1),
    "integers": lambda x: (2 * (x >= 0) - 1).to(torch.float32),
    "heaviside": lambda x: torch.heaviside(x, torch.tensor(1.0)) * 2 - 1,
    "BinaryNet: rounded": lambda x: 2 * torch.round(torch.clamp((x + 1) / 2, 0, 1)) - 1,
    "straight through": straight_through,
}


def core(weight: Tensor) -> Tensor:
    return torch.where(weight >= 0, 1.0, -1.0)


CONVOLUTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "plain": lambda x, w: F.conv2d(x, core(w), padding=1),
    "XNOR-Net: scale inside": lambda x, w: F.conv2d(x, core(w) * w.abs().mean((1, 2, 3), True), padding=1),
    "XNOR-Net: scale behind": lambda x, w: (
        F.conv2d(x, core(w), padding=1) * w.abs().mean((1, 2, 3)).view(1, -1, 1, 1)
    ),
    "BMXNet: matches, padded with -1": lambda x, w: (
        (F.conv2d(F.pad(x, (1, 1, 1, 1), value=-1.0), core(w)) + w[0].numel()) / 2
    ),
    "brevitas: one scale": lambda x, w: F.conv2d(x, core(w) * 0.1, padding=1),
    "IR-Net: centred": lambda x, w: F.conv2d(x, core(w - w.mean((1, 2, 3), True)), padding=1),
    "ternary": lambda x, w: F.conv2d(x, torch.sign(w) * (w.abs() > 0.7 * w.abs().mean()), padding=1),
    "BoolNet: nearest pixels": lambda x, w: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), core(w)),
}


class Network(nn.Module):
    """Sign, convolution, batch normalisation, sign, convolution."""

    def __init__(self, sign: Sign, convolution: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.sign, self.convolution = sign, convolution
        self.weight, self.last = nn.Parameter(torch.randn(6, 4, 3, 3)), nn.Parameter(torch.randn(5, 6, 3, 3))
        self.norm = awkward_norm(nn.BatchNorm2d(6), np.random.default_rng(3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.convolution(self.sign(x), self.weight))
        return F.conv2d(self.sign(y), core(self.last))


@pytest.fixture(autouse=True)
def once(loader: str) -> None:
    if loader == "oracle":
        pytest.skip("the runtime is what is tried here")


def packed(network: nn.Module, target: Path) -> list[str]:
    x = torch.randn(3, 4, 8, 8)
    report = export(network.eval(), x, target)
    assert verify(network, target, x).equal
    return [layer.op for layer in report.layers]


@pytest.mark.parametrize("name", SIGNS)
def test_signs(name: str, target: Path) -> None:
    ops = packed(Network(SIGNS[name], CONVOLUTIONS["plain"]), target)
    assert ops == ["level_sets", "threshold_conv2d", "count_conv2d", "affine"]


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name: str, target: Path) -> None:
    ops = packed(Network(SIGNS["where full_like"], CONVOLUTIONS[name]), target)
    assert ops == ["level_sets", "threshold_conv2d", "count_conv2d", "affine"]


REFUSED: dict[str, tuple[Sign, str, str]] = {
    "a third value": (torch.sign, "aten.sign.default", r"torch.where\(x >= 0, 1.0, -1.0\)"),
    "the sign of -0": (lambda x: torch.copysign(torch.ones_like(x), x), "aten.copysign.Tensor", "nearest"),
    "by index": (lambda x: torch.index_fill(x, 1, torch.tensor([0]), 1.0), "aten.index_fill", "nearest"),
    "x / |x|": (lambda x: x / x.abs(), "aten.div.Tensor", "it divides by a sum"),
    "an input scale": (lambda x: core(x) * x.abs().mean(1, True), "aten.mean.dim", "over both axes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_where_and_what_instead(name: str, target: Path) -> None:
    """Module path and class, operator, the user's own line, and the nearest supported form."""

    class Quantizer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return REFUSED[name][0](x)

    network = nn.Sequential(nn.Conv2d(4, 4, 1), Quantizer(), bnn.BinaryConv2d(4, 3, 3, input_quantizer=None))
    with pytest.raises(UnsupportedOpError) as caught:
        export(network.eval(), torch.randn(3, 4, 8, 8), target)
    text = str(caught.value)
    assert "1 (Quantizer): " in text
    assert REFUSED[name][1] in text
    assert f"{Path(__file__).name}:" in text
    assert "nearest supported form: " in text
    assert re.search(REFUSED[name][2], text)


@pytest.mark.parametrize("name", ["resnete18", "binarydensenet28", "resnet18_two_value"])
def test_the_coverage_is_that_of_the_architecture(name: str, target: Path) -> None:
    """The packed share of multiplications and of weight bytes, beside a count of the torch modules."""
    image = (3, 32, 32)
    small = {"binarydensenet28": {"layers": (2, 1), "widths": (24,), "growth": 10}}.get(
        name, {"stages": (1, 1), "widths": (8, 16)}
    )
    network = architectures.build(name, image, 10, **small).eval()
    counts = architectures.count(network, image)
    report = export(network, torch.randn(1, *image), target)
    macs = counts.binary_macs / (counts.binary_macs + counts.float_macs)
    assert report.coverage["macs"] == pytest.approx(macs, rel=1e-9)
    if name == "resnet18_two_value":
        return  # its layers have the two values of each output beside the bits
    weights = sum(m.weight.numel() for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    biases = sum(m.bias.numel() for m in network.modules() if getattr(m, "bias", None) is not None)
    float_bytes = {
        packed: sum(layer.float_bytes for layer in report.layers if layer.packed == packed)
        for packed in (True, False)
    }
    sums = [layer for layer in report.layers if layer.op == "count_conv2d"]
    constants = sum(layer.shape[0] for layer in sums)  # one per output stands for the border
    assert sum(layer.float_bytes for layer in sums) == 4 * (counts.binary_weights + constants)
    assert sum(layer.bytes for layer in sums) >= counts.binary_weights / 8
    assert 4 * weights <= float_bytes[False] <= 4 * (weights + biases) + 4 * 64 * len(report.layers)
    assert report.coverage["bytes"] == float_bytes[True] / sum(float_bytes.values())
    assert sum(layer.bytes for layer in report.layers) < report.file_bytes
