"""Networks that catch the known mistakes of folding a binary network, one by one; each is compared with torch
on every bit, then layer by layer at its thresholds and borders, in the packed runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sign_networks import awkward_norm, bits, every_pattern, lowered
from torch import nn

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export.probes import probe
from binmorph.export.verification import compare, random_inputs


@pytest.fixture
def check(loader: str) -> Any:
    """Compares a network with its packed form; the graph."""
    if loader == "oracle":
        pytest.skip("the runtime is what is tried here")
    from binmorph.runtime import PackedModel

    def run(graph: ir.Graph, x: Any) -> Any:
        return PackedModel(graph, threads=1).trace(x)

    def compared(network: nn.Module, x: torch.Tensor) -> ir.Graph:
        traced, result, graph = lowered(network.eval(), x)
        inputs = torch.cat([x, random_inputs(graph, np.random.default_rng(0), 7)])
        model = PackedModel(graph, threads=1)
        report = compare(traced, result, "", inputs, load=lambda *_: model)
        assert report.equal, str(report)
        found = probe(traced, result, graph, run)
        assert all(p.mismatched == 0 for p in found), found
        return graph

    return compared


def norm_of(gamma: Any, beta: Any, mean: Any, var: Any, eps: float = 1e-5) -> nn.BatchNorm2d:
    columns = np.broadcast_arrays(*(np.asarray(a, np.float32) for a in (gamma, beta, mean, var)))
    norm = nn.BatchNorm2d(columns[0].size, eps=eps)
    with torch.no_grad():
        targets = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        for target, values in zip(targets, columns, strict=True):
            target.copy_(torch.from_numpy(values.reshape(-1).copy()))
    return norm


def behind_a_convolution(norm: nn.Module, inputs: int = 7, **options: Any) -> nn.Sequential:
    torch.manual_seed(0)
    conv = bnn.BinaryConv2d(inputs, norm.num_features, **{"kernel_size": 3, "padding": 1, **options})
    return nn.Sequential(bnn.BitsToSigns(), conv, norm, bnn.STESign())


GRID = np.stack(np.meshgrid([1.0, -1.0, 0.3, -2.5], [-9.0, -3, -1, 0, 1, 3, 9, 62, 63, 64]), -1).reshape(
    -1, 2
)


@pytest.mark.parametrize("eps", [0.0, 1e-5])
@pytest.mark.parametrize("pad_value", [-1, 0])
def test_ties(check: Any, eps: float, pad_value: int) -> None:
    """beta 0, an integer mean, gamma of both signs: the sum meets the threshold exactly."""
    norm = norm_of(GRID[:, 0], 0.0, GRID[:, 1], 1.0, eps)
    check(behind_a_convolution(norm, pad_value=pad_value), bits(np.random.default_rng(0), 3, 7, 5, 6))


def test_no_slope(check: Any) -> None:
    """gamma of both zeros, beta of either sign and both zeros: constants, sign(0) = sign(-0) = +1."""
    gamma, beta = np.meshgrid([0.0, -0.0], [1.0, -1.0, 0.0, -0.0])
    norm = norm_of(gamma, beta, 3.0, 2.0)
    graph = check(behind_a_convolution(norm), bits(np.random.default_rng(0), 3, 7, 5, 6))
    status = graph.nodes[-1].neurons.status
    assert (status == ir.Status.CONSTANT).all()


@pytest.mark.parametrize(("gamma", "var"), [(1, 0), (-1, 0), (1, 1e12), (-1, 1e12), (1e-30, 1), (-1e-30, 1)])
@pytest.mark.parametrize("beta", [0.0, 1e-3, -1.0])
def test_extreme_scales(check: Any, gamma: float, var: float, beta: float) -> None:
    """No variance but eps, a huge one, a slope so small that the threshold lies outside [-K, K]."""
    norm = norm_of(gamma, beta, np.arange(-8.0, 9), var)
    check(behind_a_convolution(norm), bits(np.random.default_rng(0), 3, 7, 5, 6))


@pytest.mark.parametrize("inputs", [1, 31, 32, 33, 63, 64, 65, 129])
def test_tails_of_words(check: Any, inputs: int) -> None:
    """K that is no multiple of a word, behind a convolution and in a dense layer."""
    torch.manual_seed(inputs)
    norm = awkward_norm(nn.BatchNorm2d(inputs), np.random.default_rng(1))
    dense = nn.Sequential(
        bnn.BinaryConv2d(inputs, inputs, 3, padding=1), norm, nn.Flatten(),
        bnn.BinaryLinear(inputs * 6, 5), nn.BatchNorm1d(5), bnn.STESign(),
    )  # fmt: skip
    check(nn.Sequential(bnn.BitsToSigns(), dense), bits(np.random.default_rng(0), 3, inputs, 2, 3))


@pytest.mark.parametrize(
    "geometry",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 5, "padding": 2},
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": 3, "padding": 4, "dilation": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("pad_value", [-1, 0, 1, "replicate"])
def test_geometries(check: Any, geometry: dict[str, int], pad_value: Any) -> None:
    """33 channels; images larger than the window, and so small that every pixel is a border pixel."""
    norm = awkward_norm(nn.BatchNorm2d(9), np.random.default_rng(2))
    network = behind_a_convolution(norm, 33, padding=geometry.get("padding", 0), pad_value=pad_value, **{
        k: v for k, v in geometry.items() if k != "padding"
    })  # fmt: skip
    for size in ((11, 12), (3, 2)):
        x = bits(np.random.default_rng(0), 3, 33, *size)
        graph = check(network, x)
        conv = next(n for n in graph.nodes if isinstance(n, ir.ThresholdConv2d))
        outside = {1: "ones", "replicate": "replicate"}.get(pad_value, "zeros")
        assert conv.border == (outside if conv.padding != (0, 0) else "zeros")


def test_signed_zeros_and_nan(check: Any) -> None:
    """-0.0 is +1, as +0.0 is; NaN is -1."""
    x = (
        torch.tensor([0.0, -0.0, torch.nan, 1e-45, -1e-45, 3.0])
        .view(1, 6, 1, 1)
        .expand(1, 6, 2, 2)
        .contiguous()
    )
    network = nn.Sequential(bnn.BinaryConv2d(6, 9, 1), nn.BatchNorm2d(9), bnn.STESign())
    check(network, x)
    assert bnn.STESign()(x)[0, :, 0, 0].tolist() == [1, 1, -1, 1, -1, 1]


def test_latent_zeros_and_even_filters(check: Any) -> None:
    """A latent weight of exactly 0 counts as +1; filters that are +1 or -1 throughout."""
    network = behind_a_convolution(nn.BatchNorm2d(8))
    with torch.no_grad():
        network[1].weight[0, :, 1, 1] = 0.0
        network[1].weight[1] = -0.0
        network[1].weight[2], network[1].weight[3] = 1.0, -1.0
    graph = check(network, bits(np.random.default_rng(0), 3, 7, 5, 6))
    neurons = graph.nodes[-1].neurons
    assert neurons.plus[1].all()
    assert neurons.plus[2].all()
    assert neurons.minus[3].all()


@pytest.mark.parametrize(
    ("tau", "phi"), [(0.5, 0.5), (-0.4, 0.1), (-0.5, -0.5), (0.3, -0.7), (0.0, 0.2)], ids=str
)
@pytest.mark.parametrize("density", [0.0, 0.3])
def test_two_values(check: Any, tau: float, phi: float, density: float) -> None:
    """beta 0; alpha < beta, the roles swapped; a negative tau; both values equal; filters without any one."""
    torch.manual_seed(0)
    conv = bnn.BinaryConv2d(33, 7, 3, padding=1, pad_value=0, weight_quantizer=bnn.TwoValue(density))
    nn.init.constant_(conv.weight_quantizer.tau, tau)
    nn.init.constant_(conv.weight_quantizer.phi, phi)
    norm = norm_of(np.array([1.0, -1, 0, 0.5, -0.5, 2, -2]), 0.0, np.arange(-3.0, 4), 1.0)
    graph = check(
        nn.Sequential(bnn.BitsToSigns(), conv, norm, bnn.STESign()),
        bits(np.random.default_rng(0), 3, 33, 4, 5),
    )
    two_value = next(n for n in graph.nodes if isinstance(n, ir.TwoValueConv2d))
    assert two_value.plus_weights.any() == (density > 0)


def test_pooling_in_front_of_falling_normalisation(check: Any) -> None:
    """max-pool, then gamma < 0: an AND of the bits."""
    norm = norm_of(np.array([-1.0, 1, -0.3, 0.3, -0.0, -1e-30]), np.array([0.0, 0, 1, -1, 0, 0]), 1.0, 1.0)
    network = nn.Sequential(
        bnn.BitsToSigns(), bnn.BinaryConv2d(7, 6, 3, padding=1), nn.MaxPool2d(2), norm,
        bnn.BinaryConv2d(6, 3, 3, padding=1), nn.BatchNorm2d(3), bnn.STESign(),
    )  # fmt: skip
    check(network, bits(np.random.default_rng(0), 3, 7, 7, 8))


@pytest.mark.parametrize("slope", [0.0, -0.0, 0.25, -0.5, -1.0])
@pytest.mark.parametrize("beta", [0.4, -0.4, 0.0])
def test_slopes(check: Any, slope: float, beta: float) -> None:
    """PReLU with slope 0 and below: no threshold any more where the map turns back."""
    prelu = nn.PReLU(init=slope)
    norm = norm_of(np.array([1.0, -1.0]), beta, 0.0, 1.0)
    network = nn.Sequential(bnn.BitsToSigns(), bnn.BinaryConv2d(1, 2, (2, 3)), prelu, norm, bnn.STESign())
    check(network, every_pattern(6).view(-1, 1, 2, 3))


class Joined(nn.Module):
    """Two convolutions over the same bits, their channels one after another: 33 + 5."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(bnn.BinaryConv2d(7, n, 3, padding=1) for n in (33, 5))
        self.norms = nn.ModuleList(awkward_norm(nn.BatchNorm2d(n), np.random.default_rng(n)) for n in (33, 5))
        self.sign, self.last = bnn.STESign(), bnn.BinaryConv2d(38, 9, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [self.sign(n(p(2 * x - 1))) for p, n in zip(self.parts, self.norms, strict=True)]
        return self.last(torch.cat(parts, 1))


def test_concatenation_of_parts_that_are_no_words(check: Any) -> None:
    torch.manual_seed(0)
    graph = check(Joined(), bits(np.random.default_rng(0), 3, 7, 5, 6))
    assert any(isinstance(n, ir.Concat) for n in graph.nodes)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 33, 257])
def test_batches(check: Any, batch: int) -> None:
    """One image, odd numbers of them, more than a slice of 256."""
    network = nn.Sequential(
        behind_a_convolution(awkward_norm(nn.BatchNorm2d(6), np.random.default_rng(0))),
        nn.Flatten(), bnn.BinaryLinear(6 * 12, 4), nn.BatchNorm1d(4),
    )  # fmt: skip
    check(network, bits(np.random.default_rng(batch), batch, 7, 3, 4))
