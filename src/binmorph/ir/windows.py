"""Windows that move over an image: the geometry that all convolutions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, ShapeError
from .node import Node
from .values import MAX_DIM, ValueType


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
class WindowNode(Node):
    """A layer of O outputs over windows of n = (C / groups) * kh * kw inputs, in the order [channel of the
    group][row][column].

    Output (y, x) reads tap (i, j) at (y sh + i dh - ph, x sw + j dw - pw); outside the image taps are 0 or 1
    (border "zeros", "ones") or the nearest pixel ("replicate").

    Arrays by *class* have one row for all output positions, or one for each of the rows x columns of
    :func:`border_classes` (row-major): what a layer adds may depend on how much of its window lies outside.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    groups: int
    border: str
    borders: ClassVar[tuple[str, ...]] = ("zeros", "ones", "replicate")

    @property
    def where(self) -> str:
        return f"node {self.name!r}"

    def _windows(self, kind: str, x: ValueType, outputs: int, inputs: int) -> ValueType:
        """The output, of ``kind``, for ``outputs`` neurons of ``inputs`` each; ShapeError if ``x`` does not
        fit. A flat input is an image of one pixel."""
        flat = len(x.shape) == 1
        channels, height, width = (*x.shape, 1, 1) if flat else x.shape
        steps = (*self.kernel, *self.stride, *self.dilation, self.groups)
        if min(steps) < 1 or min(self.padding) < 0 or max(*steps, *self.padding) > MAX_DIM:
            raise ShapeError(
                f"{self.where}: kernel, stride, dilation and groups must be positive, padding not negative"
            )
        if self.border not in self.borders:
            raise FormatError(f"{self.where}: border {self.border!r} is not one of {', '.join(self.borders)}")
        if flat and (self.kernel != (1, 1) or self.padding != (0, 0)):
            raise ShapeError(f"{self.where}: over features the window is 1x1, without padding")
        if outputs < 1 or outputs % self.groups or channels % self.groups:
            raise ShapeError(
                f"{self.where}: {self.groups} groups must divide {channels} channels and {outputs}"
            )
        if inputs != channels // self.groups * self.kernel[0] * self.kernel[1]:
            raise ShapeError(f"{self.where}: {inputs} inputs per neuron do not fit {channels} channels")
        out = []
        for size, k, s, d, p in zip(
            (height, width), self.kernel, self.stride, self.dilation, self.padding, strict=True
        ):
            if d * (k - 1) + 1 > size + 2 * p:
                raise ShapeError(f"{self.where}: the window does not fit in the padded {x.shape[1:]} image")
            out.append((size + 2 * p - d * (k - 1) - 1) // s + 1)
        result = ValueType(kind, (outputs,) if flat else (outputs, *out))
        result.check(self.where)
        return result

    def _check_classes(self, x: ValueType, name: str, array: npt.NDArray[np.int32], outputs: int) -> None:
        """Raise ShapeError unless ``array`` is int32 [classes, outputs]."""
        if array.dtype != np.int32 or array.ndim != 2 or array.shape[1:] != (outputs,):
            raise ShapeError(f"{self.where}: {name} must be int32 [classes, {outputs}]")
        if len(array) == 1:
            return
        image = x.shape[1:] if len(x.shape) == 3 else (1, 1)
        sizes = zip(image, self.kernel, self.stride, self.dilation, self.padding, strict=True)
        rows, columns = (border_classes(*axis)[1] for axis in sizes)
        if len(array) != rows * columns:
            raise ShapeError(f"{self.where}: {name} has {len(array)} classes, expected 1 or {rows * columns}")


def pooled(
    node: Node, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], x: ValueType
) -> ValueType:
    """The output of pooling an image ``x``; ShapeError if the windows do not fit."""
    where = f"node {node.name!r}"
    if min(*kernel, *stride) < 1 or min(padding) < 0 or max(*kernel, *stride) > MAX_DIM:
        raise ShapeError(f"{where}: kernel {kernel} and stride {stride} must be positive")
    if 2 * padding[0] > kernel[0] or 2 * padding[1] > kernel[1]:
        raise ShapeError(f"{where}: padding {padding} is more than half of the kernel {kernel}")
    out = [
        (size + 2 * p - k) // s + 1
        for size, k, s, p in zip(x.shape[1:], kernel, stride, padding, strict=True)
    ]
    if min(out) < 1:
        raise ShapeError(f"{where}: window {kernel} does not fit in a {x.shape[1:]} image")
    return ValueType(x.kind, (x.shape[0], *out))
