"""Rows run in units of several images, which dense layers take at once; results depend on no cut."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracle import evaluate, random_neurons
from runtime_testing import ISAS, binary_spec, bisel_graph, random_bits

from binmorph import ir
from binmorph.runtime import PackedModel


def mlp(rng: np.random.Generator, *sizes: int) -> ir.Graph:
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        neurons = random_neurons(rng, (outputs,), inputs)
        nodes.append(ir.ThresholdDense(f"dense{i}", nodes[-1].name, neurons))
    return ir.Graph(binary_spec(sizes[0]), tuple(nodes), nodes[-1].name)


@pytest.mark.parametrize("isa", ISAS)
def test_every_batch_size_equals_the_oracle(isa: str) -> None:
    rng = np.random.default_rng(21)
    for graph in (mlp(rng, 70, 300, 65, 10), bisel_graph(rng, (2, 6, 70), (3, 3), "zeros")):
        x = random_bits(rng, graph, 70)
        expected = evaluate(graph, x)[graph.output]
        for threads in (1, 2, 3):
            model = PackedModel(graph, threads=threads, isa=isa, layout="row-packed")
            for n in (0, 1, 2, 5, 31, 32, 33, 64, 70):
                assert model(x[:n]).tobytes() == expected[:n].tobytes(), (n, threads)


def test_traces_have_every_value_of_every_image() -> None:
    rng = np.random.default_rng(22)
    graph = mlp(rng, 33, 40, 20)
    x = random_bits(rng, graph, 45)
    values = PackedModel(graph, threads=2, layout="row-packed").trace(x)
    for name, value in evaluate(graph, x).items():
        assert values[name].tobytes() == value.tobytes(), name


def test_units_are_as_large_as_the_cache_allows() -> None:
    rng = np.random.default_rng(23)

    def unit(graph: ir.Graph) -> int:
        return PackedModel(graph, threads=1, layout="row-packed").plan().layouts[0].images_per_unit

    assert unit(mlp(rng, 64, 64, 10)) == 32
    assert unit(bisel_graph(rng, (4, 200, 300), (3, 3), "zeros")) < 32
    wide = mlp(rng, 4096, 512)  # its lists and counters alone fill a cache: the images of a unit do not
    assert [PackedModel(wide, threads=n).plan().layouts[0].images_per_unit for n in (1, 2, 8)] == [32] * 3
    without = ir.Graph(binary_spec(1, 5, 9), bisel_graph(rng, (1, 5, 9), (3, 3), "ones").nodes[:2], "bisel")
    assert unit(without) == 1
