"""ONNX Runtime: networks in float32, or in int8 by pairs of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contest import System
from ..networks import Floats

Array = npt.NDArray[Any]
OPSET, IR_VERSION = 17, 8


class OnnxOps:
    """Values are names. With ``limits`` convolutions and dense layers are int8: what goes in and comes
    out as bytes with zero at 128, signed weights with a scale per output. ``limits`` say, layer after layer,
    how large the numbers are that go in and come out. Without bytes at the output the runtime would compute
    in float."""

    def __init__(self, shape: tuple[int, ...], limits: Sequence[tuple[float, float]] | None = None) -> None:
        self._onnx = importlib.import_module("onnx")
        self._runtime = importlib.import_module("onnxruntime")
        self._shape, self._limits = shape, None if limits is None else iter(limits)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def _constant(self, values: Any) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def _bytes(self, x: str, limit: float) -> str:
        scale, zero = self._constant(np.float32(max(limit, 1e-9) / 127)), self._constant(np.uint8(128))
        return self._add("DequantizeLinear", self._add("QuantizeLinear", x, scale, zero), scale, zero)

    def _layer(self, op: str, x: str, weight: Floats, bias: Floats | None, **attributes: Any) -> str:
        if self._limits is None:
            constants = [self._constant(values) for values in (weight, bias) if values is not None]
            return self._add(op, x, *constants, **attributes)
        before, after = next(self._limits)
        # The runtime takes integer biases in products of the two scales only: a float one is added apart.
        y = self._add(op, self._bytes(x, before), self._integers(weight), **attributes)
        y = self._bytes(y, after)
        shape = (1, -1) if weight.ndim == 2 else (1, -1, 1, 1)
        return y if bias is None else self._add("Add", y, self._constant(bias.reshape(shape)))

    def _integers(self, weight: Floats) -> str:
        ends = np.abs(weight).reshape(len(weight), -1).max(1) / np.float32(127)
        steps = np.rint(weight / ends.reshape(-1, *(1,) * (weight.ndim - 1))).astype(np.int8)
        zeros = self._constant(np.zeros(len(weight), np.int8))
        return self._add("DequantizeLinear", self._constant(steps), self._constant(ends), zeros, axis=0)

    def _column(self, values: Floats) -> str:
        return self._constant(values.reshape(1, -1, 1, 1))

    def input(self) -> str:
        return "input"

    def conv(
        self, x: str, weight: Floats, bias: Floats | None, stride: int, padding: int, pad_value: float = 0
    ) -> str:
        return self._layer("Conv", x, weight, bias, strides=[stride] * 2, pads=[padding] * 4)

    def linear(self, x: str, weight: Floats, bias: Floats | None) -> str:
        return self._layer("Gemm", x, weight, bias, transB=1)

    def affine(self, x: str, scale: Floats, shift: Floats) -> str:
        return self._add("Add", self._add("Mul", x, self._column(scale)), self._column(shift))

    def relu(self, x: str) -> str:
        return self._add("Relu", x)

    def signs(self, x: str, threshold: Floats) -> str:
        raise NotImplementedError("the float networks of ONNX Runtime have no signs")

    def max_pool(self, x: str, kernel: int, stride: int, padding: int) -> str:
        sides = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [padding] * 4}
        return self._add("MaxPool", x, **sides)

    def average_pool(self, x: str, kernel: int) -> str:
        return self._add("AveragePool", x, kernel_shape=[kernel] * 2, strides=[kernel] * 2)

    def mean(self, x: str) -> str:
        return self._add("Flatten", self._add("GlobalAveragePool", x))

    def add(self, x: str, y: str) -> str:
        return self._add("Add", x, y)

    def flatten(self, x: str) -> str:
        return self._add("Flatten", x)

    def system(self, name: str, output: str, x: Array, threads: int) -> System:
        """The network that ends in ``output`` on the images ``x``."""
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        source = helper.make_tensor_value_info("input", kind, list(self._shape))
        result = helper.make_tensor_value_info(output, kind, None)
        graph = helper.make_graph(self._nodes, "network", [source], [result], self._constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        session = self._runtime.InferenceSession(model.SerializeToString(), options, providers=providers)
        value = self._runtime.OrtValue.ortvalue_from_numpy(x)
        binding = session.io_binding()
        binding.bind_ortvalue_input("input", value)
        binding.bind_output(output)

        def found() -> Array:
            session.run_with_iobinding(binding)
            array: Array = binding.copy_outputs_to_cpu()[0]
            return array

        settings = f"{threads} threads, all graph optimizations, bound input and output"
        version = str(self._runtime.__version__)
        return System(name, version, lambda: session.run_with_iobinding(binding), found, settings)
