"""Truth tables: equal to the oracle under every configuration, decided once for all outputs that need it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input
from runtime_testing import ISAS, LAYOUTS, assert_equals_oracle, binary_spec, models, random_bits

from binmorph import _core, ir
from binmorph.cost import diagram_size
from binmorph.errors import FormatError, ShapeError
from binmorph.runtime import PackedModel


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for number in range(6):
        graph = random_graph(rng, convolutions=bool(number % 2), tables=True)
        x = random_input(rng, graph, int(rng.integers(0, 5)))
        expected = evaluate(graph, x)
        layouts = LAYOUTS if not number % 2 else LAYOUTS[:1]
        for isa in ("reference", "generic", None):
            for layout in layouts:
                model = PackedModel(graph, threads=(1, 2, 5)[number % 3], isa=isa, layout=layout)
                assert_equals_oracle(model, x, expected)


def table_graph(table: np.ndarray, side: int = 70, channels: int = 1) -> ir.Graph:
    n, outputs = table.shape[1].bit_length() - 1, len(table)
    kernel = {9: (3, 3), 16: (4, 4)}[n]
    node = ir.TruthTable(
        "table", "pack", kernel, "replicate", np.zeros((outputs, 1), np.int32), table,
        np.full(outputs, ir.Status.LOSSLESS, np.uint8),
    )  # fmt: skip
    return ir.Graph(binary_spec(channels, side, side), (ir.PackBinary("pack", "input"), node), "table")


@pytest.mark.parametrize("n", [9, 16])
def test_every_entry_is_met(n: int) -> None:
    """An image that holds every window of n inputs at some place, and threads that cut rows."""
    rng = np.random.default_rng(n)
    side = 4 * 2 ** (n // 4) if n == 16 else 70
    graph = table_graph(rng.random((2, 2**n)) < 0.5, side)
    x = random_bits(rng, graph, 1 if n == 16 else 40)
    expected = evaluate(graph, x)
    for layout in LAYOUTS:
        assert_equals_oracle(PackedModel(graph, threads=2, layout=layout), x, expected)


def test_equal_parts_are_computed_once() -> None:
    """The same table for many outputs costs hardly more than for one."""
    rng = np.random.default_rng(3)
    x = np.arange(512)[:, None] >> np.arange(9) & 1
    one = (x @ rng.integers(1, 9, 9) >= 20)[None]
    assert 9 < diagram_size(one[0]) < 60
    single, many = (PackedModel(table_graph(t), threads=1) for t in (one, np.repeat(one, 50, 0)))
    costs = [m.plan().layouts[0].steps[-1].cost for m in (single, many)]
    assert costs[1] < 4 * costs[0]


def bisel_graph(plus: np.ndarray, joins: np.ndarray, needed: np.ndarray, invert: np.ndarray) -> ir.Graph:
    """Erosions by ``plus`` bool [O, C, 25], joined over ``joins`` bool [O, C]."""
    channels = joins.shape[1]
    known = (np.full(joins.shape, 2, np.uint8), np.ones(joins.shape), np.zeros(joins.shape))
    bise = ir.Neurons(
        plus, np.zeros_like(plus), plus.sum(-1).astype(np.int32), np.zeros(joins.shape, bool), *known
    )
    join = ir.Neurons(
        joins, np.zeros_like(joins), needed.astype(np.int32), invert, *(part[:, 0].copy() for part in known)
    )
    node = ir.Bisel("bisel", "pack", (5, 5), "zeros", bise, join)
    return ir.Graph(binary_spec(channels, 40, 40), (ir.PackBinary("pack", "input"), node), "bisel")


def test_bisel_shares_repeated_elements() -> None:
    """Equal outputs run once; what different outputs have in common is decided once. Every instruction set
    and thread gives the same bits."""
    rng = np.random.default_rng(4)
    elements = rng.random((1, 4, 25)) < 0.9
    elements[..., 0] = True
    pairs = np.array([np.isin(np.arange(4), pair) for pair in itertools.combinations(range(4), 2)])
    joins = np.repeat(pairs, 4, 0)  # union or intersection, complemented or not
    needed, invert = 1 + np.arange(24) % 2, np.arange(24) // 2 % 2 == 1
    plus = np.repeat(elements, 24, 0)
    parts = bisel_graph(plus, joins, needed, invert)
    again = bisel_graph(plus, np.repeat(pairs[:1], 24, 0), needed, np.zeros(24, bool))
    distinct = bisel_graph(rng.random(plus.shape) < 0.9, joins, needed, invert)
    for graph in (parts, again):
        x = random_bits(rng, graph, 3)
        for model in models(graph, threads=2):
            assert_equals_oracle(model, x)
    steps = [PackedModel(graph, threads=1).plan().layouts[0].steps[-1] for graph in (parts, again, distinct)]
    assert steps[1].cost < 0.5 * steps[2].cost
    if "x86_avx512" in ISAS:  # where, by measured costs, decisions are worth it
        assert any(kernel.startswith("decision_planes") for kernel in steps[0].kernels)
        assert steps[0].cost < 0.8 * steps[2].cost


@pytest.mark.parametrize(
    ("kernel", "outputs", "channels", "table", "error"),
    [
        ((1, 1), 1, [2], [1], FormatError),
        ((1, 1), 1, [-1], [1], FormatError),
        ((1, 1), 1, [0], [4], FormatError),  # a bit past the two entries
        ((1, 1), 1, [0], [1, 1], ShapeError),
        ((1, 1), 2, [0], [1, 1], ShapeError),
        ((1, 1), 0, [], [], ShapeError),
        ((4, 5), 1, [0], [0] * 2**14, ShapeError),
        ((1, 9), 1, [0], [0] * 8, ShapeError),  # larger than the image
    ],
)
def test_the_core_checks_again(
    kernel: tuple[int, int], outputs: int, channels: list[int], table: list[int], error: type[Exception]
) -> None:
    core = _core.Graph("uint8", [2, 5, 5])
    bits = core.add_pack_binary("p", 0)
    arrays = np.array(channels, np.int32), np.array(table, np.uint64)
    with pytest.raises(error, match="'t'"):
        core.add_truth_table("t", bits, *kernel, "valid", outputs, *arrays)
