"""No kind of node is refused, however many inputs it has: what the CPU runs, the device runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input, random_neurons
from oracle_streams import random_stream_graph

from binmorph import ir
from binmorph.runtime import DeviceModel, PackedModel


def graphs() -> Iterator[ir.Graph]:
    """Random networks of all kinds of nodes."""
    for seed in count():
        rng = np.random.default_rng([seed, 7])
        yield random_graph(rng, convolutions=True, tables=True)
        yield random_stream_graph(rng)


def assert_same(graph: ir.Graph, images: int = 3) -> None:
    x = random_input(np.random.default_rng(0), graph, images)
    np.testing.assert_array_equal(DeviceModel(graph)(x), PackedModel(graph, threads=1)(x))


@pytest.mark.parametrize("op", sorted(ir.NODE_TYPES))
def test_every_kind_of_node_runs(op):
    assert_same(next(graph for graph in graphs() if any(node.op == op for node in graph.nodes)))


@pytest.mark.parametrize("border", ir.BORDERS)
@pytest.mark.parametrize(("kernel", "reads"), [((4, 4), 1), ((3, 5), 1), ((1, 1), 16), ((2, 2), 4)])
def test_tables_of_many_inputs(border, kernel, reads):
    rng = np.random.default_rng(reads)
    inputs, outputs = kernel[0] * kernel[1] * reads, 67
    table = rng.random((outputs, 2**inputs)) < 0.5
    read = rng.integers(0, 70, (outputs, reads)).astype(np.int32)
    exact = np.full(outputs, int(ir.Status.LOSSLESS), np.uint8)
    nodes = (
        ir.PackBinary("pack", "input"),
        ir.TruthTable("table", "pack", kernel, border, read, table, exact),
        ir.TruthTable("next", "table", (1, 2), border, read[:3, :1] % 67, table[:3, :4], exact[:3]),
    )
    graph = ir.Graph(ir.InputSpec("uint8", (70, 5, 6)), nodes, "next")
    x = random_input(np.random.default_rng(0), graph, 3)  # the CPU would make diagrams of these tables first
    np.testing.assert_array_equal(DeviceModel(graph)(x), evaluate(graph, x)["next"])


def test_windows_of_thousands_of_taps():
    rng = np.random.default_rng(1)
    bise, lui = random_neurons(rng, (2, 3), 65 * 65), random_neurons(rng, (2,), 3)
    nodes = (ir.PackBinary("pack", "input"), ir.Bisel("wide", "pack", (65, 65), "valid", bise, lui))
    assert_same(ir.Graph(ir.InputSpec("uint8", (3, 66, 65)), nodes, "wide"), 1)


@pytest.mark.parametrize("kind", ["bits", "float32"])
def test_concatenations_of_many_values(kind):
    rng = np.random.default_rng(2)
    first: ir.AnyNode = ir.Clamp("first", "input", np.array([-0.5, 0.5], np.float32))
    if kind == "bits":
        first = ir.LevelSets("first", "input", rng.normal(size=(5, 7)).astype(np.float32))
    nodes = (first, ir.Concat("all", "first", ("first",) * 40))
    graph = ir.Graph(ir.InputSpec("float32", (5, 4, 3)), nodes, "all")
    assert_same(graph)
    steps = [step for step in DeviceModel(graph).plan(1).layouts[0].steps if step.node == "all"]
    assert sum("concat" in kernel for step in steps for kernel in step.kernels) == 3
