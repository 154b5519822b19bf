"""Nodes between which integers or float32 numbers flow: sums, residual streams, float stems and heads.

Float arithmetic is IEEE float32, rounded to nearest. The order of operations is part of each meaning; nothing
is fused but where fma is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, ShapeError
from .node import Node
from .values import ValueType
from .windows import pooled


def check_parameters(node: Node, shape: tuple[int, ...], **arrays: npt.NDArray[Any]) -> None:
    """Raise FormatError or ShapeError unless each array is finite float32 of this shape."""
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape != shape:
            raise ShapeError(
                f"node {node.name!r}: {name} must be float32 {list(shape)}, got {array.dtype} "
                f"{list(array.shape)}"
            )
        if not bool(np.all(np.isfinite(array))):
            raise FormatError(f"node {node.name!r}: {name} must be finite")


@dataclass(frozen=True, eq=False)
class Affine(Node):
    """y = fma(float(x), scale[c], shift[c]); ``scale`` and ``shift`` are float32 [C].

    A multiplication is the shift -0.0, an addition the scale 1: both are exact special cases.
    """

    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    op: ClassVar[str] = "affine"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("int32", "float32"))
        check_parameters(self, x.shape[:1], scale=self.scale, shift=self.shift)
        return ValueType("float32", x.shape)


@dataclass(frozen=True, eq=False)
class Add(Node):
    """y = x + other, two float32 values of one shape."""

    other: str
    op: ClassVar[str] = "add"

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input, self.other)

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32",))
        self._need(others[0], ("float32",))
        if x.shape != others[0].shape:
            raise ShapeError(f"node {self.name!r}: adds {x.shape} and {others[0].shape}")
        return x


@dataclass(frozen=True, eq=False)
class PRelu(Node):
    """y = x if x > 0 else slope[c] * x; ``slope`` is float32 [C]."""

    slope: npt.NDArray[np.float32]
    op: ClassVar[str] = "prelu"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32",))
        check_parameters(self, x.shape[:1], slope=self.slope)
        return x


@dataclass(frozen=True, eq=False)
class Clamp(Node):
    """t = low if x < low else x; y = high if t > high else t. ReLU is (0, inf), hardtanh (-1, 1).

    ``limits`` is float32 [2]: low and high, low <= high; either may be infinite.
    """

    limits: npt.NDArray[np.float32]
    op: ClassVar[str] = "clamp"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32",))
        if self.limits.dtype != np.float32 or self.limits.shape != (2,):
            raise ShapeError(f"node {self.name!r}: limits must be float32 [2]")
        if not self.limits[0] <= self.limits[1]:
            raise FormatError(f"node {self.name!r}: limits {self.limits.tolist()} are not low <= high")
        return x


@dataclass(frozen=True, eq=False)
class AvgPool(Node):
    """Mean over windows without padding, floor mode: the sum in row-major order from the first tap on, then
    divided by float(kh * kw)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    op: ClassVar[str] = "avg_pool"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32",), 3)
        return pooled(self, self.kernel, self.stride, (0, 0), x)


@dataclass(frozen=True, eq=False)
class Concat(Node):
    """The channels of ``input``, then those of each of ``others``: all bits, all int32 or all float32."""

    others: tuple[str, ...]
    op: ClassVar[str] = "concat"

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input, *self.others)

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits", "int32", "float32"))
        for name, other in zip(self.others, others, strict=True):
            if other.kind != x.kind or other.shape[1:] != x.shape[1:] or len(other.shape) != len(x.shape):
                raise ShapeError(
                    f"node {self.name!r}: {name!r} is {other.kind} {other.shape}, which does not fit beside "
                    f"{x.kind} {x.shape}"
                )
        return ValueType(x.kind, (sum(t.shape[0] for t in (x, *others)), *x.shape[1:]))


@dataclass(frozen=True, eq=False)
class Linear(Node):
    """Float dense layer: y[o] = bias[o], then, k ascending, y[o] += weight[o, k] for each set bit k, or
    y[o] = fma(weight[o, k], x[k], y[o]) for float32 inputs.

    ``weight`` is float32 [O, K], ``bias`` float32 [O]. The order of summation is part of the meaning.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    op: ClassVar[str] = "linear"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits", "float32"), 1)
        if self.weight.dtype != np.float32 or self.bias.dtype != np.float32:
            raise FormatError(f"node {self.name!r}: weight and bias must be float32")
        if (
            self.weight.ndim != 2
            or self.weight.shape[1] != x.shape[0]
            or self.bias.shape != self.weight.shape[:1]
        ):
            raise ShapeError(
                f"node {self.name!r}: weight {self.weight.shape} and bias {self.bias.shape} do not fit "
                f"{x.shape}"
            )
        check_parameters(self, self.weight.shape, weight=self.weight)
        check_parameters(self, self.bias.shape, bias=self.bias)
        return ValueType("float32", (self.weight.shape[0],))
