"""The oracle against hand-made answers, and against the definition in ``Neurons.evaluate``."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_same_graph, evaluate, random_graph, random_input, random_neurons
from oracle_streams import random_stream_graph
from scipy import ndimage

from binmorph import ir
from binmorph.errors import DomainError


def morphology(structure: np.ndarray, threshold: int) -> ir.Neurons:
    plus = structure.reshape(1, 1, -1)
    one = np.ones((1, 1))
    return ir.Neurons(
        plus,
        np.zeros_like(plus),
        np.full((1, 1), threshold, np.int32),
        np.zeros((1, 1), np.bool_),
        np.full((1, 1), ir.Status.POPCOUNT, np.uint8),
        one,
        0 * one,
    )


def identity() -> ir.Neurons:
    part = morphology(np.ones(1, np.bool_), 1)
    return ir.Neurons(*(getattr(part, name)[0] for name in ir.Neurons.FIELDS))


@pytest.mark.parametrize("shape", [(3, 3), (2, 3), (4, 1), (5, 2)])
@pytest.mark.parametrize("border", ["zeros", "ones"])
def test_erosion_matches_scipy(shape: tuple[int, int], border: str) -> None:
    rng = np.random.default_rng(1)
    structure = rng.random(shape) < 0.6
    structure[0, 0] = True
    node = ir.Bisel("m", "p", shape, border, morphology(structure, int(structure.sum())), identity())
    spec = ir.InputSpec("uint8", (1, 9, 7))
    graph = ir.Graph(spec, (ir.PackBinary("p", "input"), node), "m")
    image = rng.integers(0, 2, (1, 1, 9, 7)).astype(np.uint8)
    # SciPy erodes by correlation and centres an even structure at size // 2, as ir.py does.
    expected = ndimage.binary_erosion(image[0, 0], structure, border_value=int(border == "ones"))
    np.testing.assert_array_equal(evaluate(graph, image)["m"][0, 0], expected)


def test_borders_by_hand() -> None:
    graph = {
        border: ir.Graph(
            ir.InputSpec("uint8", (1, 1, 4)),
            (
                ir.PackBinary("p", "input"),
                ir.Bisel("m", "p", (1, 2), border, morphology(np.array([True, True]), 2), identity()),
            ),
            "m",
        )
        for border in ir.BORDERS
    }
    x = np.array([1, 1, 0, 1], np.uint8).reshape(1, 1, 1, 4)
    found = {border: evaluate(g, x)["m"].ravel().astype(int).tolist() for border, g in graph.items()}
    assert found == {  # an even window reads x(p - 1) and x(p)
        "replicate": [1, 1, 0, 0],
        "zeros": [0, 1, 0, 0],
        "ones": [1, 1, 0, 0],
        "valid": [1, 0, 0],
    }


def test_linear_sums_in_order() -> None:
    weight = np.array([[1e8, 1.0, -1e8, 1.0]], np.float32)
    node = ir.Linear("y", "p", weight, np.zeros(1, np.float32))
    graph = ir.Graph(ir.InputSpec("uint8", (4,)), (ir.PackBinary("p", "input"), node), "y")
    out = evaluate(graph, np.array([[1, 1, 1, 1], [0, 1, 0, 1]], np.uint8))["y"]
    assert out.tolist() == [[1.0], [2.0]]  # 1e8 + 1 rounds to 1e8 in float32


def test_level_sets_include_equality_and_order_channels() -> None:
    node = ir.LevelSets("l", "input", np.array([[10, 20], [0, 255]], np.float32))
    graph = ir.Graph(ir.InputSpec("uint8", (2, 1, 1)), (node,), "l")
    out = evaluate(graph, np.array([10, 255], np.uint8).reshape(1, 2, 1, 1))["l"]
    assert out.ravel().tolist() == [True, False, True, True]


def test_pack_binary_rejects_other_values() -> None:
    graph = ir.Graph(ir.InputSpec("float32", (2,)), (ir.PackBinary("p", "input"),), "p")
    with pytest.raises(DomainError):
        evaluate(graph, np.array([[0.5, 1]], np.float32))


def test_neurons_agree_with_their_definition() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        n = int(rng.integers(1, 130))
        neurons = random_neurons(rng, (7,), n)
        graph = ir.Graph(
            ir.InputSpec("uint8", (n,)),
            (ir.PackBinary("p", "input"), ir.ThresholdDense("d", "p", neurons)),
            "d",
        )
        x = rng.integers(0, 2, (5, n)).astype(np.uint8)
        np.testing.assert_array_equal(evaluate(graph, x)["d"], neurons.evaluate((x == 1)[:, None, :]))


def test_random_graphs_cover_every_op_status_and_border() -> None:
    rng = np.random.default_rng(3)
    ops, borders, statuses, branches = set(), set(), set(), 0
    for _ in range(60):
        graph = random_graph(rng, convolutions=True, tables=True)
        assert_same_graph(graph, graph)
        values = evaluate(graph, random_input(rng, graph))
        for node in graph.nodes:
            kind = graph.type_of(node.name)
            assert values[node.name].shape == (3, *kind.shape)
            assert values[node.name].dtype == (np.float32 if kind.kind == "float32" else np.bool_)
            ops.add(node.op)
            if isinstance(node, ir.Bisel):
                borders.add(node.border)
                statuses.update(node.bise.status.ravel().tolist())
        reads = [node.input for node in graph.nodes]
        branches += len(reads) != len(set(reads))
    for _ in range(30):
        graph = random_stream_graph(rng)
        values = evaluate(graph, random_input(rng, graph))
        for node in graph.nodes:
            kind = graph.type_of(node.name)
            assert values[node.name].shape == (3, *kind.shape)
            assert values[node.name].dtype == (np.bool_ if kind.kind == "bits" else kind.kind)
            ops.add(node.op)
    assert ops == set(ir.NODE_TYPES)
    assert borders == set(ir.BORDERS)
    assert statuses == {int(s) for s in ir.Status} - {int(ir.Status.CALIBRATED)}
    assert branches > 5
