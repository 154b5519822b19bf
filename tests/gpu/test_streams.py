"""Networks of integer and float32 streams through the device plan: every bit is the CPU's."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_input
from oracle_streams import random_stream_graph

from binmorph import ir
from binmorph.runtime import DeviceModel, PackedModel


@pytest.mark.parametrize("isa", ["cuda_wgmma", "cuda_mma", "cuda_simt"])
@pytest.mark.parametrize("seed", range(16))
def test_random_streams_equal_the_cpu(seed, isa):
    rng = np.random.default_rng([seed, 41])
    graph = random_stream_graph(rng)
    x = random_input(rng, graph, 3)
    model, expected = DeviceModel(graph, isa=isa), PackedModel(graph, threads=1)
    ours, theirs = model.trace(x), expected.trace(x)
    for node in graph.nodes:
        assert ours[node.name].dtype == theirs[node.name].dtype
        np.testing.assert_array_equal(ours[node.name], theirs[node.name], err_msg=f"{node.name} ({node.op})")
    for images in (x, x[:1], x):
        np.testing.assert_array_equal(model(images), expected(images))


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (6, 1, 1), (5,)])
def test_streams_that_start_at_the_input(shape):
    """The caller's images are [channel][pixel], streams are [pixel][channel]."""
    rng = np.random.default_rng(len(shape))
    scale, shift = rng.normal(size=(2, shape[0])).astype(np.float32)
    nodes = [
        ir.Affine("affine", "input", scale, shift),
        ir.Add("sum", "affine", "input"),
        ir.Clamp("clamp", "input", np.array([-0.5, 0.5], np.float32)),
        ir.Add("both", "sum", "clamp"),
    ]
    if len(shape) == 3:
        nodes += [ir.Flatten("raw", "input"), ir.Flatten("flat", "both"), ir.Add("end", "flat", "raw")]
    graph = ir.Graph(ir.InputSpec("float32", shape), tuple(nodes), nodes[-1].name)
    x = rng.normal(size=(4, *shape)).astype(np.float32)
    model, expected = DeviceModel(graph), PackedModel(graph, threads=1)
    np.testing.assert_array_equal(model(x), expected(x))
    for name, value in expected.trace(x).items():
        np.testing.assert_array_equal(model.trace(x)[name], value, err_msg=name)


def test_elementwise_nodes_run_with_the_sum_before_them(emulator):
    rng = np.random.default_rng(5)
    weight, bias = rng.normal(size=(40, 3, 3, 3)).astype(np.float32), rng.normal(size=40).astype(np.float32)
    scale, shift = rng.normal(size=(2, 40)).astype(np.float32)
    nodes = (
        ir.Conv2d("stem", "input", (3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros", weight, bias),
        ir.Affine("norm", "stem", scale, shift),
        ir.PRelu("prelu", "norm", scale),
        ir.Add("sum", "prelu", "stem"),
        ir.LevelSets("sign", "sum", np.zeros((40, 1), np.float32)),
    )
    graph = ir.Graph(ir.InputSpec("float32", (3, 6, 7)), nodes, "sign")
    x = rng.normal(size=(3, 3, 6, 7)).astype(np.float32)
    model = DeviceModel(graph)
    before = emulator.get("launches")
    np.testing.assert_array_equal(model(x), PackedModel(graph, threads=1)(x))
    steps = model.plan(3).layouts[0].steps
    assert emulator.get("launches") - before == len(steps) <= 4
    assert any("prelu" in step.fused for step in steps)
    for name, value in PackedModel(graph, threads=1).trace(x).items():
        np.testing.assert_array_equal(model.trace(x)[name], value, err_msg=name)
