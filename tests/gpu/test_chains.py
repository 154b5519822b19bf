"""Layers of bits that follow one another run in one launch whose blocks stay and meet between layers.

Of the whole device (cuda_persistent), or of one thread block cluster (cuda_cluster).
"""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_graph, random_input

from binmorph import ir
from binmorph.errors import DomainError
from binmorph.runtime import DeviceModel, PackedModel

CHAINS = {
    "cuda_persistent": "threshold_chain_u64_u64__cuda_mma",
    "cuda_cluster": "threshold_chain_u64_u64__cuda_cluster",
}
CLUSTER = CHAINS["cuda_cluster"]


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


def deep_network(rng: np.random.Generator, convolutions: int, dense: int, side: int = 12) -> ir.Graph:
    """3x3, 1x1 and strided windows with more tiles than there are blocks, then dense layers."""
    channels = 70
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


def kernels(model: DeviceModel, batch: int = 1) -> list[str]:
    return [step.kernels[0] for step in model.plan(batch).layouts[0].steps]


@pytest.mark.parametrize("isa", CHAINS)
@pytest.mark.parametrize("descending", [0, 1])
@pytest.mark.parametrize(("convolutions", "dense", "chains"), [(5, 0, 1), (4, 3, 2), (0, 24, 2)])
def test_deep_networks_equal_the_cpu(emulator, convolutions, dense, chains, descending, isa):
    emulator.set("descending", descending)
    rng = np.random.default_rng([convolutions, dense])
    graph = deep_network(rng, convolutions, dense)
    x = rng.integers(0, 2, (3, *graph.input.shape), np.uint8)
    model, cpu = DeviceModel(graph, isa=isa), PackedModel(graph, threads=1)
    assert kernels(model).count(CHAINS[isa]) == chains
    for images in (1, 3, 3, 1):
        np.testing.assert_array_equal(model(x[:images]), cpu(x[:images]))
    assert model.trace(x[:1]).keys() == cpu.trace(x[:1]).keys()


@pytest.mark.parametrize("isa", CHAINS)
@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_the_cpu(seed, isa):
    rng = np.random.default_rng([seed, 79])
    graph = random_graph(rng, convolutions=True)
    x = random_input(rng, graph, 3)
    np.testing.assert_array_equal(DeviceModel(graph, isa=isa)(x), PackedModel(graph)(x))


@pytest.mark.parametrize(
    ("lacking", "isa"),
    [("cooperative", "cuda_persistent"), *((f"without {chain}", isa) for isa, chain in CHAINS.items())],
)
def test_launch_after_launch_where_blocks_cannot_meet(emulator, lacking, isa):
    graph = deep_network(np.random.default_rng(1), 3, 0)
    x = np.random.default_rng(2).integers(0, 2, (2, *graph.input.shape), np.uint8)
    emulator.set(lacking, 0 if lacking == "cooperative" else 1)
    model = DeviceModel(graph, "cuda:1" if "without" in lacking else "cuda", isa=isa)
    assert CHAINS[isa] not in kernels(model)
    np.testing.assert_array_equal(model(x), PackedModel(graph)(x))


@pytest.mark.parametrize(
    ("key", "value", "runs"),
    [
        ("cluster", 16, True),
        ("cluster", 8, True),
        ("cluster", 4, False),
        ("no large clusters", 1, True),
        ("cuOccupancyMaxActiveClusters", 1, False),
    ],
)
def test_clusters_of_the_size_that_the_device_has(emulator, key, value, runs):
    graph = deep_network(np.random.default_rng(1), 4, 0)
    x = np.random.default_rng(2).integers(0, 2, (2, *graph.input.shape), np.uint8)
    emulator.set(key, value)
    model = DeviceModel(graph, isa="cuda_cluster")
    assert (CLUSTER in kernels(model)) == runs
    np.testing.assert_array_equal(model(x), PackedModel(graph)(x))


def test_batches_that_do_not_fit_a_cluster_run_as_ever():
    graph = deep_network(np.random.default_rng(3), 4, 0, side=48)
    model = DeviceModel(graph, isa="cuda_cluster")
    fit = [CLUSTER in kernels(model, batch) for batch in range(1, 33)]
    assert fit == sorted(fit, reverse=True)
    assert 2 <= sum(fit) < 32
    assert kernels(model, 32) == kernels(DeviceModel(graph), 32)


def dense_network(*layers: tuple[str, str, int, int]) -> list[ir.AnyNode]:
    """Layers: name, what they read, outputs, inputs."""
    rng = np.random.default_rng(5)
    dense = [
        ir.ThresholdDense(to, of, neurons(rng, outputs, inputs, 0)) for to, of, outputs, inputs in layers
    ]
    return [ir.PackBinary("pack", "input"), *dense]


def test_one_model_runs_in_a_cluster_and_beside_it():
    nodes = dense_network(("a", "pack", 130, 200), ("b", "a", 70, 130))
    graph = ir.Graph(ir.InputSpec("uint8", (200,)), tuple(nodes), "b")
    x = np.random.default_rng(4).integers(0, 2, (66, 200), np.uint8)
    model, expected = DeviceModel(graph, isa="cuda_cluster"), PackedModel(graph)(x)
    for batch in (1, 66, 2):
        assert (CLUSTER in kernels(model, batch)) == (batch != 66)
        np.testing.assert_array_equal(model(x[:batch]), expected[:batch])
    assert any(CLUSTER in name for name in model.profile(x[:1], 1))
    with pytest.raises(DomainError, match="element"):
        model(np.full((66, 200), 2, np.uint8))


def test_images_that_do_not_fit_a_cluster():
    rng = np.random.default_rng(6)
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    for i in range(3):
        window = ((1, 1), (1, 1), (1, 1), (0, 0), 1, "zeros")
        layer = neurons(rng, 256, 256 if i else 8, 0)
        nodes.append(
            ir.ThresholdConv2d(f"conv{i}", nodes[-1].name, *window, layer, np.zeros((1, 256), np.int32))
        )
    graph = ir.Graph(ir.InputSpec("uint8", (8, 160, 160)), tuple(nodes), nodes[-1].name)
    assert kernels(DeviceModel(graph, isa="cuda_cluster")) == kernels(DeviceModel(graph))


def test_values_that_others_read_leave_the_cluster():
    """A branch from the middle of a chain, and layers that read the same value."""
    nodes = dense_network(
        ("a", "pack", 130, 200), ("b", "a", 70, 130), ("c", "b", 90, 70), ("d", "b", 90, 70)
    )
    nodes.append(ir.Concat("both", "c", ("d", "b")))
    graph = ir.Graph(ir.InputSpec("uint8", (200,)), tuple(nodes), "both")
    x = np.random.default_rng(6).integers(0, 2, (3, 200), np.uint8)
    model = DeviceModel(graph, isa="cuda_cluster")
    joined = [(step.node, *step.fused) for step in model.plan(3).layouts[0].steps if CLUSTER in step.kernels]
    assert joined == [("a", "b", "c")]
    np.testing.assert_array_equal(model(x), PackedModel(graph)(x))
