"""Networks for OpenVINO: float32, int8 by FakeQuantize, or with its BinaryConvolution."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class OpenVinoNetwork:
    """Values are OpenVINO nodes; ``mode`` is "binary", "int8" or "float"."""

    def __init__(self, shape: tuple[int, ...], mode: str) -> None:
        self._ov = importlib.import_module("openvino")
        self._ops = importlib.import_module("openvino.opset13")
        self._binary_convolution = importlib.import_module("openvino.opset1").binary_convolution
        self._mode = mode
        self._parameter = self._ops.parameter(shape, self._ov.Type.f32)
        self._words: list[Any] = []  # OpenVINO reads packed weights where they are

    @property
    def version(self) -> str:
        return str(self._ov.__version__)

    def compiled(self, output: Any, image: Floats, threads: int) -> Callable[[], npt.NDArray[np.float32]]:
        """A call that computes the scores of ``image``."""
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        model = self._ov.Model([output], [self._parameter])
        request = self._ov.Core().compile_model(model, "CPU", settings).create_infer_request()
        request.set_input_tensor(self._ov.Tensor(image.copy()))

        def call(keep: object = self._words) -> npt.NDArray[np.float32]:
            request.infer()
            scores: npt.NDArray[np.float32] = request.get_output_tensor().data
            return scores

        return call

    def _column(self, values: Floats) -> Any:
        return self._ops.constant(values.reshape(1, -1, 1, 1))

    def input(self) -> Any:
        return self._parameter

    def conv(self, x: Any, weight: Floats, stride: int, padding: int) -> Any:
        w = self._ops.constant(weight)
        if self._mode == "int8":
            x = self._quantized(x, np.float32(-4), np.float32(4), 256)
            limit = np.abs(weight).max((1, 2, 3), keepdims=True)
            w = self._quantized(w, -limit, limit, 255)
        return self._ops.convolution(x, w, [stride] * 2, [padding] * 2, [padding] * 2, [1, 1])

    def _quantized(self, x: Any, low: Any, high: Any, levels: int) -> Any:
        return self._ops.fake_quantize(x, low, high, low, high, levels)

    def affine(self, x: Any, scale: Floats, shift: Floats) -> Any:
        return self._ops.add(self._ops.multiply(x, self._column(scale)), self._column(shift))

    def relu(self, x: Any) -> Any:
        return self._ops.relu(x)

    def max_pool(self, x: Any) -> Any:
        opset1 = importlib.import_module("openvino.opset1")
        return opset1.max_pool(x, [2, 2], [1, 1], [1, 1], [3, 3])

    def average_pool(self, x: Any) -> Any:
        return self._ops.avg_pool(x, [2, 2], [0, 0], [0, 0], [2, 2], True)

    def add(self, x: Any, y: Any) -> Any:
        return self._ops.add(x, y)

    def sign_conv(self, x: Any, threshold: Floats, weight: npt.NDArray[np.bool_], stride: int) -> Any:
        if self._mode != "binary":
            signs = np.where(weight, np.float32(1), np.float32(-1))
            return self.conv(self.relu(x), signs, stride, 1)
        # FakeQuantize writes 1 above its limit: the float just below makes that "at least the threshold".
        limit = np.nextafter(threshold, np.float32(-np.inf)).reshape(1, -1, 1, 1)
        zero, one = (np.full((1, 1, 1, 1), value, np.float32) for value in (0, 1))
        bits = self._ops.fake_quantize(x, limit, limit, zero, one, levels=2)
        self._words.append(np.packbits(weight.reshape(-1), bitorder="little"))
        tensor = self._ov.Tensor(self._words[-1], self._ov.Shape(weight.shape), self._ov.Type.u1)
        w = self._ops.constant(tensor)
        sides = [[stride] * 2, [1, 1], [1, 1], [1, 1]]
        return self._binary_convolution(bits, w, *sides, "xnor-popcount", -1.0)

    def head(self, x: Any, weight: Floats, bias: Floats) -> Any:
        mean = self._ops.reduce_mean(x, np.array([2, 3], np.int64), False)
        return self._ops.add(self._ops.matmul(mean, self._ops.constant(weight), False, True), bias[None])
