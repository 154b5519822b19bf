"""Residual networks with float streams, large enough for tiles, blocks of channels and pieces for threads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import evaluate
from runtime_testing import ISAS, assert_equals_oracle, assert_same_bits

from binmorph import ir
from binmorph.runtime import PackedModel

F32 = np.float32


class Network:
    """Appends nodes with random parameters; each method returns the new node's name."""

    def __init__(self, rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> None:
        self.rng, self.spec = rng, ir.InputSpec(dtype, shape)
        self.types: dict[str, ir.ValueType] = {"input": ir.ValueType(dtype, shape)}  # type: ignore[arg-type]
        self.nodes: list[ir.AnyNode] = []

    def add(self, kind: Any, *inputs: Any, **fields: Any) -> str:
        node = kind(f"{kind.op}{len(self.nodes)}", *inputs, **fields)
        self.types[node.name] = node.infer(*(self.types[name] for name in node.inputs))
        self.nodes.append(node)
        return str(node.name)

    def floats(self, *shape: int, scale: float = 1.0) -> np.ndarray[Any, Any]:
        return (self.rng.standard_normal(shape) * scale).astype(F32)

    def window(self, kernel: int, stride: int, padding: int, border: str = "zeros") -> dict[str, Any]:
        sides = {"kernel": kernel, "stride": stride, "dilation": 1, "padding": padding}
        return {name: (side, side) for name, side in sides.items()} | {"groups": 1, "border": border}

    def classes(self, x: str, stride: int, border: str) -> int:
        """Kinds of borders of a 3x3 window with padding 1."""
        if border == "replicate":
            return 1
        rows, columns = (ir.border_classes(size, 3, stride, 1, 1)[1] for size in self.types[x].shape[1:])
        return rows * columns

    def affine(self, x: str, scale: float = 0.1) -> str:
        channels = self.types[x].shape[0]
        return self.add(ir.Affine, x, self.floats(channels, scale=scale), self.floats(channels))

    def sign(self, x: str) -> str:
        return self.add(ir.LevelSets, x, self.floats(self.types[x].shape[0], 1, scale=0.3))

    def conv(self, x: str, outputs: int, kernel: int, stride: int = 1) -> str:
        depth = self.types[x].shape[0]
        weight = self.floats(outputs, depth, kernel, kernel, scale=depth**-0.5)
        geometry = self.window(kernel, stride, kernel // 2)
        return self.add(ir.Conv2d, x, **geometry, weight=weight, bias=self.floats(outputs))

    def pixels(self, x: str, outputs: int) -> str:
        geometry = self.window(3, 1, 1)
        weight = self.rng.integers(-128, 128, (outputs, self.types[x].shape[0], 3, 3)).astype(np.int8)
        constant = self.rng.integers(-999, 999, (9, outputs)).astype(np.int32)
        return self.add(ir.PixelConv2d, x, **geometry, weight=weight, constant=constant)

    def signs(self, x: str, outputs: int, stride: int = 1, border: str = "zeros") -> str:
        """Weights of +-1 on data of +-1, with a constant for each kind of border."""
        plus = self.rng.random((outputs, self.types[x].shape[0] * 9)) < 0.5
        classes = self.classes(x, stride, border)
        constant = self.rng.integers(-99, 99, (classes, outputs)).astype(np.int32)
        geometry = self.window(3, stride, 1, border)
        sums = {"plus_weights": plus, "minus_weights": ~plus, "constant": constant, "factor": 2}
        return self.add(ir.CountConv2d, x, **geometry, **sums)

    def two_values(self, x: str, outputs: int, border: str) -> str:
        plus = self.rng.random((outputs, self.types[x].shape[0] * 9)) < 0.2
        classes = self.classes(x, 1, border)
        constant = self.rng.integers(-99, 99, (classes, outputs)).astype(np.int32)
        total = self.rng.integers(-99, 99, (classes, 1)).astype(np.int32)
        values = {"difference": self.floats(outputs), "low": self.floats(outputs), "factor": 2}
        geometry = self.window(3, 1, 1, border)
        return self.add(
            ir.TwoValueConv2d, x, **geometry, **values, plus_weights=plus, constant=constant, total=total
        )

    def block(self, x: str, outputs: int, kind: str) -> str:
        """A residual stream: sign, convolution, affine, shortcut, activation."""
        channels = self.types[x].shape[0]
        bits = self.sign(x)
        stride = 1 if channels == outputs else 2
        sums = (
            self.two_values(bits, outputs, kind)
            if kind in ("ones", "replicate")
            else self.signs(bits, outputs, stride)
        )
        y, shortcut = self.affine(sums, 0.02), x
        if stride == 2:
            pooled = self.add(ir.AvgPool, x, (2, 2), (2, 2))
            shortcut = self.affine(self.conv(pooled, outputs, 1))
        y = self.add(ir.Add, y, shortcut)
        if kind == "prelu":
            return self.add(ir.PRelu, y, self.floats(outputs))
        return self.add(ir.Clamp, y, np.array([-1.5, 2.5], F32)) if kind == "clamp" else y

    def graph(self, x: str) -> ir.Graph:
        shape = self.types[x].shape
        flat = self.add(ir.Flatten, self.add(ir.AvgPool, x, shape[1:], (1, 1)))
        head = self.add(ir.Linear, flat, self.floats(130, shape[0]), self.floats(130))
        return ir.Graph(self.spec, tuple(self.nodes), head)


def stem_of_floats(rng: np.random.Generator) -> ir.Graph:
    net = Network(rng, "float32", (3, 48, 40))
    x = net.add(ir.MaxPool, net.affine(net.conv("input", 64, 7, 2)), (3, 3), (2, 2), (1, 1))
    for outputs, kind in ((64, "prelu"), (64, "plain"), (128, "clamp"), (128, "replicate"), (128, "plain")):
        x = net.block(x, outputs, kind)
    return net.graph(x)


def stem_of_pixels(rng: np.random.Generator) -> ir.Graph:
    net = Network(rng, "uint8", (3, 30, 34))
    x = net.affine(net.pixels("input", 40), 0.001)
    for outputs, kind in ((40, "ones"), (40, "prelu"), (72, "plain"), (72, "clamp")):
        x = net.block(x, outputs, kind)
    return net.graph(x)


@pytest.mark.parametrize("make", [stem_of_floats, stem_of_pixels])
def test_residual_networks(make: Any) -> None:
    rng = np.random.default_rng(1)
    graph = make(rng)
    spec = graph.input
    x = rng.standard_normal((2, *spec.shape)).astype(F32)
    if spec.dtype == "uint8":
        x = rng.integers(0, 256, x.shape).astype(np.uint8)
    expected = evaluate(graph, x)
    for isa in ISAS:
        if isa == "reference":
            continue
        assert_equals_oracle(PackedModel(graph, threads=1, isa=isa), x, expected)
        for threads in (2, 5):
            y = PackedModel(graph, threads=threads, isa=isa)(x[:1])
            assert_same_bits(y, expected[graph.output][:1], f"{isa}, {threads} threads")


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 2, 1), (2, 2, 0), (3, 1, 1), (4, 3, 2), (1, 2, 0)]
)
def test_pooled_stems(kernel: int, stride: int, padding: int) -> None:
    rng = np.random.default_rng([kernel, stride])
    pool = tuple((side, side) for side in (kernel, stride, padding))
    for outputs, dtype in ((64, "float32"), (40, "uint8")):
        net = Network(rng, dtype, (2, 40, 33))
        sums = net.conv("input", outputs, 3) if dtype == "float32" else net.pixels("input", outputs)
        last = net.add(ir.MaxPool, net.add(ir.PRelu, net.affine(sums), net.floats(outputs)), *pool)
        graph = ir.Graph(net.spec, tuple(net.nodes), last)
        x = (50 * rng.random((1, 2, 40, 33))).astype(dtype)
        expected = evaluate(graph, x)
        for isa in set(ISAS) - {"reference"}:
            for threads in (1, 3):
                model = PackedModel(graph, threads=threads, isa=isa)
                (step,) = [step for step in model.plan().layouts[0].steps if step.node == sums]
                assert step.fused[-1] == last
                assert_equals_oracle(model, x, expected)


def test_streams_that_somebody_else_reads_stay() -> None:
    """Blocks write over the stream that they add to only where that ends."""
    rng = np.random.default_rng(4)
    net = Network(rng, "float32", (64, 9, 11))
    start = net.affine("input")
    first = net.block(start, 64, "plain")
    second = net.block(first, 64, "plain")
    twice = net.add(ir.Add, second, second)
    far = net.add(ir.Add, net.affine(net.signs(net.sign(twice), 64), 0.02), first)
    last = net.add(ir.Add, far, twice)
    graph = ir.Graph(net.spec, tuple(net.nodes), last)
    x = rng.standard_normal((3, 64, 9, 11)).astype(F32)
    expected = evaluate(graph, x)
    for threads in (1, 3):
        assert_equals_oracle(PackedModel(graph, threads=threads), x, expected)


def test_every_reader_of_a_sum_has_its_own_thresholds() -> None:
    """Three signs of one sum leave its step as bits; the sums behind them leave the network as integers."""
    rng = np.random.default_rng(5)
    net = Network(rng, "float32", (64, 9, 11))
    sums = net.signs(net.sign("input"), 96)
    affine = net.affine(sums, 0.02)
    signs = [net.sign(affine) for _ in range(3)]
    ends = [net.signs(sign, 40) for sign in signs]
    last = net.add(ir.Concat, ends[0], others=tuple(ends[1:]))
    graph = ir.Graph(net.spec, tuple(net.nodes), last)
    x = rng.standard_normal((2, 64, 9, 11)).astype(F32)
    expected = evaluate(graph, x)
    for isa in set(ISAS) - {"reference"}:
        for threads in (1, 2):
            model = PackedModel(graph, threads=threads, isa=isa)
            (step,) = [step for step in model.plan().layouts[0].steps if step.node == sums]
            assert step.fused == (affine, *signs)
            assert_equals_oracle(model, x, expected)


def test_sums_take_16_bits_where_they_fit() -> None:
    """What a program reads; what leaves the network, or could exceed 16 bits by one, stays int32."""
    rng = np.random.default_rng(6)
    net = Network(rng, "float32", (64, 9, 11))
    sums = net.signs(net.sign("input"), 96)
    net.affine(sums, 0.02)
    bits, conv, affine = net.nodes
    limit = 2**15 - 1 - 2 * 64 * 9
    x = rng.standard_normal((2, 64, 9, 11)).astype(F32)
    for most, read, kind in ((limit, True, "i16"), (limit + 1, True, "i32"), (limit, False, "i32")):
        constant = rng.choice(np.array([most, -limit], np.int32), conv.constant.shape)
        nodes = (bits, replace(conv, constant=constant), *([affine] if read else []))
        graph = ir.Graph(net.spec, nodes, nodes[-1].name)
        expected = evaluate(graph, x)
        for isa in set(ISAS) - {"reference"}:
            for threads in (1, 2):
                model = PackedModel(graph, threads=threads, isa=isa)
                (step,) = [step for step in model.plan().layouts[0].steps if step.node == sums]
                counts = [name for name in step.kernels if name.startswith("accumulate_conv2d")]
                assert counts or isa == "generic"  # which takes lists of taps
                assert all(name.startswith(f"accumulate_conv2d_u64_{kind}__") for name in counts)
                assert_equals_oracle(model, x, expected)
