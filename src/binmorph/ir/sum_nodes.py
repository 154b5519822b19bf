"""Convolutions that write sums: integers (counts of bits, bytes times small integers) or float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, ShapeError
from .stream_nodes import check_parameters
from .values import EXACT_INT, ValueType
from .windows import WindowNode


def _check_bound(node: WindowNode, bound: int) -> None:
    if bound >= EXACT_INT:
        raise FormatError(f"{node.where}: its sums may reach {bound}, the limit is {EXACT_INT - 1}")


def _largest(array: npt.NDArray[np.int32]) -> int:
    return int(np.abs(array.astype(np.int64)).max(initial=0))


@dataclass(frozen=True, eq=False)
class CountConv2d(WindowNode):
    """y = factor (popcount(x AND plus) - popcount(x AND minus)) + constant[class, o], int32.

    ``plus_weights`` and ``minus_weights``, bool [O, n] and disjoint, are the masks plus and minus; ``factor``
    is 1 ({0, 1} inputs) or 2 (-1 and +1 stored as bits); ``constant`` is int32 [classes, O]. Features (K,)
    are read as an image of one pixel.
    """

    factor: int
    plus_weights: npt.NDArray[np.bool_]
    minus_weights: npt.NDArray[np.bool_]
    constant: npt.NDArray[np.int32]
    op: ClassVar[str] = "count_conv2d"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",))
        plus, minus = self.plus_weights, self.minus_weights
        if plus.dtype != np.bool_ or minus.dtype != np.bool_ or plus.ndim != 2:
            raise ShapeError(f"{self.where}: plus_weights and minus_weights must be bool [O, n]")
        if plus.shape != minus.shape or bool(np.any(plus & minus)):
            raise FormatError(
                f"{self.where}: plus_weights and minus_weights must have one shape and be disjoint"
            )
        if self.factor not in (1, 2):
            raise FormatError(f"{self.where}: factor {self.factor} is not 1 or 2")
        outputs, n = plus.shape
        result = self._windows("int32", x, outputs, n)
        self._check_classes(x, "constant", self.constant, outputs)
        _check_bound(self, self.factor * n + _largest(self.constant))
        return result


@dataclass(frozen=True, eq=False)
class TwoValueConv2d(WindowNode):
    """Weights in a domain {alpha, beta} (Schiavone et al. 2023): with P = popcount(x AND plus) and X the
    popcount of the whole window (of its group),

        R = factor P + constant[class, o],  A = factor X + total[class],
        y = fma(difference[o], float(R), low[o] * float(A)), float32

    ``plus_weights`` bool [O, n], the mask plus, marks the weights alpha; ``difference`` is alpha - beta and
    ``low`` beta, float32 [O]; ``constant`` is int32 [classes, O], ``total`` int32 [classes, 1].
    """

    factor: int
    plus_weights: npt.NDArray[np.bool_]
    constant: npt.NDArray[np.int32]
    total: npt.NDArray[np.int32]
    difference: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    op: ClassVar[str] = "two_value_conv2d"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",))
        if self.plus_weights.dtype != np.bool_ or self.plus_weights.ndim != 2:
            raise ShapeError(f"{self.where}: plus must be bool [O, n]")
        if self.factor not in (1, 2):
            raise FormatError(f"{self.where}: factor {self.factor} is not 1 or 2")
        outputs, n = self.plus_weights.shape
        result = self._windows("float32", x, outputs, n)
        self._check_classes(x, "constant", self.constant, outputs)
        self._check_classes(x, "total", self.total, 1)
        check_parameters(self, (outputs,), difference=self.difference, low=self.low)
        _check_bound(self, self.factor * n + max(_largest(self.constant), _largest(self.total)))
        return result


@dataclass(frozen=True, eq=False)
class PixelConv2d(WindowNode):
    """First layer over bytes: y = sum of weight * x over the window + constant[class, o], int32.

    ``weight`` is int8 [O, C / groups, kh, kw], ``constant`` int32 [classes, O]; taps outside are 0.
    """

    weight: npt.NDArray[np.int8]
    constant: npt.NDArray[np.int32]
    borders: ClassVar[tuple[str, ...]] = ("zeros",)
    op: ClassVar[str] = "pixel_conv2d"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("uint8",), 3)
        if self.weight.dtype != np.int8 or self.weight.ndim != 4 or self.weight.shape[2:] != self.kernel:
            raise ShapeError(f"{self.where}: weight must be int8 [O, C / groups, {self.kernel}]")
        outputs = len(self.weight)
        result = self._windows("int32", x, outputs, int(np.prod(self.weight.shape[1:])))
        self._check_classes(x, "constant", self.constant, outputs)
        sums = np.abs(self.weight.astype(np.int64)).reshape(outputs, -1).sum(1)
        _check_bound(self, 255 * int(sums.max(initial=0)) + _largest(self.constant))
        return result


@dataclass(frozen=True, eq=False)
class Conv2d(WindowNode):
    """Float convolution: y = bias[o], then y = fma(weight, x, y) over the taps in the order [row][column]
    [channel of the group]; a tap outside is +0.0 (and its fma is made). Bytes are read as floats.

    ``weight`` is float32 [O, C / groups, kh, kw], ``bias`` float32 [O]. The order is part of the meaning.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    borders: ClassVar[tuple[str, ...]] = ("zeros",)
    op: ClassVar[str] = "conv2d"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32", "uint8"), 3)
        if self.weight.ndim != 4 or self.weight.shape[2:] != self.kernel:
            raise ShapeError(f"{self.where}: weight must be float32 [O, C / groups, {self.kernel}]")
        outputs = len(self.weight)
        check_parameters(self, self.weight.shape, weight=self.weight)
        check_parameters(self, (outputs,), bias=self.bias)
        return self._windows("float32", x, outputs, int(np.prod(self.weight.shape[1:])))
