"""Networks with integer and float streams: the published ones at tiny widths, and blocks in plain torch as
larq, bitorch, ReActNet and SBNN write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sign_networks import OracleRun, lowered
from torch import Tensor, nn

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export import VerifyReport
from binmorph.export.verification import compare, random_inputs
from binmorph.nn import architectures

SMALL: dict[str, dict[str, Any]] = {
    "resnete18": {"stages": (1, 2), "widths": (8, 16)},
    "binarydensenet28": {"layers": (2, 1), "widths": (24,), "growth": 10},
    "meliusnet22": {"layers": (2, 1), "widths": (24,), "growth": 10},
    "reactnet18": {"stages": (1, 2), "widths": (8, 16)},
    "reactnet18_norm_free": {"stages": (1, 2), "widths": (8, 16)},
    "resnet18_two_value": {"stages": (1, 1), "widths": (8, 12)},
    "vgg_small": {"widths": (8, 12), "hidden": (20,)},
}
"""What makes the published networks tiny."""


def published(name: str) -> nn.Module:
    """The tiny network ``name`` for images [N, 3, 12, 12], with drawn statistics."""
    network = drawn(architectures.build(name, (3, 12, 12), 5, **SMALL[name]))
    return bnn.harden_network(network)


def drawn(network: nn.Module) -> nn.Module:
    """Batch statistics and parameters at random, of both signs, some of them whole."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            with torch.no_grad():
                module.running_mean.normal_()
                module.running_var.uniform_(0.3, 3)
                module.weight.normal_()
                module.bias.normal_()
                module.running_mean[::3].round_()
                module.bias[::3] = 0
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.2, 0.5)
        elif isinstance(module, bnn.activations.Shift):
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


class LarqBlock(nn.Module):
    """sign -> binary convolution padded with 0 -> BN -> + x."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.where(self.conv.weight >= 0, 1.0, -1.0)
        y = F.conv2d(torch.where(x >= 0, 1.0, -1.0), weight, padding=1)
        return self.norm(y) + x


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.where(x < 0, -1.0, 1.0)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        return dy


class BitorchBlock(nn.Module):
    """An autograd function for the sign, padding with -1 behind it, an in-place addition, hardtanh."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(6, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.act = nn.Hardtanh(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        signs = F.pad(_Sign.apply(x), (1, 1, 1, 1), mode="constant", value=-1)
        out = self.norm(F.conv2d(signs, _Sign.apply(self.conv.weight)))
        out += x
        return self.act(out)


class ReActBlock(nn.Module):
    """Shifted sign with the straight-through polynomial, scaled weights in the convolution, RPReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 6, 3, 3) * 0.1)
        self.shifts = nn.ParameterList([nn.Parameter(torch.randn(1, 6, 1, 1) * 0.3) for _ in range(3)])
        self.norm, self.prelu = nn.BatchNorm2d(6), nn.PReLU(6)

    def forward(self, x: Tensor) -> Tensor:
        y = x + self.shifts[0].expand_as(x)
        hard = torch.where(y >= 0, 1.0, -1.0)
        mask1, mask2, mask3 = y < -1, y < 0, y < 1
        out1 = (-1) * mask1.type(torch.float32) + (y * y + 2 * y) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-y * y + 2 * y) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        signs = hard.detach() - out3.detach() + out3
        scale = self.weight.abs().mean(3, keepdim=True).mean(2, keepdim=True).mean(1, keepdim=True).detach()
        clipped = self.weight.clamp(-1.0, 1.0)
        weight = (scale * torch.sign(self.weight)).detach() - clipped.detach() + clipped
        out = self.norm(F.conv2d(signs, weight, padding=1)) + x
        return self.prelu(out + self.shifts[1]) + self.shifts[2]


class SBNNBlock(nn.Module):
    """Weights tau sign(w) + phi inside the convolution, hardtanh behind the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 6, 3, 3))
        self.tau, self.phi = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.tensor(-0.21))
        self.norm = nn.BatchNorm2d(6)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.tau * torch.where(self.weight > 0, 1.0, -1.0) + self.phi
        y = F.conv2d(torch.where(x >= 0, 1.0, -1.0), weight, padding=1)
        return F.hardtanh(self.norm(y) + x)


class ConcatBlock(nn.Module):
    """Parts of 6, 6 and 5 channels; the last are bettered, as MeliusNet does; a mean over the image."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = bnn.BinaryConv2d(6, 6, 3, 1, 2, 2), bnn.BinaryConv2d(12, 5, 1)
        self.c, self.norms = bnn.BinaryConv2d(17, 5, 3, 1, 1), nn.ModuleList(map(nn.BatchNorm2d, (12, 17, 6)))
        self.squeeze = nn.Conv2d(17, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((x, self.a(x)), dim=1)
        x = torch.cat((x, self.b(self.norms[0](x))), dim=1)
        kept, last = torch.split(x, [12, 5], dim=1)
        x = torch.cat((kept, last + self.c(self.norms[1](x))), dim=1)
        return F.relu(self.norms[2](self.squeeze(x)))


BLOCKS = {
    "larq": LarqBlock, "bitorch": BitorchBlock, "reactnet": ReActBlock, "sbnn": SBNNBlock,
    "concat": ConcatBlock,
}  # fmt: skip


class Ported(nn.Module):
    """Float stem, two blocks, global pooling by a mean, float scores."""

    def __init__(self, block: str) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6))
        self.blocks = nn.Sequential(BLOCKS[block](), BLOCKS[block]())
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Thermometer(nn.Module):
    """Four bits per channel behind a normalisation, read by a convolution in four groups."""

    SHIFTS = (-2 / 3, -1 / 3, 1 / 3, 2 / 3)

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.sign = how, bnn.STESign()
        self.levels = bnn.LevelSets(torch.tensor([self.SHIFTS] * 8))
        self.first, self.norm = bnn.BinaryConv2d(5, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.last = bnn.BinaryConv2d(
            32, 12, 3, padding=1, groups=4, pad_value="replicate", input_quantizer=None
        )
        self.last_norm = nn.BatchNorm2d(12)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.first(x))
        if self.how == "levels":
            bits = 2 * self.levels(y) - 1
        else:
            bits = torch.cat([self.sign(y + shift) for shift in self.SHIFTS], 1)
        return self.sign(self.last_norm(self.last(bits)))


def compared(network: nn.Module, x: torch.Tensor, loader: str) -> tuple[ir.Graph, VerifyReport]:
    """``network`` lowered and compared with torch on ``x`` and random inputs; ``loader`` as the fixture."""
    traced, result, graph = lowered(network, x)
    model: Any = OracleRun(graph)
    if loader == "runtime":
        from binmorph.runtime import PackedModel

        model = PackedModel(graph, threads=1)
    inputs = torch.cat([x, random_inputs(graph, np.random.default_rng(0), 20)])
    report = compare(traced, result, "", inputs, load=lambda *_: model)
    assert report.equal, str(report)
    return graph, report
