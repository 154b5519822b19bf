"""The reference: networks evaluated by numpy, operator by operator, as they are described."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ... import ir
from ..networks import Floats

Array = npt.NDArray[np.float32]
IMAGES = 8  # convolved at once, so that windows do not fill the memory


def _windows(x: Array, kernel: tuple[int, int], stride: int) -> Array:
    """[N, C, H', W', kh, kw]."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))
    return windows[:, :, ::stride, ::stride]


def _padded(x: Array, padding: int, value: float) -> Array:
    sides = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return np.pad(x, sides, constant_values=value)


class NumpyOps:
    """Values are arrays. ``limits`` notes, for each convolution and dense layer in turn, the largest number
    that went in and the largest that came out."""

    def __init__(self, images: Array) -> None:
        self._images = images
        self.limits: list[tuple[float, float]] = []

    def input(self) -> Array:
        return self._images

    def conv(
        self, x: Array, weight: Floats, bias: Floats | None, stride: int, padding: int, pad_value: float = 0
    ) -> Array:
        kernel = (weight.shape[2], weight.shape[3])
        parts = []
        for first in range(0, len(x), IMAGES):
            windows = _windows(_padded(x[first : first + IMAGES], padding, pad_value), kernel, stride)
            n, _, height, width = windows.shape[:4]
            rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * height * width, -1)
            sums = (rows @ weight.reshape(len(weight), -1).T).reshape(n, height, width, -1)
            parts.append(np.ascontiguousarray(sums.transpose(0, 3, 1, 2)))
        y: Array = np.concatenate(parts)
        y = y if bias is None else y + bias[:, None, None]
        self.limits.append((float(np.abs(x).max()), float(np.abs(y).max())))
        return y

    def linear(self, x: Array, weight: Floats, bias: Floats | None) -> Array:
        y: Array = x @ weight.T
        y = y if bias is None else y + bias
        self.limits.append((float(np.abs(x).max()), float(np.abs(y).max())))
        return y

    def affine(self, x: Array, scale: Floats, shift: Floats) -> Array:
        return x * scale[:, None, None] + shift[:, None, None]

    def relu(self, x: Array) -> Array:
        return np.maximum(x, np.float32(0))

    def signs(self, x: Array, threshold: Floats) -> Array:
        limit = threshold if x.ndim == 2 else threshold[:, None, None]
        return np.where(x >= limit, np.float32(1), np.float32(-1))

    def max_pool(self, x: Array, kernel: int, stride: int, padding: int) -> Array:
        result: Array = _windows(_padded(x, padding, -np.inf), (kernel, kernel), stride).max((4, 5))
        return result

    def average_pool(self, x: Array, kernel: int) -> Array:
        result: Array = _windows(x, (kernel, kernel), kernel).mean((4, 5), dtype=np.float32)
        return result

    def mean(self, x: Array) -> Array:
        result: Array = x.mean((2, 3), dtype=np.float32)
        return result

    def add(self, x: Array, y: Array) -> Array:
        return x + y

    def flatten(self, x: Array) -> Array:
        return x.reshape(len(x), -1)

    def bisel(self, x: Array, kernel: int, bise: ir.Neurons, lui: ir.Neurons) -> Array:
        """Bits as -1 and +1; the border repeats the nearest pixel."""
        half = kernel // 2
        bits = np.pad(x > 0, ((0, 0), (0, 0), (half, half), (half, half)), mode="edge").astype(np.float32)
        windows = _windows(bits, (kernel, kernel), 1).reshape(*x.shape, kernel * kernel)
        first = _fired(np.einsum("nchwk,ock->nhwoc", windows, _weights(bise), optimize=True), bise)
        second = _fired(np.einsum("nhwoc,oc->nhwo", first.astype(np.float32), _weights(lui)), lui)
        return np.where(second.transpose(0, 3, 1, 2), np.float32(1), np.float32(-1))


def _weights(neurons: ir.Neurons) -> Floats:
    return neurons.plus.astype(np.float32) - neurons.minus.astype(np.float32)


def _fired(sums: npt.NDArray[Any], neurons: ir.Neurons) -> npt.NDArray[np.bool_]:
    fired: npt.NDArray[np.bool_] = (sums >= neurons.threshold) ^ neurons.invert
    return fired
