"""Sign networks through the exporter: packed equals torch on every bit, ties and borders included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sign_networks import (
    PADS,
    OracleRun,
    assert_equal,
    awkward_norm,
    bits,
    every_pattern,
    lowered,
    random_sign_network,
    redraw,
)
from torch import nn

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export import closed_form, export, verify
from binmorph.export.lower import lower
from binmorph.export.trace import trace
from binmorph.export.verification import compare, random_inputs

REDRAWS = 6


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int, loader: str) -> None:
    """Each architecture is traced once and drawn again and again: 240 networks."""
    rng = np.random.default_rng(seed)
    network, x = random_sign_network(rng)
    traced = trace(network, x)
    for number in range(1 if loader == "oracle" else REDRAWS):
        if number:
            redraw(network, rng)
        result = lower(traced)
        graph = result.graph
        assert graph is not None, [str(p) for p in result.problems]
        if loader == "oracle":
            model: Any = OracleRun(graph)
        else:
            from binmorph.runtime import PackedModel

            model = PackedModel(graph, threads=1)
        inputs = torch.cat([x, random_inputs(graph, rng, 9)])
        report = compare(traced, result, "", inputs, load=lambda *_, model=model: model)
        assert report.equal, f"architecture {seed}, draw {number}\n{network}\n{report}"


def test_a_tie_counts_as_plus_one() -> None:
    """Integer mean, beta 0: the sum meets the mean exactly, and the margin says so."""
    norm = nn.BatchNorm1d(8, eps=0)  # so that the scale is gamma itself, and products with it are exact
    network = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryLinear(7, 8), norm, bnn.STESign())
    with torch.no_grad():
        network[2].running_mean.copy_(torch.tensor([-7.0, -3, -1, 1, 3, 5, 7, 2]))
        network[2].weight.copy_(torch.tensor([1.0, -1, 1, -0.25, 2.0**-99, -2, 1, 1]))
    graph = assert_equal(network, every_pattern(7))
    (node,) = (n for n in graph.nodes if isinstance(n, ir.ThresholdDense))
    # The first never falls below its mean; the last has its mean halfway between two sums, 1 and 3.
    assert node.neurons.status.tolist() == [ir.Status.CONSTANT] + [ir.Status.POPCOUNT] * 7
    assert node.neurons.margin.tolist() == [1, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("seed", range(12))
def test_every_input_of_a_dense_layer(seed: int) -> None:
    """All 2^9 inputs reach every sum, so T - 1, T and T + 1 of every channel."""
    rng = np.random.default_rng(seed)
    network = nn.Sequential(
        bnn.BitsToSigns(), bnn.BinaryLinear(9, 40), nn.BatchNorm1d(40), nn.PReLU(), bnn.STESign()
    )
    redraw(network, rng)
    graph = assert_equal(network, every_pattern(9))
    (node,) = (n for n in graph.nodes if isinstance(n, ir.ThresholdDense))
    assert set(node.neurons.status.tolist()) <= {ir.Status.CONSTANT, ir.Status.POPCOUNT}
    assert node.neurons.margin.min() >= 0


@pytest.mark.parametrize("pad_value", PADS)
def test_every_input_of_a_padded_convolution(pad_value: Any) -> None:
    """All 2^12 images of 3 x 4 pixels: every border class reaches all of its sums."""
    rng = np.random.default_rng(7)
    network = nn.Sequential(
        bnn.BitsToSigns(), bnn.BinaryConv2d(1, 24, 3, padding=1, pad_value=pad_value), nn.BatchNorm2d(24),
        bnn.STESign(),
    )  # fmt: skip
    redraw(network, rng)
    graph = assert_equal(network, every_pattern(12).view(-1, 1, 3, 4))
    (node,) = (n for n in graph.nodes if isinstance(n, ir.ThresholdConv2d))
    assert node.border == {-1: "zeros", 0: "zeros", 1: "ones", "replicate": "replicate"}[pad_value]
    assert len(node.offset) == (9 if pad_value == 0 else 1)  # only a true zero needs border classes


def test_pooling_in_front_of_a_falling_function() -> None:
    """Max-pool, then batch normalisation with gamma < 0: an AND of bits, read complemented by what
    follows."""
    rng = np.random.default_rng(3)
    for pad_value in PADS:
        network = nn.Sequential(
            bnn.BitsToSigns(), bnn.BinaryConv2d(2, 33, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(33),
            bnn.BinaryConv2d(33, 6, 3, padding=1, groups=3, pad_value=pad_value), nn.BatchNorm2d(6),
            nn.MaxPool2d(2, stride=1), nn.Hardtanh(), nn.MaxPool2d(2, stride=1), nn.Flatten(),
            bnn.STESign(), nn.Linear(6, 3),
        )  # fmt: skip
        redraw(network, rng)
        with torch.no_grad():
            network[3].weight.copy_(-network[3].weight.abs() - 0.1)
        graph = assert_equal(network, bits(rng, 8, 2, 6, 6))
        assert not any(n.name.endswith("complement") for n in graph.nodes)


def test_a_complement_that_nobody_can_take_over_is_undone() -> None:
    rng = np.random.default_rng(1)
    network = nn.Sequential(
        bnn.BitsToSigns(), bnn.BinaryConv2d(2, 5, 2), nn.MaxPool2d(2, 1), nn.BatchNorm2d(5),
        nn.MaxPool2d(2, 1), bnn.STESign(),
    )  # fmt: skip
    redraw(network, rng)
    with torch.no_grad():
        network[3].weight.copy_(torch.tensor([-1.0, 1.0, -0.5, 0.5, -2.0]))
        network[3].running_var.fill_(1.0)
        network[3].running_mean.fill_(1.0)
    graph = assert_equal(network, bits(rng, 9, 2, 6, 6))
    assert [n.op for n in graph.nodes][2:] == [
        "max_pool", "threshold_conv2d", "max_pool",
    ]  # fmt: skip
    assert graph.type_of(graph.output).shape == (5, 3, 3)


def test_thresholds_equal_the_closed_form() -> None:
    """Batch normalisation alone has an exact closed form, a x + b >= 0 with torch's own a and b; both
    agree."""
    rng = np.random.default_rng(0)
    inputs, outputs = 101, 400
    layer, norm = bnn.BinaryLinear(inputs, outputs), nn.BatchNorm1d(outputs)
    network = nn.Sequential(bnn.BitsToSigns(), layer, norm, bnn.STESign())
    redraw(network, rng)
    network.eval()
    *_, graph = lowered(network, bits(rng, 3, inputs))
    (node,) = (n for n in graph.nodes if isinstance(n, ir.ThresholdDense))
    with torch.no_grad():
        b = norm(torch.zeros(1, outputs))[0].double().numpy()
        norm.running_mean.zero_(), norm.bias.zero_()
        a = norm(torch.ones(1, outputs))[0].double().numpy()
    sums = np.arange(-inputs, inputs + 1, 2)
    expected = a * sums[:, None] + b >= 0  # exact in float64: 24 + 24 bits, and the sign of a rounded sum
    count = (sums[:, None] + np.sign(layer.binary_weight.detach().numpy()).sum(1)) // 2
    got = (count >= node.neurons.threshold) ^ node.neurons.invert
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("stream", ["bits", "sums", "floats"])
def test_every_export_holds_thresholds_against_the_closed_form(stream: str) -> None:
    """Behind bits, behind sums with two readers, behind a float convolution."""
    rng = np.random.default_rng(3)
    first = nn.Conv2d(2, 64, 3) if stream == "floats" else bnn.BinaryConv2d(2, 64, 3, padding=1)
    network = nn.Sequential(first, nn.BatchNorm2d(64), bnn.BinaryConv2d(64, 4, 3)).eval()
    awkward_norm(network[1], rng)
    x = torch.randn(2, 2, 6, 6)
    closed = lowered(Twice(network).eval() if stream == "sums" else network, x)[1].closed_forms
    assert closed == {"channels": 128 if stream == "sums" else 64, "apart": 0}


class Twice(nn.Module):
    """A network whose first sums are read twice, by two normalisations."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.network, self.norm = network, awkward_norm(nn.BatchNorm2d(64), np.random.default_rng(4))
        self.last = bnn.BinaryConv2d(64, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sums = self.network[0](x)
        return self.network[2](self.network[1](sums)) + self.last(self.norm(sums))


def test_closed_form() -> None:
    a, b = np.float32([1, -0.5, 0, 0, 3]), np.float32([0.3, 0.5, -0.0, -1, 1e9])
    low, high = np.full(5, -9), np.full(5, 9)
    at, flip = closed_form.fold(a, b, low, high)
    assert at.tolist() == [0, 2, -9, 10, -9]
    assert flip.tolist() == [False, True, False, False, False]


def test_a_trained_classifier_exports_bit_for_bit(target: Path) -> None:
    pytest.importorskip("sklearn")
    from binmorph.nn import recipes

    data = recipes.load_digits()
    torch.manual_seed(0)
    network = bnn.BinaryMLP(bnn.LevelSets.from_quantiles(data.x_train, 3), (1, 8, 8), 10, (256,))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(10):
        for chosen in torch.randperm(len(data.x_train)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(data.x_train[chosen]), data.y_train[chosen]).backward()
            optimizer.step()
    network.eval()
    assert recipes.accuracy(network, data.x_test, data.y_test) > 0.9
    export(network, data.x_test[:5], target)
    report = verify(network, target, data.x_test)
    assert report.equal
    assert report.output.argmax_agreements == len(data.x_test)
