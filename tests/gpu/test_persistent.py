"""Layers of bits that follow one another run in one launch whose blocks stay and meet between layers."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_graph, random_input

from binmorph import ir
from binmorph.runtime import DeviceModel, PackedModel

CHAIN = "threshold_chain_u64_u64__cuda_mma"


def neurons(rng: np.random.Generator, outputs: int, inputs: int, kind: int) -> ir.Neurons:
    """Signs, ternary weights, or masks."""
    plus = rng.random((outputs, inputs)) < 0.5
    minus = [~plus, ~plus & (rng.random(plus.shape) < 0.5), np.zeros_like(plus)][kind]
    middle = (plus.sum(-1) - minus.sum(-1)) // 2
    return ir.Neurons(
        *(plus, minus, (middle + rng.integers(-2, 3, outputs)).astype(np.int32), rng.random(outputs) < 0.5),
        *(
            np.full(outputs, int(ir.Status.APPROXIMATED), np.uint8),
            np.full(outputs, np.nan),
            np.ones(outputs),
        ),
    )


def deep_network(rng: np.random.Generator, convolutions: int, dense: int) -> ir.Graph:
    """3x3, 1x1 and strided windows with more tiles than there are blocks, then dense layers."""
    channels, side = 70, 12
    spec = ir.InputSpec("uint8", (channels, side, side))
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    for i in range(convolutions):
        outputs, kernel, stride = int(rng.integers(40, 140)), (3, 1, 3)[i % 3], 2 if i == 2 else 1
        window = ((kernel,) * 2, (stride,) * 2, (1, 1), (kernel // 2,) * 2, 1, "zeros")
        classes = 9 if kernel == 3 and i % 3 == 0 else 1
        layer = neurons(rng, outputs, channels * kernel**2, i % 3)
        offset = rng.integers(-3, 4, (classes, outputs)).astype(np.int32)
        nodes.append(ir.ThresholdConv2d(f"conv{i}", nodes[-1].name, *window, layer, offset))
        channels, side = outputs, -(-side // stride)
    if dense:
        nodes.append(ir.Flatten("flat", nodes[-1].name))
        width = channels * side**2
        for i in range(dense):
            outputs = int(rng.integers(30, 200))
            layer = neurons(rng, outputs, width, i % 3)
            nodes.append(ir.ThresholdDense(f"dense{i}", nodes[-1].name, layer))
            width = outputs
    return ir.Graph(spec, tuple(nodes), nodes[-1].name)


def kernels(model: DeviceModel) -> list[str]:
    return [step.kernels[0] for step in model.plan(1).layouts[0].steps]


@pytest.mark.parametrize("descending", [0, 1])
@pytest.mark.parametrize(("convolutions", "dense", "chains"), [(5, 0, 1), (4, 3, 2), (0, 24, 2)])
def test_deep_networks_equal_the_cpu(emulator, convolutions, dense, chains, descending):
    emulator.set("descending", descending)
    rng = np.random.default_rng([convolutions, dense])
    graph = deep_network(rng, convolutions, dense)
    x = rng.integers(0, 2, (3, *graph.input.shape), np.uint8)
    model, cpu = DeviceModel(graph, isa="cuda_persistent"), PackedModel(graph, threads=1)
    assert kernels(model).count(CHAIN) == chains
    for images in (1, 3, 3, 1):
        np.testing.assert_array_equal(model(x[:images]), cpu(x[:images]))
    assert model.trace(x[:1]).keys() == cpu.trace(x[:1]).keys()


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_the_cpu(seed):
    rng = np.random.default_rng([seed, 79])
    graph = random_graph(rng, convolutions=True)
    x = random_input(rng, graph, 3)
    np.testing.assert_array_equal(DeviceModel(graph, isa="cuda_persistent")(x), PackedModel(graph)(x))


@pytest.mark.parametrize("lacking", ["cooperative", f"without {CHAIN}"])
def test_launch_after_launch_where_blocks_cannot_meet(emulator, lacking):
    graph = deep_network(np.random.default_rng(1), 3, 0)
    x = np.random.default_rng(2).integers(0, 2, (2, *graph.input.shape), np.uint8)
    emulator.set(lacking, 0 if lacking == "cooperative" else 1)
    model = DeviceModel(graph, "cuda:1" if "without" in lacking else "cuda", isa="cuda_persistent")
    assert CHAIN not in kernels(model)
    np.testing.assert_array_equal(model(x), PackedModel(graph)(x))
