"""Inputs made against a layer: they reach the sums they should, and find errors that random inputs miss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from oracle import evaluate
from sign_networks import bits, lowered, random_sign_network, redraw
from stream_networks import drawn, published
from torch import nn

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export.adversarial import Windows, adversarial
from binmorph.export.probes import probe, runner


def in_oracle(graph: ir.Graph, x: Any) -> Any:
    return evaluate(graph, x)


@pytest.fixture(autouse=True)
def once(loader: str) -> None:
    if loader == "oracle":
        pytest.skip("each test says itself what runs")


def in_runtime(graph: ir.Graph, x: Any) -> Any:
    from binmorph.runtime import PackedModel

    return PackedModel(graph, threads=1).trace(x)


@pytest.mark.parametrize("border", ["zeros", "ones", "replicate"])
@pytest.mark.parametrize("top", [1, 255])
def test_every_wanted_sum_is_reached(border: str, top: int) -> None:
    """Stride, dilation and groups; bits and bytes; checked against sums worked out tap by tap."""
    rng = np.random.default_rng(top)
    weight = rng.integers(-1, 2, (6, 2 * 9))
    windows = Windows(weight, (6, 8, 7), top, (3, 3), (2, 1), (1, 2), (1, 2), 3, border)
    classes = windows.classes()
    turns = rng.integers(-2, 3, (len(classes), 6))
    x, hits = adversarial(windows, turns, 1000, rng)
    assert len(hits) == len(classes) * 6 * 3
    assert x.max() <= top
    padded = np.pad(
        x.astype(int), ((0, 0), (0, 0), (1, 1), (2, 2)), "edge" if border == "replicate" else "constant",
        **({} if border == "replicate" else {"constant_values": top * (border == "ones")}),
    )  # fmt: skip
    near = 0
    for image, output, y, column, reached in hits:
        patch = padded[image, output // 2 * 2 :, 2 * y : 2 * y + 3, column : column + 5 : 2][:2]
        if border != "ones" or top == 1:
            assert (patch.reshape(-1) * weight[output]).sum() == reached
        (c,) = (i for i, at in enumerate(classes) if (y, column) in at)
        near += abs(reached - turns[c, output]) <= 1
    assert near > 0.8 * len(hits)  # the others are out of reach for their window


def test_errors_of_one_are_found() -> None:
    """A threshold off by one, or in one border class alone, and a level one float32 further."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = nn.Sequential(
        bnn.BitsToSigns(),
        bnn.BinaryConv2d(40, 6, 3, padding=1, pad_value=0),
        nn.BatchNorm2d(6),
        bnn.STESign(),
    )
    drawn(network)
    traced, result, graph = lowered(network, bits(rng, 2, 40, 9, 9))
    (node,) = (n for n in graph.nodes if isinstance(n, ir.ThresholdConv2d))

    def probed(changed: ir.AnyNode) -> Any:
        nodes = tuple(changed if n.name == changed.name else n for n in graph.nodes)
        return probe(traced, result, ir.Graph(graph.input, nodes, graph.output), in_oracle)

    (right,) = probed(node)
    assert right.mismatched == 0
    assert right.targets == 9 * 6 * 3
    threshold = node.neurons.threshold.copy()
    threshold[3] += 1
    (wrong,) = probed(replace(node, neurons=replace(node.neurons, threshold=threshold)))
    assert wrong.mismatched >= 9
    offset = node.offset.copy()
    assert len(offset) == 9
    offset[2, 4] -= 1
    (wrong,) = probed(replace(node, offset=offset))
    assert wrong.border == 1
    assert 1 <= wrong.mismatched < 60

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = bnn.BinaryConv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.norm(self.conv(x)) + x
            return torch.where(y * 3 - 0.7 >= 0, 1.0, -1.0)

    traced, result, graph = lowered(drawn(Residual()), torch.randn(3, 4, 6, 6))
    *_, last = graph.nodes
    assert isinstance(last, ir.LevelSets)
    assert all(p.mismatched == 0 for p in probe(traced, result, graph, in_oracle))
    node, further = last, np.nextafter(last.values, np.float32(np.inf))
    wrong = probed(replace(last, values=further))[-1]
    assert (wrong.op, wrong.mismatched) == ("level_sets", 4)


@pytest.mark.parametrize("seed", range(8))
def test_random_networks(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    network, x = random_sign_network(rng)
    redraw(network, rng)
    traced, result, graph = lowered(network.eval(), x)
    found = probe(traced, result, graph, in_runtime)
    sums = [n for n in graph.nodes if isinstance(n, (ir.ThresholdConv2d, ir.ThresholdDense, ir.CountConv2d))]
    assert len(found) >= sum(n.name in result.readings for n in sums) > 0
    assert all(p.mismatched == 0 for p in found), f"{network}\n{found}"


@pytest.mark.parametrize("name", ["resnete18", "resnet18_two_value", "reactnet18_norm_free", "meliusnet22"])
def test_networks_with_streams(name: str) -> None:
    torch.manual_seed(0)
    traced, result, graph = lowered(published(name), torch.randn(2, 3, 12, 12))
    found = probe(traced, result, graph, in_runtime)
    assert {p.op for p in found} & {"count_conv2d", "two_value_conv2d"}
    assert "level_sets" in {p.op for p in found}
    assert all(p.mismatched == 0 for p in found), found


def test_bytes_and_files(tmp_path: Any) -> None:
    """A first layer over bytes is driven to its thresholds; probes run through files, as in an export."""
    torch.manual_seed(0)

    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = bnn.BinaryConv2d(3, 8, 3, padding=1, pad_value=0, input_quantizer=None)
            self.norm, self.last = nn.BatchNorm2d(8), bnn.BinaryConv2d(8, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.norm(self.conv(x.float() / 255)))

    from binmorph import runtime

    network = drawn(First())
    traced, result, graph = lowered(network, torch.randint(0, 256, (2, 3, 7, 7), dtype=torch.uint8))
    found = probe(traced, result, graph, runner(lambda path: runtime.load(path, threads=1)))
    assert [p.op for p in found] == ["pixel_conv2d", "count_conv2d"]
    assert found[0].targets == 9 * 8 * 3
    assert all(p.mismatched == 0 for p in found)
