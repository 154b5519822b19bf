"""Nodes that write bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, ShapeError
from .neurons import Neurons, Status
from .node import Node
from .values import BORDERS, ValueType
from .windows import WindowNode, pooled


@dataclass(frozen=True, eq=False)
class LevelSets(Node):
    """Numbers to bits: channel c * n + i is [x[c] >= values[c, i]]; ``values`` is float32 [C, n].

    On an image these are its level sets; on a stream of sums n = 1 is a sign and n > 1 a thermometer.
    """

    values: npt.NDArray[np.float32]
    op: ClassVar[str] = "level_sets"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32", "uint8", "int32"))
        if self.values.dtype != np.float32 or self.values.ndim != 2 or self.values.size == 0:
            raise FormatError(
                f"node {self.name!r}: values must be a non-empty float32 [channels, levels] array"
            )
        if not bool(np.all(np.isfinite(self.values))):
            raise FormatError(f"node {self.name!r}: values must be finite")
        if self.values.shape[0] != x.shape[0]:
            raise ShapeError(
                f"node {self.name!r}: {self.values.shape[0]} value rows for {x.shape[0]} channels"
            )
        return ValueType("bits", (self.values.size, *x.shape[1:]))


@dataclass(frozen=True, eq=False)
class PackBinary(Node):
    """A {0, 1} input to bits; any other value is a DomainError at run time."""

    op: ClassVar[str] = "pack_binary"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("float32", "uint8"))
        return ValueType("bits", x.shape)


@dataclass(frozen=True, eq=False)
class Bisel(Node):
    """Multi-channel morphology (BiSEL, Aouad & Talbot): per output o and channel c a BiSE neuron over a
    kh x kw window of channel c, then per output a LUI neuron over the C results.

    ``bise`` is Neurons [O, C] with n = kh * kw (row-major window), ``lui`` is Neurons [O] with n = C.
    Output size: (H, W), or (H - kh + 1, W - kw + 1) for border "valid".
    """

    kernel: tuple[int, int]
    border: str
    bise: Neurons
    lui: Neurons
    op: ClassVar[str] = "bisel"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        kh, kw = self.kernel
        channels, height, width = x.shape
        if self.border not in BORDERS:
            raise FormatError(
                f"node {self.name!r}: border {self.border!r} is not one of {', '.join(BORDERS)}"
            )
        if kh < 1 or kw < 1 or self.bise.n != kh * kw:
            raise ShapeError(
                f"node {self.name!r}: kernel {self.kernel} does not fit masks of {self.bise.n} taps"
            )
        if (
            len(self.bise.shape) != 2
            or self.lui.shape != self.bise.shape[:1]
            or self.lui.n != self.bise.shape[1]
        ):
            raise ShapeError(
                f"node {self.name!r}: bise {self.bise.shape} must be (O, C) and lui {self.lui.shape} x "
                f"{self.lui.n} must be (O,) x C"
            )
        if channels != self.bise.shape[1]:
            raise ShapeError(
                f"node {self.name!r}: made for {self.bise.shape[1]} channels, its input has {channels}"
            )
        if self.border == "valid":
            height, width = height - kh + 1, width - kw + 1
            if height < 1 or width < 1:
                raise ShapeError(
                    f"node {self.name!r}: a {kh}x{kw} window does not fit in a {x.shape[1:]} image"
                )
        return ValueType("bits", (self.bise.shape[0], height, width))


@dataclass(frozen=True, eq=False)
class TruthTable(Node):
    """Boolean functions of up to 16 inputs by their tables, for neurons that are no count.

    Output o reads a kh x kw window of each of the channels ``channels`` int32 [O, m]: n = m kh kw inputs x_i,
    in the order [channel][row][column]. Its bit is entry sum_i x_i 2^i of ``table`` bool [O, 2^n].
    ``statuses`` uint8 [O] are each a :class:`Status`, never APPROXIMATED. Borders and output
    size are those of :class:`Bisel`.
    """

    kernel: tuple[int, int]
    border: str
    channels: npt.NDArray[np.int32]
    table: npt.NDArray[np.bool_]
    statuses: npt.NDArray[np.uint8]
    op: ClassVar[str] = "truth_table"
    MOST_INPUTS: ClassVar[int] = 16

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        where, (kh, kw) = f"node {self.name!r}", self.kernel
        if self.border not in BORDERS:
            raise FormatError(f"{where}: border {self.border!r} is not one of {', '.join(BORDERS)}")
        if kh < 1 or kw < 1 or self.channels.ndim != 2 or self.channels.size == 0:
            raise ShapeError(f"{where}: kernel {self.kernel} and channels {self.channels.shape} [O, m]")
        dtypes = [str(array.dtype) for array in (self.channels, self.table, self.statuses)]
        if dtypes != ["int32", "bool", "uint8"]:
            raise FormatError(f"{where}: channels must be int32, the table bool and statuses uint8")
        outputs, n = len(self.channels), self.channels.shape[1] * kh * kw
        if n > self.MOST_INPUTS:
            raise ShapeError(f"{where}: a table of {n} inputs; the limit is {self.MOST_INPUTS}")
        if self.table.shape != (outputs, 2**n) or self.statuses.shape != (outputs,):
            raise ShapeError(
                f"{where}: table {self.table.shape} and statuses {self.statuses.shape} must be "
                f"({outputs}, {2**n}) and ({outputs},)"
            )
        if self.channels.min() < 0 or self.channels.max() >= x.shape[0]:
            raise FormatError(f"{where}: channels must lie in [0, {x.shape[0]})")
        if bool(np.any(self.statuses >= Status.APPROXIMATED)):
            raise FormatError(f"{where}: a table is exact, its status is not {int(self.statuses.max())}")
        height, width = x.shape[1:]
        if self.border == "valid":
            height, width = height - kh + 1, width - kw + 1
            if height < 1 or width < 1:
                raise ShapeError(f"{where}: a {kh}x{kw} window does not fit in a {x.shape[1:]} image")
        return ValueType("bits", (outputs, height, width))


@dataclass(frozen=True, eq=False)
class MaxPool(Node):
    """Maximum over windows, floor mode, as torch's ``MaxPool2d``: an OR of bits (without padding), or the
    largest float32 inside the image."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    op: ClassVar[str] = "max_pool"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits", "float32"), 3)
        if x.kind == "bits" and self.padding != (0, 0):
            raise ShapeError(f"node {self.name!r}: bits are pooled without padding")
        return pooled(self, self.kernel, self.stride, self.padding, x)


@dataclass(frozen=True, eq=False)
class Flatten(Node):
    """(C, H, W) to (C * H * W,), channel-major as torch's ``flatten(1)``."""

    op: ClassVar[str] = "flatten"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits", "int32", "float32"), 3)
        return ValueType(x.kind, (x.size,))


@dataclass(frozen=True, eq=False)
class ThresholdDense(Node):
    """Fully connected threshold neurons (DenseLUI): ``neurons`` is Neurons [O] with n = K."""

    neurons: Neurons
    op: ClassVar[str] = "threshold_dense"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",), 1)
        if len(self.neurons.shape) != 1 or self.neurons.n != x.shape[0]:
            raise ShapeError(
                f"node {self.name!r}: neurons {self.neurons.shape} of {self.neurons.n} inputs do not fit "
                f"{x.shape}"
            )
        return ValueType("bits", self.neurons.shape)


@dataclass(frozen=True, eq=False)
class ThresholdConv2d(WindowNode):
    """Convolution of threshold neurons: XNOR, AND and ternary convolutions with what follows them folded in.

    ``neurons`` is Neurons [O]; ``offset`` int32 [classes, O] is added to their thresholds. So +-1 data with
    true zeros outside are exact: taps outside count nothing, and the threshold knows how many there were.
    """

    neurons: Neurons
    offset: npt.NDArray[np.int32]
    op: ClassVar[str] = "threshold_conv2d"

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        if len(self.neurons.shape) != 1:
            raise ShapeError(f"{self.where}: neurons {self.neurons.shape} must be (O,)")
        outputs = self.neurons.shape[0]
        result = self._windows("bits", x, outputs, self.neurons.n)
        self._check_classes(x, "offset", self.offset, outputs)
        threshold = self.neurons.threshold.astype(np.int64) + self.offset
        if bool(np.any(np.abs(threshold) > self.neurons.n + 1)):
            raise FormatError(f"{self.where}: a threshold plus its offset lies outside [-n - 1, n + 1]")
        return result
