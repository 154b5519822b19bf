"""OpenVINO: networks in float32, in int8 by FakeQuantize, or with its BinaryConvolution."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contest import Absent, System
from ..networks import Bits, Floats, Ints
from ..networks.forms import Simulated, signed

Array = npt.NDArray[np.float32]


class OpenVinoOps:
    """Values are nodes. With ``limits`` convolutions and dense layers are int8; they say, layer after layer,
    how large the numbers are that go in and come out."""

    def __init__(self, shape: tuple[int, ...], limits: Sequence[tuple[float, float]] | None = None) -> None:
        self.ov = importlib.import_module("openvino")
        self.ops = importlib.import_module("openvino.opset13")
        self.opset1 = importlib.import_module("openvino.opset1")
        self.parameter = self.ops.parameter(shape, self.ov.Type.f32)
        self.keep: list[Any] = []  # packed weights are read where they are
        self._limits = None if limits is None else iter(limits)

    def _column(self, x: Any, values: Floats) -> Any:
        return self.ops.constant(values.reshape(1, -1, *(1,) * (len(x.shape) - 2)))

    def _quantized(self, x: Any, weight: Floats) -> tuple[Any, Any]:
        w = self.ops.constant(weight)
        if self._limits is None:
            return x, w
        high = np.float32(next(self._limits)[0])
        low = high * np.float32(-128 / 127)  # so that zero is one of the steps
        ends = np.abs(weight).max(tuple(range(1, weight.ndim)), keepdims=True)
        return (
            self.ops.fake_quantize(x, low, high, low, high, 256),
            self.ops.fake_quantize(w, -ends, ends, -ends, ends, 255),
        )

    def input(self) -> Any:
        return self.parameter

    def conv(
        self, x: Any, weight: Floats, bias: Floats | None, stride: int, padding: int, pad_value: float = 0
    ) -> Any:
        x, w = self._quantized(x, weight)
        y = self.ops.convolution(x, w, [stride] * 2, [padding] * 2, [padding] * 2, [1, 1])
        return y if bias is None else self.ops.add(y, self._column(y, bias))

    def linear(self, x: Any, weight: Floats, bias: Floats | None) -> Any:
        x, w = self._quantized(x, weight)
        y = self.ops.matmul(x, w, False, True)
        return y if bias is None else self.ops.add(y, bias[None])

    def affine(self, x: Any, scale: Floats, shift: Floats) -> Any:
        return self.ops.add(self.ops.multiply(x, self._column(x, scale)), self._column(x, shift))

    def relu(self, x: Any) -> Any:
        return self.ops.relu(x)

    def signs(self, x: Any, threshold: Floats) -> Any:
        ones = self.ops.convert(self.ops.greater_equal(x, self._column(x, threshold)), "f32")
        return self.ops.subtract(self.ops.multiply(ones, np.float32(2)), np.float32(1))

    def max_pool(self, x: Any, kernel: int, stride: int, padding: int) -> Any:
        return self.opset1.max_pool(x, [stride] * 2, [padding] * 2, [padding] * 2, [kernel] * 2)

    def average_pool(self, x: Any, kernel: int) -> Any:
        return self.ops.avg_pool(x, [kernel] * 2, [0, 0], [0, 0], [kernel] * 2, True)

    def mean(self, x: Any) -> Any:
        return self.ops.reduce_mean(x, np.array([2, 3], np.int64), False)

    def add(self, x: Any, y: Any) -> Any:
        return self.ops.add(x, y)

    def flatten(self, x: Any) -> Any:
        return self.ops.reshape(x, np.array([0, -1], np.int64), True)

    def system(self, name: str, output: Any, x: Array, threads: int, settings: str = "") -> System:
        """The network that ends in ``output`` on the images ``x``."""
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = self.ov.Core().compile_model(self.ov.Model([output], [self.parameter]), "CPU", options)
        request = compiled.create_infer_request()
        request.set_input_tensor(self.ov.Tensor(np.array(x)))

        def call(keep: object = self.keep) -> Any:
            request.infer()
            return request.get_output_tensor().data

        described = ", ".join(filter(None, (f"{threads} threads, latency hint", settings)))
        return System(name, self.ov.__version__, request.infer, lambda: np.array(call()), described)


class OpenVinoBinary(Simulated):
    """Binary layers by BinaryConvolution, bits between them by FakeQuantize; the rest in float32.

    Fewer than 8 channels it cannot read: such a first layer is a float one. Dense layers are 1x1
    convolutions; where a network has only dense layers, the images lie along the width (``along_width``), the
    fastest of three forms. A value of bits is a pair: numbers, and the threshold that is still to come, so
    that a pool can go first. Next to a layer that needs numbers, signs are made by comparison, since a
    FakeQuantize at the end crashes the fused form of version 2026.4.1 with AVX-512.
    """

    ops: OpenVinoOps

    def __init__(self, ops: OpenVinoOps, along_width: bool) -> None:
        super().__init__(ops)
        self._along_width = along_width

    def signs(self, x: Any, threshold: Floats) -> Any:
        return x, np.nextafter(threshold, np.float32(-np.inf))

    def _layer(self, x: Any, weight: Bits, stride: int, padding: int) -> Any:
        """Sums. FakeQuantize writes 1 above its limit: the float just below makes that "at least"."""
        numbers, limits = x
        if weight.shape[1] < 8:
            if padding:
                raise Absent("BinaryConvolution reads no fewer than 8 channels")
            ones = self.ops.signs(numbers, np.nextafter(limits, np.float32(np.inf)))
            return self.ops.conv(ones, signed(weight), None, stride, 0)
        limit = limits.reshape(1, -1, 1, 1)
        zero, one = (np.full((1, 1, 1, 1), value, np.float32) for value in (0, 1))
        bits = self.ops.ops.fake_quantize(numbers, limit, limit, zero, one, levels=2)
        self.ops.keep.append(np.packbits(weight.reshape(-1), bitorder="little"))
        tensor = self.ops.ov.Tensor(self.ops.keep[-1], self.ops.ov.Shape(weight.shape), self.ops.ov.Type.u1)
        pads = [padding] * 2
        sides = [[stride] * 2, pads, pads, [1, 1]]
        constant = self.ops.ops.constant(tensor)
        return self.ops.opset1.binary_convolution(bits, constant, *sides, "xnor-popcount", -1.0)

    def binary_conv(self, x: Any, weight: Bits, threshold: Ints, stride: int, padding: int) -> Any:
        return self._layer(x, weight, stride, padding), threshold.astype(np.float32) - np.float32(0.5)

    def binary_dense(self, x: Any, weight: Bits, threshold: Ints) -> Any:
        return self.binary_conv(x, weight[:, :, None, None], threshold, 1, 0)

    def sums(self, x: Any) -> Any:
        """What a layer compares with its thresholds."""
        return x[0]

    def sign_conv(self, x: Any, threshold: Floats, weight: Bits, stride: int) -> Any:
        return self._layer(self.signs(x, threshold), weight, stride, 1)

    def pool_bits(self, x: Any) -> Any:
        return self.ops.max_pool(x[0], 2, 2, 0), x[1]

    def flatten_bits(self, x: Any) -> Any:
        """Channels of one pixel, whose threshold each pixel of a channel shared."""
        numbers, limits = x
        channels, *sides = tuple(numbers.shape)[1:]
        if self._along_width or sides == [1, 1]:
            return x
        shape = np.array([0, channels * int(np.prod(sides)), 1, 1], np.int64)
        return self.ops.ops.reshape(numbers, shape, True), np.repeat(limits, int(np.prod(sides)))

    def scores(self, x: Any, weight: Floats, bias: Floats) -> Any:
        numbers, limits = x
        ones = self.ops.signs(numbers, np.nextafter(limits, np.float32(np.inf)))
        if self._along_width:
            y = self.ops.conv(ones, weight[:, :, None, None], bias, 1, 0)
            return self.ops.ops.transpose(self.ops.ops.squeeze(y, np.array([0, 2], np.int64)), [1, 0])
        return self.ops.linear(self.ops.flatten(ones), weight, bias)

    def two_value_conv(
        self, x: Any, threshold: Floats, alphas: Bits, values: tuple[float, float], stride: int
    ) -> Any:
        raise Absent("BinaryConvolution knows only weights of -1 and +1")

    def bisel(self, x: Any, *layer: Any) -> Any:
        raise Absent("has no operator for BiSEL layers")
