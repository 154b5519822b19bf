"""Convolutions of threshold neurons: packed equals the oracle, whatever surrounds them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import assert_same_graph, random_graph, random_input, random_neurons
from oracle_streams import taps_inside
from runtime_testing import assert_equals_oracle, every_isa

from binmorph import BitArray, ir
from binmorph.errors import FormatError, ShapeError
from binmorph.format import dumps, loads
from binmorph.runtime import PackedModel


def conv_graph(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    outputs: int,
    kernel: tuple[int, int] = (3, 3),
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (1, 1),
    groups: int = 1,
    border: str = "zeros",
    offset: np.ndarray | None = None,
) -> ir.Graph:
    neurons = random_neurons(rng, (outputs,), shape[0] // groups * kernel[0] * kernel[1])
    offset = np.zeros((1, outputs), np.int32) if offset is None else offset
    conv = ir.ThresholdConv2d(
        "conv", "pack", kernel, stride, dilation, padding, groups, border, neurons, offset
    )
    return ir.Graph(ir.InputSpec("uint8", shape), (ir.PackBinary("pack", "input"), conv), "conv")


@every_isa
@pytest.mark.parametrize("seed", range(25))
def test_random_graphs_with_convolutions(isa: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, convolutions=True, channels=(4, 9, 70)[seed % 3], side=(6, 12, 17)[seed % 3])
    x = random_input(rng, graph, 2)
    assert_equals_oracle(PackedModel(graph, threads=1 + seed % 2, isa=isa), x)
    assert_same_graph(graph, loads(dumps(graph)))


@every_isa
@pytest.mark.parametrize("border", ["zeros", "ones", "replicate"])
@pytest.mark.parametrize(
    ("shape", "outputs", "options"),
    [
        ((64, 7, 7), 64, {}),
        ((128, 5, 6), 65, {"stride": (2, 1)}),
        ((1, 70, 3), 3, {"padding": (0, 2)}),
        ((33, 6, 65), 10, {"dilation": (2, 3), "padding": (2, 3)}),
        ((12, 9, 9), 6, {"groups": 3, "kernel": (2, 4), "stride": (3, 2)}),
        ((5, 1, 1), 130, {}),
        ((256, 3, 3), 8, {"kernel": (1, 1), "padding": (0, 0)}),
        ((64, 16, 16), 256, {}),
    ],
)
def test_shapes(isa: str, border: str, shape: tuple[int, int, int], outputs: int, options: dict) -> None:
    rng = np.random.default_rng(outputs)
    graph = conv_graph(rng, shape, outputs, border=border, **options)
    assert_equals_oracle(PackedModel(graph, threads=2, isa=isa), random_input(rng, graph, 2))


@every_isa
def test_true_zero_padding_of_signs_by_border_classes(isa: str) -> None:
    """+-1 data with 0 outside, in float: sum of w x >= t, against bits with thresholds per border class."""
    rng = np.random.default_rng(5)
    channels, outputs, side = 20, 12, 6
    sign = rng.integers(0, 2, (outputs, channels, 3, 3)) * 2 - 1
    t = rng.integers(-20, 20, outputs)
    x = rng.integers(0, 2, (3, channels, side, side)).astype(np.uint8)
    padded = np.pad(2 * x.astype(np.int64) - 1, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    expected = np.einsum("nchwij,ocij->nohw", windows, sign) >= t[:, None, None]

    # sum w x = 2 (P+ - P-) - sum of w inside, so P+ - P- >= ceil((t + sum of w inside) / 2).
    rows = [np.array(taps) for taps in dict.fromkeys(taps_inside(side, 3, 1, 1, 1))]
    inside = np.array([[(sign * (r[:, None] & c)).sum((1, 2, 3)) for c in rows] for r in rows])
    classes = -(-(t + inside.reshape(-1, outputs)) // 2)
    plus = (sign == 1).reshape(outputs, -1)
    base = np.clip(classes[0], -(~plus).sum(-1), plus.sum(-1) + 1).astype(np.int32)
    neurons = random_neurons(rng, (outputs,), channels * 9)
    neurons = replace(neurons, plus=plus, minus=~plus, threshold=base, invert=np.zeros(outputs, np.bool_))
    conv = ir.ThresholdConv2d(
        "conv", "pack", (3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros", neurons, (classes - base).astype(np.int32)
    )
    graph = ir.Graph(
        ir.InputSpec("uint8", (channels, side, side)), (ir.PackBinary("pack", "input"), conv), "conv"
    )
    np.testing.assert_array_equal(PackedModel(graph, threads=1, isa=isa)(x), expected)


def test_a_chain_stays_channel_packed() -> None:
    """No repacking: the input is packed as the first layer reads it, the output handed over as it lies."""
    rng = np.random.default_rng(0)
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    for i in range(3):
        neurons = random_neurons(rng, (24,), 24 * 9)
        offset = np.zeros((1, 24), np.int32)
        nodes.append(
            ir.ThresholdConv2d(
                f"c{i}", nodes[-1].name, (3, 3), (1, 1), (1, 1), (1, 1), 1, "ones", neurons, offset
            )
        )
    nodes.append(ir.MaxPool("pool", "c2", (2, 2), (2, 2)))
    graph = ir.Graph(ir.InputSpec("uint8", (24, 8, 8)), tuple(nodes), "pool")
    model = PackedModel(graph, threads=1)
    ops = [step.op for step in model.plan().layouts[0].steps]
    assert ops == ["pack_binary", *["threshold_conv2d"] * 3, "max_pool"]
    x = random_input(rng, graph, 3)
    assert_equals_oracle(model, x)
    assert np.array_equal(model(BitArray.pack(x)).unpack(), model(x))


def test_a_value_is_repacked_once() -> None:
    """Windows of gates read rows, convolutions channels; in turn, they find either where it lies."""
    rng = np.random.default_rng(1)
    start = conv_graph(rng, (3, 8, 9), 2)
    nodes, ends = list(start.nodes[:1]), []
    for i in range(2):
        nodes.append(replace(start.nodes[1], name=f"conv{i}"))
        gates = random_neurons(rng, (2, 3), 9), random_neurons(rng, (2,), 3)
        nodes.append(ir.Bisel(f"gates{i}", "pack", (3, 3), "zeros", *gates))
        ends += [f"conv{i}", f"gates{i}"]
    nodes.append(ir.Concat("all", ends[0], tuple(ends[1:])))
    graph = ir.Graph(start.input, tuple(nodes), "all")
    model = PackedModel(graph, threads=1)
    steps = [(step.node, step.op) for step in model.plan().layouts[0].steps]
    assert steps.count(("pack", "repack")) == 1
    assert_equals_oracle(model, random_input(rng, graph, 3))


def test_refusals() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(FormatError, match="one image at a time"):
        PackedModel(conv_graph(rng, (4, 5, 5), 4), layout="batch-sliced")
    with pytest.raises(ShapeError, match="groups"):
        conv_graph(rng, (4, 5, 5), 5, groups=2)
    with pytest.raises(ShapeError, match="does not fit"):
        conv_graph(rng, (4, 2, 2), 4, (5, 5), padding=(1, 1))
    with pytest.raises(FormatError, match="border"):
        conv_graph(rng, (4, 5, 5), 4, border="valid")
    with pytest.raises(ShapeError, match="classes"):
        conv_graph(rng, (4, 5, 5), 4, offset=np.zeros((2, 4), np.int32))
    with pytest.raises(FormatError, match="outside"):
        conv_graph(rng, (4, 5, 5), 4, offset=np.full((1, 4), 1000, np.int32))
