"""Simplification keeps every bit of every node, on random networks, and leaves nothing to simplify."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracle import assert_same_graph, evaluate, random_graph, random_input, random_neurons

from binmorph import ir
from binmorph.simplify import constants, simplify


def with_constants(rng: np.random.Generator, graph: ir.Graph) -> ir.Graph:
    """``graph`` with some neurons made constant, so that there is something to fold."""
    nodes = []
    for node in graph.nodes:
        if isinstance(node, ir.Bisel):
            fixed = rng.random(node.lui.shape) < 0.4
            threshold = np.where(fixed, node.lui.plus.sum(-1) + 1, node.lui.threshold).astype(np.int32)
            node = replace(node, lui=replace(node.lui, threshold=threshold))
        nodes.append(node)
    return ir.Graph(graph.input, tuple(nodes), graph.output)


@pytest.mark.parametrize("seed", range(40))
def test_every_bit_of_every_node_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = with_constants(rng, random_graph(rng, convolutions=bool(seed % 2)))
    simple = simplify(graph)
    x = random_input(rng, graph, 6)
    before, after = evaluate(graph, x), evaluate(simple, x)
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])
    assert graph.types == simple.types
    assert_same_graph(simplify(simple), simple)
    for node in simple.nodes:
        if isinstance(node, ir.Bisel):
            assert not node.bise.invert.any()
            assert not (node.bise.minus.any(-1) & ~node.bise.plus.any(-1) & ~node.bise.invert).any()
            dead = constants(node.bise) >= 0
            assert not (dead & (node.lui.plus | node.lui.minus)).any()


def test_constants_travel_as_far_as_the_border_allows() -> None:
    """An always-one channel stays one under replication; with zeros outside it does not near the border."""
    rng = np.random.default_rng(0)
    one = ir.Neurons(
        *(np.zeros((1, 1, 9), bool),) * 2, np.zeros((1, 1), np.int32), np.zeros((1, 1), bool),
        np.zeros((1, 1), np.uint8), np.zeros((1, 1)), np.zeros((1, 1)),
    )  # fmt: skip
    passes = random_neurons(rng, (1,), 1)
    passes = replace(
        passes, plus=np.ones((1, 1), bool), minus=np.zeros((1, 1), bool), threshold=np.ones(1, np.int32),
        invert=np.zeros(1, bool),
    )  # fmt: skip
    erosion = replace(one, plus=np.ones((1, 1, 9), bool), threshold=np.full((1, 1), 9, np.int32))
    for border, folded in (("replicate", True), ("ones", True), ("valid", True), ("zeros", False)):
        nodes = (
            ir.PackBinary("pack", "input"),
            ir.Bisel("first", "pack", (3, 3), "replicate", one, passes),
            ir.Bisel("second", "first", (3, 3), border, erosion, passes),
        )
        graph = ir.Graph(ir.InputSpec("uint8", (1, 6, 6)), nodes, "second")
        simple = simplify(graph)
        assert (constants(simple.nodes[2].lui) == 1).all() == folded
        x = random_input(rng, graph, 2)
        np.testing.assert_array_equal(evaluate(graph, x)["second"], evaluate(simple, x)["second"])


def test_exporter_simplifies(tmp_path) -> None:
    """The simplified file passes the exporter's own comparison, every layer bit for bit."""
    torch = pytest.importorskip("torch")
    import binmorph
    import binmorph.nn as bnn

    torch.manual_seed(3)
    net = torch.nn.Sequential(bnn.BiSEL(2, 4, 3, scale_init=-1.0), torch.nn.Flatten(), bnn.DenseLUI(64, 6))
    x = torch.randint(0, 2, (4, 2, 4, 4)).float()
    report = binmorph.export(net.eval(), x, tmp_path / "net.bmorph")
    assert report.verified > 0
    nodes = binmorph.load(tmp_path / "net.bmorph").graph.nodes
    bisel = next(node for node in nodes if isinstance(node, ir.Bisel))
    dense = next(node for node in nodes if isinstance(node, ir.ThresholdDense))
    assert not bisel.bise.invert.any()  # p < 0 moved behind the union
    assert not dense.neurons.plus.any()  # p = 0 never fires
