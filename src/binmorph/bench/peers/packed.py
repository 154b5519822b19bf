"""Ours: networks as graphs of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import binmorph
from binmorph import BitArray, ir
from binmorph.bits import Layout
from binmorph.runtime import PackedModel

from ..contest import Absent, Array, System
from ..networks import Bits, Floats, Ints


def sign_neurons(weight: Bits, threshold: Ints) -> ir.Neurons:
    """Neurons over bits for sums of +-1 products that reach a threshold: the sum of w (2 b - 1) is
    2 (P+ - P-) less the sum of the weights."""
    plus = weight.reshape(len(weight), -1)
    ones = plus.sum(1, dtype=np.int64)
    total = plus.shape[1]
    limit = -(-(threshold + 2 * ones - total) // 2)
    return ir.Neurons(
        plus,
        ~plus,
        np.clip(limit, ones - total, ones + 1).astype(np.int32),
        np.zeros(len(plus), bool),
        np.full(len(plus), int(ir.Status.APPROXIMATED), np.uint8),
        np.full(len(plus), np.nan),
        np.ones(len(plus)),
    )


class PackedNetwork:
    """Values are names of nodes; ``shape`` is that of the input, (C, H, W) or (K,). With ``bits`` it is
    {0, 1} and comes packed."""

    def __init__(self, shape: tuple[int, ...], bits: bool = False) -> None:
        self._spec = ir.InputSpec("uint8" if bits else "float32", shape)
        self._nodes: list[ir.AnyNode] = []
        self._types = {"input": ir.ValueType(self._spec.dtype, shape)}

    def graph(self, output: str) -> ir.Graph:
        """The graph that ends in ``output``."""
        return ir.Graph(self._spec, tuple(self._nodes), output)

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self._nodes)}"

    def _add(self, node: ir.AnyNode) -> str:
        self._types[node.name] = node.infer(*(self._types[name] for name in node.inputs))
        self._nodes.append(node)
        return node.name

    def input(self) -> str:
        return "input"

    def packed_input(self) -> str:
        return self._add(ir.PackBinary("pack", "input"))

    def signs(self, x: str, threshold: Floats) -> str:
        return self._add(ir.LevelSets(self._name("sign"), x, threshold[:, None]))

    def binary_conv(self, x: str, weight: Bits, threshold: Ints, stride: int, padding: int) -> str:
        window = (weight.shape[2:], (stride, stride), (1, 1), (padding, padding), 1, "zeros")
        offset = np.zeros((1, len(weight)), np.int32)
        return self._add(
            ir.ThresholdConv2d(self._name("conv"), x, *window, sign_neurons(weight, threshold), offset)
        )

    def binary_dense(self, x: str, weight: Bits, threshold: Ints) -> str:
        return self.neurons(x, sign_neurons(weight, threshold))

    def neurons(self, x: str, neurons: ir.Neurons) -> str:
        """A dense layer of any threshold neurons."""
        return self._add(ir.ThresholdDense(self._name("dense"), x, neurons))

    def pool_bits(self, x: str) -> str:
        return self._add(ir.MaxPool(self._name("pool"), x, (2, 2), (2, 2)))

    def flatten_bits(self, x: str) -> str:
        return self._add(ir.Flatten(self._name("flat"), x))

    def bisel(self, x: str, kernel: int, bise: ir.Neurons, lui: ir.Neurons) -> str:
        return self._add(ir.Bisel(self._name("bisel"), x, (kernel, kernel), "replicate", bise, lui))

    def scores(self, x: str, weight: Floats, bias: Floats) -> str:
        """Over bits 0 and 1 that stand for -1 and +1."""
        return self._add(ir.Linear("scores", x, 2 * weight, bias - weight.sum(1)))

    def conv(self, x: str, weight: Floats, stride: int, padding: int) -> str:
        window = (weight.shape[2:], (stride, stride), (1, 1), (padding, padding), 1, "zeros")
        return self._add(ir.Conv2d(self._name("conv"), x, *window, weight, np.zeros(len(weight), np.float32)))

    def affine(self, x: str, scale: Floats, shift: Floats) -> str:
        return self._add(ir.Affine(self._name("affine"), x, scale, shift))

    def relu(self, x: str) -> str:
        return self._add(ir.Clamp(self._name("relu"), x, np.array([0, np.inf], np.float32)))

    def max_pool(self, x: str) -> str:
        return self._add(ir.MaxPool(self._name("pool"), x, (3, 3), (2, 2), (1, 1)))

    def average_pool(self, x: str) -> str:
        return self._add(ir.AvgPool(self._name("mean"), x, (2, 2), (2, 2)))

    def add(self, x: str, y: str) -> str:
        return self._add(ir.Add(self._name("add"), x, y))

    def sign_conv(self, x: str, threshold: Floats, weight: Bits, stride: int) -> str:
        plus = weight.reshape(len(weight), -1)
        constant = (plus.shape[1] - 2 * plus.sum(1, dtype=np.int32))[None].astype(np.int32)
        window = ((3, 3), (stride, stride), (1, 1), (1, 1), 1, "zeros")
        bits = self.signs(x, threshold)
        return self._add(ir.CountConv2d(self._name("binary"), bits, *window, 2, plus, ~plus, constant))

    def two_value_conv(
        self, x: str, threshold: Floats, alphas: Bits, values: tuple[float, float], stride: int
    ) -> str:
        plus = alphas.reshape(len(alphas), -1)
        constant = -plus.sum(1, dtype=np.int32)[None]
        total = np.full((1, 1), -plus.shape[1], np.int32)
        difference, low = (np.full(len(plus), v, np.float32) for v in (values[0] - values[1], values[1]))
        window = ((3, 3), (stride, stride), (1, 1), (1, 1), 1, "zeros")
        node = (self._name("two_value"), self.signs(x, threshold), *window)
        return self._add(ir.TwoValueConv2d(*node, 2, plus, constant, total, difference, low))

    def head(self, x: str, weight: Floats, bias: Floats) -> str:
        _, height, width = self._types[x].shape
        mean = self._add(ir.AvgPool(self._name("mean"), x, (height, width), (1, 1)))
        return self._add(ir.Linear("scores", self._add(ir.Flatten(self._name("flat"), mean)), weight, bias))


def packed_system(
    name: str, graph: ir.Graph, x: Array, threads: int, isa: str | None = None, layout: Layout = "row-packed"
) -> Callable[[], System]:
    """Ours on the images ``x``; bits in and bits out stay packed, in this layout. ``isa`` holds it to an
    instruction set."""

    def make() -> System:
        model = PackedModel(graph, threads=threads, isa=isa)
        version, settings = f"{binmorph.__version__} {model.isa}", f"{threads} threads"
        core = model._core
        if graph.input.dtype == "uint8" and graph.type_of(graph.output).kind == "bits":
            bits = BitArray.pack(x, layout)
            return System(
                name,
                version,
                lambda: model(bits),
                lambda: model(bits).unpack(),
                f"{settings}, {layout} bits in and out",
                lambda n: core.run_packed(bits._words, n, layout == "channel-packed"),
            )
        return System(name, version, lambda: model(x), lambda: model(x), settings, lambda n: core.run(x, n))

    return make


def isas_to_compare() -> dict[str, str | None]:
    """Our columns: the best instruction set, and AVX2 where the best is above it."""
    best = binmorph._core.default_isa()
    return {"binmorph": None, **({"binmorph-avx2": "x86_avx2"} if best == "x86_avx512" else {})}


def device_system(graph: ir.Graph, x: Array) -> Callable[[], System]:
    """Ours on the first GPU, from arrays of the host and back."""

    def make() -> System:
        model, device = _on_device(graph)
        settings = f"{device}, host arrays in and out"
        return System("binmorph-cuda", binmorph.__version__, lambda: model(x), lambda: model(x), settings)

    return make


def device_bits_system(graph: ir.Graph, x: Array) -> Callable[[], System]:
    """Ours on the first GPU, on bits that lie there. A call waits for it by comparing the result with itself,
    which reads its bits once more."""

    def make() -> System:
        model, device = _on_device(graph)
        bits = BitArray.pack(x).to("cuda")

        def call() -> Any:
            out = model(bits)
            assert out == out
            return out

        settings = f"{device}, packed on the GPU"
        return System("binmorph-cuda", binmorph.__version__, call, lambda: call().unpack(), settings)

    return make


def _on_device(graph: ir.Graph) -> tuple[PackedModel, str]:
    from binmorph.devices import describe_devices
    from binmorph.errors import DeviceError
    from binmorph.runtime import DeviceModel

    try:
        model = DeviceModel(graph)
    except DeviceError as error:
        raise Absent(str(error)) from error
    return model, str(describe_devices()["cuda"]["devices"][0]["name"])
