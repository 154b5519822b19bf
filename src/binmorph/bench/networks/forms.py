"""Two ways in which a library of float operators runs a binary network."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ir
from ..contest import Absent
from . import Bits, Floats, Ints, Ops


def signed(bits: Bits) -> Floats:
    """-1 and +1."""
    return np.where(bits, np.float32(1), np.float32(-1))


class Form:
    """What both ways share: the float layers."""

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def input(self) -> Any:
        return self.ops.input()

    def conv(self, x: Any, weight: Floats, stride: int, padding: int) -> Any:
        return self.ops.conv(x, weight, None, stride, padding)

    def affine(self, x: Any, scale: Floats, shift: Floats) -> Any:
        return self.ops.affine(x, scale, shift)

    def relu(self, x: Any) -> Any:
        return self.ops.relu(x)

    def max_pool(self, x: Any) -> Any:
        return self.ops.max_pool(x, 3, 2, 1)

    def average_pool(self, x: Any) -> Any:
        return self.ops.average_pool(x, 2)

    def add(self, x: Any, y: Any) -> Any:
        return self.ops.add(x, y)

    def head(self, x: Any, weight: Floats, bias: Floats) -> Any:
        return self.ops.linear(self.ops.mean(x), weight, bias)

    def pool_bits(self, x: Any) -> Any:
        return self.ops.max_pool(x, 2, 2, 0)

    def flatten_bits(self, x: Any) -> Any:
        return self.ops.flatten(x)

    def scores(self, x: Any, weight: Floats, bias: Floats) -> Any:
        return self.ops.linear(x, weight, bias)


class Simulated(Form):
    """The same network as people run it today: float operators on -1 and +1."""

    def signs(self, x: Any, threshold: Floats) -> Any:
        return self.ops.signs(x, threshold)

    def binary_conv(self, x: Any, weight: Bits, threshold: Ints, stride: int, padding: int) -> Any:
        sums = self.ops.conv(x, signed(weight), None, stride, padding, -1)
        return self.ops.signs(sums, threshold.astype(np.float32))

    def binary_dense(self, x: Any, weight: Bits, threshold: Ints) -> Any:
        return self.ops.signs(self.ops.linear(x, signed(weight), None), threshold.astype(np.float32))

    def sign_conv(self, x: Any, threshold: Floats, weight: Bits, stride: int) -> Any:
        return self.ops.conv(self.ops.signs(x, threshold), signed(weight), None, stride, 1, -1)

    def two_value_conv(
        self, x: Any, threshold: Floats, alphas: Bits, values: tuple[float, float], stride: int
    ) -> Any:
        weight = np.where(alphas, *(np.float32(v) for v in values))
        return self.ops.conv(self.ops.signs(x, threshold), weight, None, stride, 1, -1)

    def bisel(self, x: Any, kernel: int, bise: ir.Neurons, lui: ir.Neurons) -> Any:
        run = getattr(self.ops, "bisel", None)
        if run is None:
            raise Absent("has no operator for BiSEL layers")
        return run(x, kernel, bise, lui)


class FloatTwin(Form):
    """A network of the same shapes as people would train it in float: convolutions with a bias, and ReLU."""

    def signs(self, x: Any, threshold: Floats) -> Any:
        return x

    def binary_conv(self, x: Any, weight: Bits, threshold: Ints, stride: int, padding: int) -> Any:
        scale = np.float32(1 / np.sqrt(weight[0].size))
        return self.ops.relu(
            self.ops.conv(x, signed(weight) * scale, -scale * threshold.astype(np.float32), stride, padding)
        )

    def binary_dense(self, x: Any, weight: Bits, threshold: Ints) -> Any:
        scale = np.float32(1 / np.sqrt(weight[0].size))
        return self.ops.relu(
            self.ops.linear(x, signed(weight) * scale, -scale * threshold.astype(np.float32))
        )

    def sign_conv(self, x: Any, threshold: Floats, weight: Bits, stride: int) -> Any:
        return self.ops.conv(self.ops.relu(x), signed(weight), None, stride, 1)

    def two_value_conv(
        self, x: Any, threshold: Floats, alphas: Bits, values: tuple[float, float], stride: int
    ) -> Any:
        weight = np.where(alphas, *(np.float32(v) for v in values))
        return self.ops.conv(self.ops.relu(x), weight, None, stride, 1)

    def bisel(self, x: Any, kernel: int, bise: ir.Neurons, lui: ir.Neurons) -> Any:
        scale = np.float32(1 / kernel / np.sqrt(lui.n))
        weight = signed(bise.plus).reshape(*bise.shape, kernel, kernel) * scale
        return self.ops.relu(
            self.ops.conv(x, weight, scale * lui.threshold.astype(np.float32), 1, kernel // 2)
        )
