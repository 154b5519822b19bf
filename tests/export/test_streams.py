"""Networks with integer and float streams: every bit and every number equals torch on the same input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sign_networks import awkward_norm, lowered
from stream_networks import BLOCKS, SMALL, Ported, Thermometer, compared, drawn, published
from torch import nn

import binmorph.nn as bnn
from binmorph import ir


@pytest.mark.parametrize("name", SMALL)
def test_published_networks(name: str, loader: str) -> None:
    torch.manual_seed(0)
    graph, report = compared(published(name), torch.randn(3, 3, 12, 12), loader)
    assert report.bits_compared > 1000
    assert report.numbers_compared > 1000
    assert report.floats
    assert max(check.share for check in report.floats) <= 1
    assert report.end_to_end is not None
    assert report.end_to_end.distance < 1e-4
    assert report.output.argmax_agreements >= report.images - report.end_to_end.images
    kinds = {node.op for node in graph.nodes}
    assert {"resnete18": "add", "binarydensenet28": "concat", "resnet18_two_value": "two_value_conv2d"}.get(
        name, "level_sets"
    ) in kinds


@pytest.mark.parametrize("block", BLOCKS)
def test_plain_torch_blocks(block: str, loader: str) -> None:
    torch.manual_seed(1)
    network = drawn(Ported(block))
    for norm in (m for m in network.blocks.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.running_var.mul_(9)
    graph, report = compared(network, torch.randn(5, 3, 12, 12), loader)
    packed = {"sbnn": ir.TwoValueConv2d}.get(block, ir.CountConv2d)
    assert sum(isinstance(node, packed) for node in graph.nodes) >= 2
    assert not any(isinstance(n, ir.Conv2d) for n in graph.nodes if "blocks" in n.name and block != "concat")
    assert report.end_to_end.different <= 0.01 * report.end_to_end.bits


@pytest.mark.parametrize("how", ["signs", "levels"])
def test_thermometers(how: str, loader: str) -> None:
    """Four bits per channel of a sum: shifted signs side by side, as BoolNet has them, or level sets."""
    torch.manual_seed(0)
    graph, _ = compared(drawn(Thermometer(how)), torch.randn(3, 5, 6, 7), loader)
    levels = [node for node in graph.nodes if isinstance(node, ir.LevelSets)]
    assert sum(node.values.size for node in levels[1:]) == 4 * 8
    assert graph.nodes[-1].groups == 4


@pytest.mark.parametrize("seed", range(6))
def test_levels_are_exact(seed: int, loader: str) -> None:
    """Batch normalisations that catch wrong folds, in front of a sign of floats: tried on the neighbours of
    every level."""
    if loader == "runtime":
        pytest.skip("nothing runs here but torch")
    rng = np.random.default_rng(seed)
    norm = awkward_norm(nn.BatchNorm2d(40), rng)
    network = nn.Sequential(norm, bnn.RSign(40), bnn.BinaryConv2d(40, 1, 1, input_quantizer=None)).eval()
    with torch.no_grad():
        network[1].shift.bias.copy_(torch.from_numpy(rng.choice([0, 1, -0.3, 1e-30], 40)))
    *_, graph = lowered(network, torch.randn(2, 40, 1, 1))
    levels = graph.nodes[0].values[:, 0]
    x = np.stack([np.nextafter(levels, np.float32(-3e38)), levels, np.nextafter(levels, np.float32(3e38))])
    x = np.concatenate([x, rng.normal(size=(50, 40)) * 3, np.zeros((1, 40))]).astype(np.float32)
    image = torch.from_numpy(np.clip(x, -3.4e38, 3.4e38))[:, :, None, None]
    with torch.no_grad():
        expected = network[:2](image)[:, :, 0, 0].numpy() > 0
    got = image[:, :, 0, 0].numpy() >= levels
    flips = (expected != got).any(0)
    np.testing.assert_array_equal(expected[:, flips], ~got[:, flips])  # complemented, or equal throughout


def test_several_readers_share_one_stream_of_sums() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = bnn.BinaryConv2d(4, 6, 3)
            self.norms = nn.ModuleList([nn.BatchNorm2d(6), nn.BatchNorm2d(6)])
            self.readers = nn.ModuleList([bnn.BinaryConv2d(6, 3, 1), bnn.BinaryConv2d(6, 3, 1)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            sums = self.conv(x)
            a, b = (r(n(sums)) for r, n in zip(self.readers, self.norms, strict=True))
            return a + b

    torch.manual_seed(0)
    graph, report = compared(drawn(Fork()), torch.randn(4, 4, 7, 7), "oracle")
    ops = [node.op for node in graph.nodes]
    assert ops.count("count_conv2d") == 3
    assert ops.count("level_sets") == 3
    assert not report.floats
    assert report.end_to_end is None


def test_bytes_meet_small_integers(loader: str) -> None:
    """uint8 images and binary weights: integer sums, and thresholds of these."""
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.where(conv.weight >= 0, 1.0, -1.0))

    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.next = conv, nn.BatchNorm2d(8), bnn.BinaryConv2d(8, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.next(self.norm(self.conv(x.float())))

    x = torch.randint(0, 256, (3, 3, 9, 9), dtype=torch.uint8)
    network = drawn(First())
    network.norm.running_mean.mul_(300).round_()
    graph, report = compared(network, x, loader)
    assert [node.op for node in graph.nodes][:2] == ["pixel_conv2d", "level_sets"]
    assert not report.floats


class Scaled(nn.Module):
    """A first layer over scaled bytes; ``how`` they are scaled, and what surrounds them."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        padding = 0 if how == "deviations" else 1
        value = -1 if how == "minus one outside" else 0
        self.conv = bnn.BinaryConv2d(3, 8, 3, padding=padding, pad_value=value, input_quantizer=None)
        self.norm, self.next = nn.BatchNorm2d(8), bnn.BinaryConv2d(8, 4, 3)
        self.scale = nn.Parameter(torch.rand(8, 1, 1) + 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        if self.how in ("unit", "scaled weights", "bias"):
            x = x / 255
        elif self.how in ("half", "minus one outside"):
            x = 2 * (x / 255) - 1
        elif self.how == "whole":
            x = (x - 128) / 128
        else:
            x = (x / 255 - 0.1307) / 0.3081
        y = self.conv(x)
        y = y * self.scale if self.how == "scaled weights" else y + 0.3 if self.how == "bias" else y
        return self.next(self.norm(y))


@pytest.mark.parametrize(
    "how",
    [
        "unit",
        "half",
        "minus one outside",
        "whole",
        "deviations",
        "scaled weights",
        "bias",
        "padded deviations",
    ],
)
def test_scaled_bytes_are_summed_as_integers(how: str, loader: str) -> None:
    """x / 255 and the like in front of binary weights: integer sums and their thresholds; a border that is no
    number of bytes keeps its layer float."""
    torch.manual_seed(3)
    network = drawn(Scaled(how))
    network.norm.running_var.fill_(9)
    x = torch.randint(0, 256, (3, 3, 9, 9), dtype=torch.uint8)
    x[0], x[1, :, :5] = 127, 0  # where scaled pixels are smallest
    graph, report = compared(network, x, loader)
    assert max(check.share for check in report.floats) <= 1
    ops = [node.op for node in graph.nodes]
    assert ops[:2] == (
        ["pixel_conv2d", "level_sets"] if how != "padded deviations" else ["pixel_conv2d", "affine"]
    )
    assert ("conv2d" in ops) == (how == "padded deviations")


@pytest.mark.parametrize(
    ("tau", "phi", "density"), [(0.5, 0.5, 0.3), (-0.4, 0.1, 0.3), (1.0, 0.0, 0.5), (0.3, -0.7, 0.0)]
)
def test_two_values(tau: float, phi: float, density: float, loader: str) -> None:
    """beta = 0, alpha < beta, signs, and a filter without ones; borders of three kinds, and a dense layer."""
    torch.manual_seed(0)
    layers = [
        bnn.BinaryConv2d(
            5, 7, 3, stride, 1, groups=groups, pad_value=pad, weight_quantizer=bnn.TwoValue(density)
        )
        for stride, groups, pad in ((1, 1, 0), (2, 7, -1), (1, 1, "replicate"))
        for _ in [0]
        if groups == 1
    ]
    layers[1] = bnn.BinaryConv2d(7, 7, 3, 2, 1, groups=7, pad_value=0, weight_quantizer=bnn.TwoValue(density))
    network = nn.Sequential(
        nn.BatchNorm2d(5), layers[0], nn.BatchNorm2d(7), layers[1], nn.Flatten(),
        bnn.BinaryLinear(63, 9, weight_quantizer=bnn.TwoValue(density)), nn.BatchNorm1d(9),
    )  # fmt: skip
    for module in network.modules():
        if isinstance(module, bnn.TwoValue):
            nn.init.constant_(module.tau, tau)
            nn.init.constant_(module.phi, phi)
    graph, _ = compared(drawn(network), torch.randn(3, 5, 5, 5), loader)
    assert sum(isinstance(node, ir.TwoValueConv2d) for node in graph.nodes) == 3
    # Falling signs are those of negated streams: no complement has to be undone.
    assert not any(isinstance(node, ir.ThresholdConv2d) for node in graph.nodes)
