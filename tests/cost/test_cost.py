"""Counts checked by hand on small networks, and energy tables that carry their sources."""

from __future__ import annotations

import json

import numpy as np
import pytest
from oracle import random_graph

from binmorph import ir
from binmorph.cost import Counts, cost, diagram_size, load_tables
from binmorph.errors import ShapeError


@pytest.fixture(autouse=True)
def loader() -> str:
    """Nothing here loads a file."""
    return "none"


def neurons(plus: np.ndarray, threshold: np.ndarray) -> ir.Neurons:
    shape = threshold.shape
    return ir.Neurons(
        plus,
        np.zeros_like(plus),
        threshold.astype(np.int32),
        np.zeros(shape, bool),
        np.zeros(shape, np.uint8),
        np.zeros(shape),
        np.zeros(shape),
    )


def test_dense_counts() -> None:
    dense = ir.ThresholdDense("d", "b", neurons(np.ones((10, 130), bool), np.full(10, 7)))
    head = ir.Linear("h", "d", np.zeros((3, 10), np.float32), np.zeros(3, np.float32))
    graph = ir.Graph(ir.InputSpec("uint8", (130,)), (ir.PackBinary("b", "input"), dense, head), "h")
    result = cost(graph)
    assert result.nodes["d"] == Counts(
        binary_macs=1300,
        ace=1300,
        word_ops=60,  # 10 neurons, 3 words each: AND and add
        popcounts=30,
        weight_bytes=(1300 + 330 + 7) // 8,
        value_bytes=24 + 8,
        float_macs=1300,
        float_weight_bytes=4 * 1310,
        float_value_bytes=4 * 140,
    )
    assert result.nodes["h"].float_adds == 30
    assert result.nodes["h"].ace == 30 * 32  # float weights on bits
    assert result.total.operations == 1300 / 64 + 30
    assert result.total.binary_macs == 1300


def test_window_counts_tell_logic_from_counting() -> None:
    plus = np.zeros((4, 1, 9), bool)
    plus[0, 0, :5] = plus[1, 0, :5] = plus[2, 0, :5] = True
    bise = neurons(plus, np.array([[1], [5], [3], [0]]))  # dilation, erosion, majority, constant
    lui = neurons(np.ones((4, 1), bool), np.ones(4))
    node = ir.Bisel("s", "b", (3, 3), "replicate", bise, lui)
    graph = ir.Graph(ir.InputSpec("uint8", (1, 8, 16)), (ir.PackBinary("b", "input"), node), "s")
    per_word = 5 + 5 + (5 * 5 + 2 * 3) + 0 + 4
    assert cost(graph).nodes["s"].word_ops == per_word * 2  # 128 pixels are two words
    assert cost(graph).nodes["s"].binary_macs == 4 * 10 * 128


@pytest.mark.parametrize("seed", range(10))
def test_every_graph_has_a_cost(seed: int) -> None:
    result = cost(random_graph(np.random.default_rng(seed)))
    assert {e.table for e in result.energy} == set(load_tables()["tables"])
    for energy in result.energy:
        assert energy.packed_compute_pj >= 0
        assert energy.packed_memory_pj > 0
    plain = json.loads(json.dumps(result.to_json()))
    assert all(entry["kind"] == "proxy" for entry in plain["energy_proxy"])


def test_weights_move_once_per_batch() -> None:
    graph = random_graph(np.random.default_rng(5))
    one, ten = cost(graph), cost(graph, batch=10)
    assert ten.total.word_ops == 10 * one.total.word_ops
    assert ten.total.value_bytes == 10 * one.total.value_bytes
    assert ten.total.weight_bytes == one.total.weight_bytes
    with pytest.raises(ShapeError, match="batch"):
        cost(graph, batch=0)


def test_every_number_names_its_source() -> None:
    for table in load_tables()["tables"].values():
        assert table["citation"]
        assert table["doi"].startswith("10.")
        for entry in table["pj"].values():
            assert entry["value"] > 0
            assert entry["confidence"]


def test_truth_tables_count_their_diagrams() -> None:
    x = np.arange(512)[:, None] >> np.arange(9) & 1
    conjunction, parity = x.all(1), x.sum(1) % 2 == 1
    assert diagram_size(conjunction) == 9
    assert diagram_size(parity) == 2 * 8 + 1
    assert diagram_size(x.sum(1) >= 5) == 25  # a count: k from 1 to 5, with at most 4 misses
    assert diagram_size(np.ones(512, bool)) == 0
    node = ir.TruthTable(
        "t",
        "b",
        (3, 3),
        "zeros",
        np.zeros((2, 1), np.int32),
        np.stack([conjunction, parity]),
        np.zeros(2, np.uint8),
    )
    spec = ir.InputSpec("uint8", (1, 8, 16))
    work = cost(ir.Graph(spec, (ir.PackBinary("b", "input"), node), "t")).nodes["t"]
    assert work.word_ops == 3 * (9 + 17) * 2  # two words of pixels
    assert work.weight_bytes == 2 * 512 // 8 + 2 * 4
