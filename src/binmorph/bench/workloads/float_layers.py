"""Float layers of binary networks: our kernel of a stated order of summation beside the libraries'.

Channels-last images where they lie; ours includes the copy that adds the padding. Results are compared within
rounding: a library's order of summation is its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import binmorph
from binmorph import _core

from ..contest import Case, System, close, correlated
from ..networks import Floats, Ops
from ..peers.numpy_ops import NumpyOps
from .binary_layers import kernels_of
from .common import float_peers


@dataclass(frozen=True)
class FloatConv2d:
    """A square convolution with a bias, padded by half of its kernel; a dense layer has ``size`` 1."""

    name: str
    channels: int
    outputs: int
    size: int
    kernel: int = 1
    stride: int = 1

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng(0)
        shape = (batch, self.channels, self.size, self.size)
        x = rng.normal(size=shape).astype(np.float32)
        weight = rng.normal(size=(self.outputs, self.channels, self.kernel, self.kernel)).astype(np.float32)
        bias = rng.normal(size=self.outputs).astype(np.float32)
        flat = self.size == 1

        def layer(ops: Ops) -> Any:
            if flat:
                return ops.linear(ops.input(), weight[:, :, 0, 0], bias)
            return ops.conv(ops.input(), weight, bias, self.stride, self.kernel // 2)

        x = x[:, :, 0, 0] if flat else x
        reference = NumpyOps(x)
        expected = layer(reference)
        work = {"kind": "float_conv2d", **asdict(self)}
        preferred = ("openvino-float", "onnxruntime-float", "torch")
        case = Case(self.name, work, batch, threads, preferred)
        if (batch, threads) == (1, 1):
            case.enter("binmorph-kernel", lambda: self._ours(x, weight, bias), close(expected))
        float_peers(
            case,
            x.shape,
            x,
            layer,
            close(expected),
            correlated(expected, 0.99),
            reference.limits,
            windows=not flat,
        )
        return case

    def _ours(self, x: Floats, weight: Floats, bias: Floats) -> System:
        kernel = kernels_of("conv2d_f32", _core.default_isa())[-1]
        conv = _core.kernels.FloatConv2d(
            kernel,
            weight,
            bias,
            (self.channels, self.size, self.size),
            self.outputs,
            (self.kernel, self.kernel),
            stride=(self.stride, self.stride),
            padding=(self.kernel // 2,) * 4,
        )
        pixels = x.reshape(self.channels, self.size, self.size).transpose(1, 2, 0)
        image = np.ascontiguousarray(pixels)
        extended = conv.extend(image)
        out = conv.run(extended)

        def call() -> object:
            return conv.run(conv.extend(image, extended) if self.kernel > 1 else image, out)

        def output() -> Any:
            call()
            if x.ndim == 2:
                return out.reshape(1, -1)
            side = (self.size + 2 * (self.kernel // 2) - self.kernel) // self.stride + 1
            return out.reshape(side, side, self.outputs).transpose(2, 0, 1)[None]

        return System(
            "binmorph-kernel",
            f"{binmorph.__version__} {kernel}",
            call,
            output,
            "1 thread, channels-last",
        )
