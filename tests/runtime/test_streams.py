"""Networks of integer and float32 streams: every value equals the oracle, on every ISA, fused or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from oracle import evaluate, random_input
from oracle_streams import random_stream_graph
from runtime_testing import ISAS, assert_equals_oracle

from binmorph import ir
from binmorph.runtime import PackedModel


@pytest.mark.parametrize("seed", range(12))
def test_streams_equal_the_oracle(seed: int) -> None:
    for part in range(3):
        rng = np.random.default_rng([seed, part])
        graph = random_stream_graph(rng)
        x = random_input(rng, graph, 2)
        expected = evaluate(graph, x)
        for isa in ISAS:
            for threads in (1, 2):
                assert_equals_oracle(PackedModel(graph, threads=threads, isa=isa), x, expected)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_the_input_is_loaded_for_what_does_not_load_it_itself(dtype: str) -> None:
    rng = np.random.default_rng(3)
    geometry = ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")

    def conv(name: str) -> ir.Conv2d:
        weight, bias = rng.normal(size=(3, 3, 3, 3)), rng.normal(size=3)
        return ir.Conv2d(name, "input", *geometry, weight.astype(np.float32), bias.astype(np.float32))

    # A convolution with another operand has it loaded.
    nodes = (conv("far"), conv("near"), ir.Add("sum", "near", "far"))
    for count in (1, 3):
        graph = ir.Graph(ir.InputSpec(dtype, (3, 6, 7)), nodes[:count], nodes[count - 1].name)
        for isa in ISAS:
            model = PackedModel(graph, isa=isa)
            assert [step.op for step in model.plan().layouts[0].steps].count("load") == (count > 1)
            assert_equals_oracle(model, random_input(rng, graph, 3))


def test_blocks_of_many_channels_equal_the_oracle() -> None:
    """Enough of them that tables of the image pay, which tiles of all channels share."""
    graph = _block(192)
    x = random_input(np.random.default_rng(4), graph, 1)
    expected = evaluate(graph, x)
    for isa in ISAS:
        for threads in (1, 2, 3):
            assert_equals_oracle(PackedModel(graph, threads=threads, isa=isa), x, expected)


def _block(channels: int = 70) -> ir.Graph:
    """A residual block as trained networks have it: sign, convolution, normalisation, addition, PReLU."""
    rng = np.random.default_rng(0)

    def floats() -> npt.NDArray[np.float32]:
        return rng.normal(size=channels).astype(np.float32)

    def conv(name: str, source: str) -> ir.CountConv2d:
        plus = rng.random((channels, channels * 9)) < 0.5
        constant = rng.integers(-9, 9, (9, channels)).astype(np.int32)
        window = ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")
        return ir.CountConv2d(name, source, *window, 2, plus, ~plus, constant)

    nodes = [
        ir.Affine("stem", "input", floats(), floats()),
        ir.LevelSets("sign1", "stem", floats()[:, None]),
        conv("conv1", "sign1"),
        ir.Affine("bn1", "conv1", floats(), floats()),
        ir.Add("sum1", "bn1", "stem"),
        ir.PRelu("prelu1", "sum1", floats()),
        ir.LevelSets("sign2", "prelu1", floats()[:, None]),
        conv("conv2", "sign2"),
        ir.Affine("bn2", "conv2", floats(), floats()),
        ir.Add("sum2", "prelu1", "bn2"),
        ir.AvgPool("mean", "sum2", (11, 13), (1, 1)),
        ir.Flatten("flat", "mean"),
        ir.Linear("head", "flat", rng.normal(size=(5, channels)).astype(np.float32), floats()[:5]),
    ]
    return ir.Graph(ir.InputSpec("float32", (channels, 11, 13)), tuple(nodes), "head")


def test_a_residual_block_is_two_fused_steps() -> None:
    graph = _block()
    model = PackedModel(graph)
    (layout,) = model.plan().layouts
    fused = {step.node: step.fused for step in layout.steps}
    assert fused["stem"] == ("sign1",)
    assert fused["conv1"] == ("bn1", "sum1", "prelu1", "sign2")
    assert fused["conv2"] == ("bn2", "sum2")
    assert not any(step.op == "repack" for step in layout.steps)
    assert_equals_oracle(model, random_input(np.random.default_rng(1), graph, 3))


def _affine(name: str, source: str) -> ir.Affine:
    rng = np.random.default_rng(len(name))
    scale, shift = rng.normal(size=(2, 3)).astype(np.float32)
    return ir.Affine(name, source, scale, shift)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (  # another reader stands between a value and its sign
            (
                _affine("a", "input"),
                ir.AvgPool("mean", "a", (2, 2), (2, 2)),
                ir.LevelSets("sign", "a", np.zeros((3, 1), np.float32)),
                ir.Concat("out", "mean", ("mean",)),
                ir.MaxPool("pool", "sign", (2, 2), (2, 2)),
            ),
            {"a": ("sign",)},
        ),
        (  # an addition whose other operand is made of the value
            (
                _affine("a", "input"),
                ir.MaxPool("far", "a", (3, 3), (1, 1), (1, 1)),
                ir.Add("out", "a", "far"),
            ),
            {"a": (), "out": ()},
        ),
        (  # two chains that would wait for each other
            (
                _affine("a", "input"),
                _affine("bb", "input"),
                ir.Add("a_b", "a", "bb"),
                ir.Add("b_a", "bb", "a"),
                ir.Concat("out", "a_b", ("b_a",)),
            ),
            {"a": ("a_b",), "bb": ()},
        ),
    ],
    ids=["sign", "operand", "circle"],
)
def test_what_joins_a_step(nodes: tuple[ir.AnyNode, ...], expected: dict[str, tuple[str, ...]]) -> None:
    graph = ir.Graph(ir.InputSpec("float32", (3, 6, 8)), nodes, "out")
    model = PackedModel(graph)
    (layout,) = model.plan().layouts
    fused = {step.node: step.fused for step in layout.steps}
    assert {name: fused[name] for name in expected} == expected
    assert_equals_oracle(model, random_input(np.random.default_rng(2), graph, 3))
