"""Networks as graphs of this package."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from binmorph import ir

Floats = npt.NDArray[np.float32]


class PackedNetwork:
    """Values are names of nodes; ``shape`` is that of the input, (C, H, W) float32."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._spec = ir.InputSpec("float32", shape)
        self._nodes: list[ir.AnyNode] = []
        self._types = {"input": ir.ValueType("float32", shape)}

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

    def sign_conv(self, x: str, threshold: Floats, weight: npt.NDArray[np.bool_], stride: int) -> str:
        """Outside the image is -1: bit 0."""
        bits = self._add(ir.LevelSets(self._name("sign"), x, threshold[:, None]))
        window = ((3, 3), (stride, stride), (1, 1), (1, 1), 1, "zeros")
        plus = weight.reshape(len(weight), -1)
        # The sum of w (2 b - 1) is 2 (P+ - P-) less the sum of the weights.
        constant = (plus.shape[1] - 2 * plus.sum(1, dtype=np.int32))[None].astype(np.int32)
        return self._add(ir.CountConv2d(self._name("binary"), bits, *window, 2, plus, ~plus, constant))

    def head(self, x: str, weight: Floats, bias: Floats) -> str:
        _, height, width = self._types[x].shape
        mean = self._add(ir.AvgPool(self._name("mean"), x, (height, width), (1, 1)))
        return self._add(ir.Linear("scores", self._add(ir.Flatten(self._name("flat"), mean)), weight, bias))
