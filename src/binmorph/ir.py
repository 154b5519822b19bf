"""The graph: the only vocabulary that exporter, file, cost model and runtime share.

Every packed layer is a *thresholded popcount correlation*. One neuron sees a window of n bits x and fires if

    y = [ popcount(x AND plus) - popcount(x AND minus) >= threshold ]  XOR  invert

- erosion by S:        plus = S, minus = {}, threshold = |S|
- dilation by S:       plus = S, minus = {}, threshold = 1
- rank filter:         plus = S, minus = {}, 1 < threshold < |S|
- signed literals:     minus holds the inputs that enter complemented, NOT x = 1 - x, hence
                       AND of literals: threshold = |plus|;  OR of literals: threshold = 1 - |minus|
- constants:           plus = minus = {}, threshold = 0 (one) or 1 (zero)

Shapes never contain the batch. Windows follow the correlation convention of torch ``conv2d``: the tap at row
i, column j of a (kh, kw) window reads x(p + (i - kh // 2, j - kw // 2)); nothing is reflected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .errors import FormatError, ShapeError

BORDERS = ("replicate", "zeros", "ones", "valid")
"""What a window sees outside the image; ``valid`` keeps to windows that lie inside (the output shrinks)."""

MAX_DIM = 2**31 - 1
"""The longest axis of any value: popcounts and their sums then fit an int32."""

MAX_ELEMENTS = 2**40
"""The most elements of one value per image: no byte count computed from it can overflow an int64."""


class Status(IntEnum):
    """What is known of one neuron: how its packed form relates to the float neuron it came from."""

    CONSTANT = 0  # never, or always, fires: proved
    DILATION = 1  # OR over a structuring element (maybe complemented): proved
    EROSION = 2  # AND over a structuring element (maybe complemented): proved
    LITERAL = 3  # AND or OR of signed literals (hit-or-miss and its dual): proved
    POPCOUNT = 4  # integer threshold on a (signed) popcount: proved
    LOSSLESS = 5  # proved by exhaustion or by integer bit planes
    APPROXIMATED = 6  # projected onto the nearest operator of the family; `distance` says how far


@dataclass(frozen=True, eq=False)
class Neurons:
    """An array of threshold neurons that share one window size n.

    Attributes (``...`` is any leading shape, for example (O, C) for the BiSE part of a BiSEL):
        plus:      bool [..., n], inputs counted positively.
        minus:     bool [..., n], inputs counted negatively; disjoint from ``plus``.
        threshold: int32 [...], in [-|minus|, |plus| + 1].
        invert:    bool [...], complements the output.
        status:    uint8 [...], a :class:`Status`.
        margin:    float64 [...], distance of the bias from the nearest bound of its exactness interval, in
                   units of the (float) accumulator; NaN when the neuron is approximated, and only then.
        distance:  float64 [...], Euclidean distance moved by the projection; 0 when exact.
    """

    plus: npt.NDArray[np.bool_]
    minus: npt.NDArray[np.bool_]
    threshold: npt.NDArray[np.int32]
    invert: npt.NDArray[np.bool_]
    status: npt.NDArray[np.uint8]
    margin: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]

    FIELDS: ClassVar[dict[str, str]] = {
        "plus": "bool",
        "minus": "bool",
        "threshold": "int32",
        "invert": "bool",
        "status": "uint8",
        "margin": "float64",
        "distance": "float64",
    }

    def __post_init__(self) -> None:
        for name, dtype in self.FIELDS.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
                got = getattr(array, "dtype", type(array).__name__)
                raise FormatError(f"neurons.{name}: expected a {dtype} array, got {got}")
            expected = self.plus.shape if name == "minus" else self.plus.shape[:-1]
            if name != "plus" and array.shape != expected:
                raise ShapeError(f"neurons.{name}: expected shape {expected}, got {array.shape}")
        if self.plus.ndim < 2 or self.plus.size == 0:
            raise ShapeError(
                f"neurons.plus: expected a non-empty [..., n] array, got shape {self.plus.shape}"
            )
        if bool(np.any(self.plus & self.minus)):
            raise FormatError("neurons: an input is in both plus and minus; remove it from both")
        low = -self.minus.sum(-1, dtype=np.int64)
        high = self.plus.sum(-1, dtype=np.int64) + 1
        outside = (self.threshold < low) | (self.threshold > high)
        if bool(np.any(outside)):
            at = tuple(int(i) for i in np.argwhere(outside)[0])
            raise FormatError(
                f"neurons.threshold{list(at)} = {int(self.threshold[at])} lies outside "
                f"[-|minus|, |plus| + 1] = [{int(low[at])}, {int(high[at])}]"
            )
        if bool(np.any(self.status > max(Status))):
            raise FormatError(f"neurons.status: {int(self.status.max())} is not a known status")
        if bool(np.any(np.isnan(self.margin) & (self.status != Status.APPROXIMATED))):
            raise FormatError(
                "neurons.margin: NaN is only for approximated neurons; the others have a margin"
            )
        if bool(np.any(~(self.distance >= 0))):
            raise FormatError("neurons.distance: must be zero or positive, and never NaN")

    @property
    def shape(self) -> tuple[int, ...]:
        """Leading shape: one entry per neuron."""
        return self.plus.shape[:-1]

    @property
    def n(self) -> int:
        """Inputs per neuron."""
        return int(self.plus.shape[-1])

    def evaluate(self, bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Fire on windows ``bits``, bool [..., n] broadcast against the masks; the definition spelled out."""
        count = (bits & self.plus).sum(-1, dtype=np.int64) - (bits & self.minus).sum(-1, dtype=np.int64)
        fired: npt.NDArray[np.bool_] = (count >= self.threshold) ^ self.invert
        return fired


@dataclass(frozen=True)
class ValueType:
    """What flows along an edge: ``kind`` is "bits", "float32" or "uint8"; ``shape`` is (C, H, W) or (K,)."""

    kind: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def check(self, where: str) -> None:
        """Raise ShapeError unless every axis and the whole value stay within the limits."""
        if min(self.shape) < 1 or max(self.shape) > MAX_DIM:
            raise ShapeError(f"{where}: shape {self.shape} has an axis outside 1 to {MAX_DIM}")
        if self.size > MAX_ELEMENTS:
            raise ShapeError(
                f"{where}: shape {self.shape} has {self.size} elements, the limit is {MAX_ELEMENTS}"
            )


@dataclass(frozen=True, eq=False)
class Node:
    """One layer: ``name`` is its unique id (the torch module path), ``input`` names the value it reads."""

    name: str
    input: str
    op: ClassVar[str] = ""

    def infer(self, x: ValueType) -> ValueType:
        """The type of the output for an input of type ``x``; ShapeError or FormatError if it does not fit."""
        raise NotImplementedError

    def _need(self, x: ValueType, kinds: tuple[str, ...], rank: int | None = None) -> None:
        if x.kind not in kinds:
            raise FormatError(
                f"node {self.name!r} ({self.op}) reads {' or '.join(kinds)}, but its input is {x.kind}"
            )
        if rank is not None and len(x.shape) != rank:
            wanted = "(channels, height, width)" if rank == 3 else "(features,); put a Flatten in front"
            raise ShapeError(f"node {self.name!r} ({self.op}) reads {wanted}, but its input is {x.shape}")


@dataclass(frozen=True, eq=False)
class LevelSets(Node):
    """Gray values to bits: channel c * n + i is [x[c] >= values[c, i]]; ``values`` is float32 [C, n]."""

    values: npt.NDArray[np.float32]
    op: ClassVar[str] = "level_sets"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("float32", "uint8"), 3)
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

    def infer(self, x: ValueType) -> ValueType:
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

    def infer(self, x: ValueType) -> ValueType:
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
class MaxPool(Node):
    """OR over windows (max-pooling of bits); no padding, floor mode, as torch's ``MaxPool2d`` defaults."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    op: ClassVar[str] = "max_pool"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        if min(*self.kernel, *self.stride) < 1:
            raise ShapeError(
                f"node {self.name!r}: kernel {self.kernel} and stride {self.stride} must be positive"
            )
        channels, height, width = x.shape
        if self.kernel[0] > height or self.kernel[1] > width:
            raise ShapeError(
                f"node {self.name!r}: window {self.kernel} does not fit in a {x.shape[1:]} image"
            )
        out_h = (height - self.kernel[0]) // self.stride[0] + 1
        out_w = (width - self.kernel[1]) // self.stride[1] + 1
        return ValueType("bits", (channels, out_h, out_w))


@dataclass(frozen=True, eq=False)
class Flatten(Node):
    """(C, H, W) bits to (C * H * W,) bits, channel-major as torch's ``flatten(1)``."""

    op: ClassVar[str] = "flatten"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        return ValueType("bits", (x.size,))


@dataclass(frozen=True, eq=False)
class ThresholdDense(Node):
    """Fully connected threshold neurons (DenseLUI): ``neurons`` is Neurons [O] with n = K."""

    neurons: Neurons
    op: ClassVar[str] = "threshold_dense"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("bits",), 1)
        if len(self.neurons.shape) != 1 or self.neurons.n != x.shape[0]:
            raise ShapeError(
                f"node {self.name!r}: neurons {self.neurons.shape} of {self.neurons.n} inputs do not fit "
                f"{x.shape}"
            )
        return ValueType("bits", self.neurons.shape)


def border_classes(
    size: int, kernel: int, stride: int, dilation: int, padding: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Which output positions along an axis see the same taps inside the image.

    Returns (class of each output position, int64 [output size]; number of classes). Classes are numbered in
    the order in which they first occur; the output size is
    (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1.
    """
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    first_tap = np.arange(out)[:, None] * stride - padding + np.arange(kernel) * dilation
    inside = (first_tap >= 0) & (first_tap < size)
    _, first, inverse = np.unique(inside, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse.reshape(-1)], len(first)


@dataclass(frozen=True, eq=False)
class ThresholdConv2d(Node):
    """Convolution of threshold neurons: XNOR, AND and ternary convolutions with what follows them folded in.

    ``neurons`` is Neurons [O] with n = (C / groups) * kh * kw inputs, in the order [channel of the group]
    [row][column]. Output (y, x) reads tap (i, j) at (y sh + i dh - ph, x sw + j dw - pw); outside the image
    taps are 0 or 1 (border "zeros", "ones") or the nearest pixel ("replicate").

    ``offset`` int32 [classes, O] is added to the threshold of each neuron, by the class of the output
    position: classes is 1, or rows x columns of :func:`border_classes` (row-major). So +-1 data with true
    zeros outside are exact: taps outside count nothing, and the threshold knows how many there were.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    border: str
    neurons: Neurons
    offset: npt.NDArray[np.int32]
    op: ClassVar[str] = "threshold_conv2d"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("bits",), 3)
        where = f"node {self.name!r}"
        channels, height, width = x.shape
        steps = (*self.kernel, *self.stride, *self.dilation, self.groups)
        if min(steps) < 1 or min(self.padding) < 0 or max(*steps, *self.padding) > MAX_DIM:
            raise ShapeError(
                f"{where}: kernel, stride, dilation and groups must be positive, padding not negative"
            )
        if self.border not in ("zeros", "ones", "replicate"):
            raise FormatError(f"{where}: border {self.border!r} is not one of zeros, ones, replicate")
        if len(self.neurons.shape) != 1 or self.neurons.shape[0] % self.groups or channels % self.groups:
            raise ShapeError(
                f"{where}: {self.groups} groups must divide {channels} channels and {self.neurons.shape}"
            )
        if self.neurons.n != channels // self.groups * self.kernel[0] * self.kernel[1]:
            raise ShapeError(f"{where}: {self.neurons.n} inputs per neuron do not fit {channels} channels")
        out = []
        for size, k, s, d, p in zip(
            (height, width), self.kernel, self.stride, self.dilation, self.padding, strict=True
        ):
            if d * (k - 1) + 1 > size + 2 * p:
                raise ShapeError(f"{where}: the window does not fit in the padded {x.shape[1:]} image")
            out.append((size + 2 * p - d * (k - 1) - 1) // s + 1)
        result = ValueType("bits", (self.neurons.shape[0], *out))
        result.check(where)
        self._check_offset(height, width)
        return result

    def _check_offset(self, height: int, width: int) -> None:
        where = f"node {self.name!r}"
        if (
            self.offset.dtype != np.int32
            or self.offset.ndim != 2
            or self.offset.shape[1:] != self.neurons.shape
        ):
            raise ShapeError(f"{where}: offset must be int32 [classes, {self.neurons.shape[0]}]")
        if len(self.offset) != 1:
            sizes = zip((height, width), self.kernel, self.stride, self.dilation, self.padding, strict=True)
            rows, columns = (border_classes(*axis)[1] for axis in sizes)
            if len(self.offset) != rows * columns:
                raise ShapeError(
                    f"{where}: offset has {len(self.offset)} classes, expected 1 or {rows * columns}"
                )
        threshold = self.neurons.threshold.astype(np.int64) + self.offset
        if bool(np.any(np.abs(threshold) > self.neurons.n + 1)):
            raise FormatError(f"{where}: a threshold plus its offset lies outside [-n - 1, n + 1]")


@dataclass(frozen=True, eq=False)
class Linear(Node):
    """Float last layer over bits: y[o] = bias[o], then += weight[o, k] in float32 per set bit k, ascending.

    ``weight`` is float32 [O, K], ``bias`` float32 [O]. The order of summation is part of the meaning.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    op: ClassVar[str] = "linear"

    def infer(self, x: ValueType) -> ValueType:
        self._need(x, ("bits",), 1)
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
        if not bool(np.all(np.isfinite(self.weight)) and np.all(np.isfinite(self.bias))):
            raise FormatError(f"node {self.name!r}: weight and bias must be finite")
        return ValueType("float32", (self.weight.shape[0],))


AnyNode = LevelSets | PackBinary | Bisel | ThresholdConv2d | MaxPool | Flatten | ThresholdDense | Linear
NODE_TYPES: dict[str, type[Node]] = {
    cls.op: cls
    for cls in (LevelSets, PackBinary, Bisel, ThresholdConv2d, MaxPool, Flatten, ThresholdDense, Linear)
}


@dataclass(frozen=True)
class InputSpec:
    """The network's input: ``dtype`` "float32" or "uint8", ``shape`` (C, H, W) or (K,), without the batch."""

    dtype: str
    shape: tuple[int, ...]
    name: str = "input"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in topological order, each reading one earlier value; ``output`` names the result."""

    input: InputSpec
    nodes: tuple[AnyNode, ...]
    output: str
    producer: str = ""
    types: dict[str, ValueType] = field(init=False)

    def __post_init__(self) -> None:
        if self.input.dtype not in ("float32", "uint8"):
            raise FormatError(f"input: dtype {self.input.dtype!r} is not float32 or uint8")
        if len(self.input.shape) not in (1, 3) or min(self.input.shape) < 1:
            raise ShapeError(f"input: shape {self.input.shape} must be (C, H, W) or (K,), each at least 1")
        ValueType(self.input.dtype, self.input.shape).check("input")
        types = {self.input.name: ValueType(self.input.dtype, self.input.shape)}
        for node in self.nodes:
            if node.name in types:
                raise FormatError(f"node {node.name!r}: the name is used twice")
            if node.input not in types:
                raise FormatError(f"node {node.name!r} reads {node.input!r}, which no earlier node writes")
            types[node.name] = node.infer(types[node.input])
            types[node.name].check(f"node {node.name!r}")
        if self.output not in types or self.output == self.input.name:
            raise FormatError(f"output {self.output!r} is not the name of a node")
        object.__setattr__(self, "types", types)

    def type_of(self, name: str) -> ValueType:
        """Kind and shape of the value called ``name``."""
        return self.types[name]
