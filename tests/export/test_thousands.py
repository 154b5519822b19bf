"""Two thousand random networks: the packed runtime equals the hard torch network on every bit of every layer.

Tracing is the slow part, so each architecture is traced once and its neurons are drawn again and again.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from export_networks import fill, random_network

import binmorph.nn as bnn
from binmorph import ir
from binmorph.export.lower import lower
from binmorph.export.trace import trace
from binmorph.export.verification import compare, random_inputs

FILLS = 100


@pytest.mark.parametrize("seed", range(20))
def test_packed_equals_hard(seed: int, loader: str) -> None:
    if loader != "runtime":
        pytest.skip("the oracle has its own tests")
    from binmorph.runtime import PackedModel

    rng = np.random.default_rng(1000 + seed)
    network, example = random_network(rng)
    traced = trace(network, example)
    for number in range(FILLS):
        fill(network, rng)
        lowered = lower(traced)
        graph = lowered.graph
        assert graph is not None
        if number == 0:
            _assert_fresh(network, graph)
        inputs = torch.cat([example, random_inputs(graph, rng, 2)])
        model = PackedModel(graph, threads=1 + number % 2)
        result = compare(traced, lowered, "", inputs, load=lambda *_, model=model: model)
        assert result.equal, f"architecture {seed}, fill {number}\n{network}\n{result}"


def _assert_fresh(network: torch.nn.Module, graph: ir.Graph) -> None:
    """The traced program reads the layers' buffers of now, not copies from the time of tracing."""
    dense = [layer for _, layer in bnn.morphological_layers(network) if isinstance(layer, bnn.DenseLUI)]
    nodes = [node for node in graph.nodes if isinstance(node, ir.ThresholdDense)]
    assert len(dense) == len(nodes)
    for layer, node in zip(dense, nodes, strict=True):
        np.testing.assert_array_equal(layer.neurons().plus, node.neurons.plus)
