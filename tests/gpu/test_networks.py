"""Whole random networks through the device plan: every bit is the CPU's, for all batches and kernels."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_graph, random_input

from binmorph import BitArray, ir
from binmorph.errors import DomainError, FormatError
from binmorph.runtime import DeviceModel, PackedModel

SEEDS = range(24)


def network(seed: int, images: int = 4, **options):
    rng = np.random.default_rng([seed, 77])
    graph = random_graph(rng, convolutions=seed % 3 != 0, tables=seed % 2 == 0, **options)
    return graph, random_input(rng, graph, images)


def assert_same(graph: ir.Graph, x, model: DeviceModel) -> None:
    expected = PackedModel(graph, threads=1)
    result = model(x)
    if not np.array_equal(result, expected(x)):
        ours, theirs = model.trace(x), expected.trace(x)
        wrong = [node.name for node in graph.nodes if not np.array_equal(ours[node.name], theirs[node.name])]
        raise AssertionError(f"differs from the CPU, first in the nodes {wrong[:3]}: {graph.nodes}")
    assert result.dtype == expected(x).dtype


@pytest.mark.parametrize("isa", ["cuda_wgmma", "cuda_mma", "cuda_simt"])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_equal_the_cpu(seed, isa):
    graph, x = network(seed)
    model = DeviceModel(graph, isa=isa)
    assert_same(graph, x, model)
    assert_same(graph, x[:1], model)
    assert_same(graph, x, model)  # from the graph that is there
    assert model(x[:0]).shape == (0, *graph.type_of(graph.output).shape)


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_every_value_equals_the_cpu(seed):
    graph, x = network(seed, 2)
    ours, theirs = DeviceModel(graph).trace(x), PackedModel(graph, threads=1).trace(x)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype, name
        np.testing.assert_array_equal(ours[name], value, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_batches_are_cut_where_memory_is_short(seed):
    graph, x = network(seed, 9)
    whole = DeviceModel(graph)
    room = 2 * whole.plan(1).layouts[0].arena_bytes
    model = DeviceModel(graph, max_memory=room)
    assert_same(graph, x, model)


def test_threads_reversed(emulator):
    emulator.set("descending", 1)
    for seed in SEEDS[:6]:
        graph, x = network(seed)
        assert_same(graph, x, DeviceModel(graph))


def test_one_graph_per_batch_size(emulator):
    graph, x = network(3, 5)
    model = DeviceModel(graph)
    before = emulator.get("instantiated")
    for images in (1, 2, 5, 1, 2, 5, 5):
        model(x[:images])
    # A larger arena makes the graphs anew, so sizes in ascending order cost one each.
    assert emulator.get("instantiated") - before <= 5
    made = emulator.get("instantiated")
    for images in (5, 5, 2, 1):
        model(x[:images])
    assert emulator.get("instantiated") - made <= 2


def test_memory_is_given_back(emulator):
    before = emulator.allocated
    for seed in SEEDS[:4]:
        graph, x = network(seed)
        model = DeviceModel(graph)
        model(x)
        assert emulator.allocated > before
        del model
        assert emulator.allocated == before


def packed_network(rng: np.random.Generator, flat: bool) -> ir.Graph:
    while True:
        graph = random_graph(rng, convolutions=True, input_dtype="uint8")
        reads_bits = isinstance(graph.nodes[0], ir.PackBinary)
        is_flat = len(graph.type_of(graph.output).shape) == 1
        if reads_bits and graph.type_of(graph.output).kind == "bits" and is_flat == flat:
            return graph


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_packed_images_stay_packed(seed, flat):
    rng = np.random.default_rng([seed, 5])
    graph = packed_network(rng, flat)
    x = rng.random((3, *graph.input.shape)) < 0.5
    result = DeviceModel(graph)(BitArray.pack(x))
    expected = PackedModel(graph, threads=1)(BitArray.pack(x))
    assert isinstance(result, BitArray)
    np.testing.assert_array_equal(result.unpack(), expected.unpack())


def test_packed_images_need_bits_at_both_ends():
    rng = np.random.default_rng(0)
    while True:
        graph = random_graph(rng)
        if isinstance(graph.nodes[0], ir.LevelSets):
            break
    x = BitArray.pack(np.zeros((1, *graph.input.shape), bool))
    with pytest.raises(FormatError, match="packed input"):
        DeviceModel(graph)(x)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_domain_errors_are_those_of_the_cpu(dtype):
    graph = ir.Graph(ir.InputSpec(dtype, (2, 3, 5)), (ir.PackBinary("pack", "input"),), "pack")
    x = np.random.default_rng(1).integers(0, 2, (6, 2, 3, 5)).astype(dtype)
    model = DeviceModel(graph, max_memory=4096)
    np.testing.assert_array_equal(model(x), x == 1)
    x[4, 1, 2, 0], x[5, 0, 0, 0] = 3, 2
    with pytest.raises(DomainError) as ours:
        model(x)
    with pytest.raises(DomainError) as theirs:
        PackedModel(graph, threads=1)(x)
    assert str(ours.value) == str(theirs.value)
    np.testing.assert_array_equal(model(x == 1), x == 1)


def test_profile_times_every_kernel():
    graph, x = network(1)
    times = DeviceModel(graph).profile(x, rounds=3)
    assert list(times)[-2:] == ["launch after launch", ""]
    assert all("__cuda_" in name for name in list(times)[:-2])
    assert all(len(part) == 3 and min(part) >= 0 for part in times.values())


def test_plan_names_a_kernel_for_every_node():
    graph, _ = network(1)
    plan = DeviceModel(graph).plan(8)
    assert plan.isa.startswith("sm_")
    assert {step.node for step in plan.layouts[0].steps} <= {node.name for node in graph.nodes}
    assert all("__cuda_" in step.kernels[0] for step in plan.layouts[0].steps)
    assert "device, by 8 images" in str(plan)


def test_large_layers_take_the_kernels_of_warpgroups():
    """By default; the small ones of random networks do not, and take them only when asked."""
    graph, x = network(1)
    assert not any("wgmma" in step.kernels[0] for step in DeviceModel(graph).plan(1).layouts[0].steps)
    rng = np.random.default_rng(3)
    plus = rng.random((64, 40 * 9)) < 0.5
    neurons = ir.Neurons(
        *(plus, ~plus, rng.integers(-20, 20, 64).astype(np.int32), np.zeros(64, bool)),
        *(np.full(64, int(ir.Status.APPROXIMATED), np.uint8), np.full(64, np.nan), np.ones(64)),
    )
    offset = rng.integers(-9, 9, (9, 64)).astype(np.int32)
    window = ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
    layer = ir.ThresholdConv2d("layer", "pack", *window, neurons, offset)
    graph = ir.Graph(ir.InputSpec("uint8", (40, 9, 10)), (ir.PackBinary("pack", "input"), layer), "layer")
    x = rng.integers(0, 2, (5, *graph.input.shape), np.uint8)
    assert DeviceModel(graph).plan(1).layouts[0].steps[1].kernels[0].endswith("wgmma_n64")
    assert_same(graph, x, DeviceModel(graph))


def test_large_dense_layers_stream_their_weights():
    rng = np.random.default_rng(4)
    plus = rng.random((260, 5000 + 120)) < 0.5
    neurons = ir.Neurons(
        *(plus, ~plus, rng.integers(-60, 60, 260).astype(np.int32), rng.random(260) < 0.5),
        *(np.full(260, int(ir.Status.APPROXIMATED), np.uint8), np.full(260, np.nan), np.ones(260)),
    )
    nodes = (ir.PackBinary("pack", "input"), ir.ThresholdDense("layer", "pack", neurons))
    graph = ir.Graph(ir.InputSpec("uint8", (5120,)), nodes, "layer")
    x = rng.integers(0, 2, (130, 5120), np.uint8)
    model = DeviceModel(graph)
    assert model.plan(1).layouts[0].steps[1].kernels[0] == "threshold_dense_u64_u64__cuda_wgmma"
    assert_same(graph, x, model)
