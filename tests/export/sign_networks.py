"""Random sign networks that look for trouble: ties, dead and huge channels, pools in front of falling
functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from oracle import evaluate
from torch import nn

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export.lower import Lowered, lower
from binmorph.export.trace import Traced, trace
from binmorph.export.verification import compare

PADS: tuple[Any, ...] = (-1, 0, 1, "replicate")


def awkward_norm(norm: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Batch statistics and parameters drawn per channel from the cases that catch wrong folds."""
    n = norm.num_features
    gamma = rng.choice([1.0, -1.0, 0.5, -0.7, 0.0, -0.0, 1e-30, -1e-30, 3e4], n)
    gamma = np.where(rng.random(n) < 0.4, rng.normal(size=n), gamma)
    beta = rng.choice([0.0, -0.0, 1.0, -1.0, 0.25], n)
    beta = np.where(rng.random(n) < 0.3, rng.normal(size=n), beta)
    mean = rng.integers(-6, 7, n).astype(float)  # integers: ties wherever beta is 0
    mean = np.where(rng.random(n) < 0.3, rng.normal(size=n) * 4, mean)
    var = rng.choice([0.0, 1.0, 1e12, 1e-12, 7.3], n)
    with torch.no_grad():
        norm.weight.copy_(torch.from_numpy(gamma))
        norm.bias.copy_(torch.from_numpy(beta))
        norm.running_mean.copy_(torch.from_numpy(mean))
        norm.running_var.copy_(torch.from_numpy(var))
    return norm


def redraw(network: nn.Module, rng: np.random.Generator) -> None:
    """New latent weights (some of them exactly 0), biases, slopes and statistics in place."""
    for module in network.modules():
        if isinstance(module, bnn.binary.BinaryLayer):
            weight = rng.normal(size=tuple(module.weight.shape)).round(1)
            weight[0] = np.abs(weight[0]) * rng.choice([-1, 1])  # an all-equal filter
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(weight))
                if module.bias is not None:
                    module.bias.copy_(torch.from_numpy(rng.choice([0.0, 1.0, -0.3], len(module.bias))))
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            awkward_norm(module, rng)
        elif isinstance(module, nn.PReLU):
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(rng.random(len(module.weight)) + 0.01))


def _behind(rng: np.random.Generator, channels: int, size: list[int], flat: bool) -> list[nn.Module]:
    """Up to four operators between a sum and the next sign, with at most one pool; ``size`` shrinks with
    it."""
    layers: list[nn.Module] = []
    pooled = flat
    for _ in range(int(rng.integers(0, 5))):
        kind = rng.integers(0, 8)
        if kind <= 2:
            layers.append(nn.BatchNorm1d(channels) if flat else nn.BatchNorm2d(channels))
        elif kind == 3:
            layers.append(nn.PReLU(int(rng.choice([1, channels]))))
        elif kind == 4:
            layers.append(nn.Hardtanh(inplace=bool(rng.integers(0, 2))))
        elif kind == 5:
            layers.append(nn.LeakyReLU(0.1))
        elif kind == 6:
            layers.append(nn.Dropout(0.5))
        elif not pooled and min(size) >= 3:
            pooled = True
            step = int(rng.integers(1, 3))
            layers.append(nn.MaxPool2d(2, stride=step))
            size[:] = [(s - 2) // step + 1 for s in size]
    return layers


def random_sign_network(rng: np.random.Generator) -> tuple[nn.Module, torch.Tensor]:
    """A network of one to three binary convolutions and up to two dense layers, and an example input."""
    channels, size = int(rng.integers(1, 6)), [int(rng.integers(3, 9)), int(rng.integers(3, 9))]
    shape = (3, channels, *size)
    layers: list[nn.Module] = []
    if rng.random() < 0.4:
        x = torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        if rng.random() < 0.5:
            layers += [bnn.LevelSets(torch.from_numpy(rng.normal(size=(channels, 2)).astype(np.float32)))]
            layers += [bnn.BitsToSigns()]
            channels *= 2
    else:
        x = torch.from_numpy(rng.integers(0, 2, shape).astype(np.float32))
        x[0, 0, 0, 0], x[-1, -1, -1, -1] = 0, 1
        layers.append(bnn.BitsToSigns())
    for _ in range(int(rng.integers(1, 4))):
        groups = int(rng.choice([g for g in (1, 1, 2, 3) if channels % g == 0]))
        out = groups * int(rng.integers(1, 5))
        padding = (int(rng.integers(0, 3)), int(rng.integers(0, 3)))
        dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        room = [(s + 2 * p - 1) // d + 1 for s, p, d in zip(size, padding, dilation, strict=True)]
        kernel = (int(rng.integers(1, min(3, room[0]) + 1)), int(rng.integers(1, min(3, room[1]) + 1)))
        pad = PADS[int(rng.integers(0, 4))]
        layers.append(
            bnn.BinaryConv2d(
                channels, out, kernel, stride, padding, dilation, groups, pad, bias=rng.random() < 0.3
            )
        )
        size = [
            (s + 2 * p - d * (k - 1) - 1) // t + 1
            for s, p, d, k, t in zip(size, padding, dilation, kernel, stride, strict=True)
        ]
        channels = out
        layers += _behind(rng, channels, size, False)
    if rng.random() < 0.3:
        layers.append(bnn.STESign())
    else:
        layers.append(nn.Flatten())
        features = channels * size[0] * size[1]
        if rng.random() < 0.7:
            hidden = int(rng.integers(1, 12))
            layers += [bnn.BinaryLinear(features, hidden, bias=rng.random() < 0.3)]
            layers += _behind(rng, hidden, size, True)
            features = hidden
        last = bnn.BinaryLinear(features, 4)
        layers += [last, nn.BatchNorm1d(4)] if rng.random() < 0.4 else [bnn.STESign(), nn.Linear(features, 4)]
    network = nn.Sequential(*layers)
    redraw(network, rng)
    return network.eval(), x


class OracleRun:
    """A graph run by the oracle."""

    isa = "oracle"

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph

    def trace(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return evaluate(self.graph, x)


def lowered(network: nn.Module, x: torch.Tensor) -> tuple[Traced, Lowered, ir.Graph]:
    traced = trace(network, x)
    result = lower(traced)
    assert result.graph is not None, [str(p) for p in result.problems]
    return traced, result, result.graph


def assert_equal(network: nn.Module, x: torch.Tensor) -> ir.Graph:
    """Every packed layer equals torch on ``x``, in the oracle."""
    traced, result, graph = lowered(network.eval(), x)
    report = compare(traced, result, "", x, load=lambda *_: OracleRun(graph))
    assert report.equal, str(report)
    return graph


def bits(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    x = torch.from_numpy(rng.integers(0, 2, shape).astype(np.float32))
    x.view(-1)[0], x.view(-1)[-1] = 0, 1
    return x


def every_pattern(n: int) -> torch.Tensor:
    """All 2^n rows of n bits."""
    return ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).float()
