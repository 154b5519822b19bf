"""Binary layers, bits in, bits out, batch 1: +-1 weights on +-1 data, one threshold per output channel.

The systems: ours; ``torch.nn.functional.conv2d`` in float32 on the same +-1 data, convolution only, in both
memory formats; OpenVINO's BinaryConvolution when openvino is installed. L1 to L4 are the 3x3 layers of a
ResNet-18, L5 is a 1x1, L6 a strided layer.

OpenVINO takes and gives float tensors, which costs more than some of the layers. So L1 to L4 come as chains
of eight layers, too, where its data stays binary but for the ends (ours has packed bits at the ends as well).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import binmorph
from binmorph import _core

from ..case import Case, System

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Layer:
    """A convolution; padding bits are 0, which stands for -1."""

    name: str
    channels: int
    outputs: int
    size: int
    kernel: int = 3
    stride: int = 1

    @property
    def padding(self) -> int:
        return self.kernel // 2

    def __str__(self) -> str:
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        return f"{self.name} {self.channels}->{self.outputs} {self.kernel}x{self.kernel} @{self.size}{stride}"


LAYERS = [
    Layer("L1", 64, 64, 56),
    Layer("L2", 128, 128, 28),
    Layer("L3", 256, 256, 14),
    Layer("L4", 512, 512, 7),
    Layer("L5", 256, 512, 14, kernel=1),
    Layer("L6", 64, 128, 56, stride=2),
]
CHAIN = 8


def _pack(bits: Bits) -> npt.NDArray[np.uint64]:
    """Packed along the last axis, least significant bit first, in 64-bit words."""
    padded = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // 64) * 64), bool)
    padded[..., : bits.shape[-1]] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


@dataclass(frozen=True)
class Problem:
    """One layer with its data: bits 0 and 1 stand for -1 and +1."""

    layer: Layer
    weight: Bits  # [outputs, channels, kernel, kernel]
    image: Bits  # [channels, size, size]
    threshold: npt.NDArray[np.int32]  # of the sum of +-1 products, per output
    expected: Bits  # [outputs, out, out]

    def float_image(self) -> torch.Tensor:
        return torch.from_numpy(np.where(self.image, np.float32(1), np.float32(-1))[None])

    def float_weight(self) -> torch.Tensor:
        return torch.from_numpy(np.where(self.weight, np.float32(1), np.float32(-1)))


def _problem(layer: Layer, seed: int = 0, image: Bits | None = None) -> Problem:
    rng = np.random.default_rng([layer.channels, layer.outputs, layer.kernel, seed])
    weight = rng.random((layer.outputs, layer.channels, layer.kernel, layer.kernel)) < 0.5
    if image is None:
        image = rng.random((layer.channels, layer.size, layer.size)) < 0.5
    threshold = rng.integers(-layer.channels // 8, layer.channels // 8, layer.outputs, np.int32)
    problem = Problem(layer, weight, image, threshold, np.empty(0, bool))
    padded = torch.nn.functional.pad(problem.float_image(), (layer.padding,) * 4, value=-1.0)
    sums = torch.nn.functional.conv2d(padded, problem.float_weight(), stride=layer.stride)[0]
    expected = (sums >= torch.from_numpy(threshold)[:, None, None]).numpy()
    return Problem(layer, weight, image, threshold, expected)


def _conv2d(problem: Problem, kernel: str) -> Any:
    layer = problem.layer
    masks = problem.weight.reshape(layer.outputs, -1)
    # A sum of products of +-1 weights w and data is 2 accumulator - sum of w; the accumulator counts 0 and 1.
    sum_of_weights = 2 * masks.sum(1) - masks.shape[1]
    threshold = -(-(problem.threshold + sum_of_weights) // 2)
    return _core.kernels.Conv2d(
        kernel,
        _pack(masks),
        _pack(~masks),
        threshold.astype(np.int32)[None],
        np.zeros(layer.outputs, np.uint8),
        (layer.channels, layer.size, layer.size),
        layer.outputs,
        (layer.kernel, layer.kernel),
        stride=(layer.stride, layer.stride),
        padding=(layer.padding,) * 4,
    )


def _kernels(problem: Problem) -> list[str]:
    """The vector kernels, the one that the runtime chooses last."""
    kernels = [
        (isa, -_conv2d(problem, name).cycles, name)
        for op, name, isa, runs in _core.kernels.list_kernels()
        if op == "threshold_conv2d" and runs and isa not in ("reference", "generic")
    ]
    order = list(_core.isas())
    return [name for _, _, name in sorted(kernels, key=lambda kernel: (order.index(kernel[0]), kernel[1]))]


def _short(kernel: str) -> str:
    return kernel.removeprefix("threshold_conv2d_u64_u64__")


def _binmorph(problem: Problem) -> list[System]:
    x = _pack(problem.image.transpose(1, 2, 0)).ravel()
    expected = _pack(problem.expected.transpose(1, 2, 0)).ravel()
    systems = []
    for name in _kernels(problem):
        conv, out = _conv2d(problem, name), np.zeros_like(expected)
        if not np.array_equal(conv.run(x, out), expected):
            raise AssertionError(f"{name} differs from the float convolution")

        def call(conv: Any = conv, out: npt.NDArray[np.uint64] = out) -> object:
            return conv.run(x, out)

        systems.append(System(f"binmorph-{_short(name)}", f"{binmorph.__version__} {_short(name)}", call))
    return systems


def _torch(problem: Problem) -> list[System]:
    layer, systems = problem.layer, []
    inside = slice(layer.padding, -layer.padding or None)
    for name, memory_format in [
        ("torch-conv2d", torch.contiguous_format),
        ("torch-conv2d-channels-last", torch.channels_last),
    ]:
        x = problem.float_image().contiguous(memory_format=memory_format)
        weight = problem.float_weight().contiguous(memory_format=memory_format)

        def call(x: torch.Tensor = x, weight: torch.Tensor = weight) -> torch.Tensor:
            with torch.inference_mode():
                return torch.nn.functional.conv2d(x, weight, stride=layer.stride, padding=layer.padding)

        # torch pads with zeros: compare where no padding is in the window.
        bits = (call()[0] >= torch.from_numpy(problem.threshold)[:, None, None]).numpy()
        if not np.array_equal(bits[:, inside, inside], problem.expected[:, inside, inside]):
            raise AssertionError(f"{name} differs from the reference")
        systems.append(System(name, torch.__version__, call))
    return systems


def _openvino(problems: list[Problem], threads: int) -> list[System]:
    """FakeQuantize and BinaryConvolution in turn; the last sums come as float32.

    A FakeQuantize to bits at the end of the network is left out: with AVX-512, version 2026.4.1 crashes when
    it runs the fused form.
    """
    if importlib.util.find_spec("openvino") is None:
        print("openvino is NOT installed: BinaryConvolution is not measured", file=sys.stderr)
        return []
    ov, opset1, opset13 = (importlib.import_module(f"openvino{part}") for part in ("", ".opset1", ".opset13"))
    layer = problems[0].layer
    parameter = opset13.parameter((1, layer.channels, layer.size, layer.size), ov.Type.f32)
    zero, one = (np.full((1, 1, 1, 1), value, np.float32) for value in (0, 1))
    node, limit, words = parameter, zero, []
    for problem in problems:
        bits = opset13.fake_quantize(node, limit, limit, zero, one, levels=2)
        words.append(np.packbits(problem.weight.reshape(-1), bitorder="little"))
        weight = opset13.constant(ov.Tensor(words[-1], ov.Shape(problem.weight.shape), ov.Type.u1))
        pads, strides = [layer.padding] * 2, [layer.stride] * 2
        node = opset1.binary_convolution(bits, weight, strides, pads, pads, [1, 1], "xnor-popcount", -1.0)
        limit = (problem.threshold.astype(np.float32) - 0.5).reshape(1, -1, 1, 1)
    compiled = ov.Core().compile_model(
        ov.Model([node], [parameter]),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(problems[0].float_image().numpy().copy()))
    request.infer()
    out = request.get_output_tensor().data[0] > limit[0]
    if not np.array_equal(out, problems[-1].expected):
        raise AssertionError("OpenVINO's BinaryConvolution differs from the reference")

    def call(keep: object = words) -> None:  # the network reads the weights where they are
        request.infer()

    return [System("openvino-binary", ov.__version__, call)]


def _layer_case(problem: Problem, threads: int) -> Case:
    ours = _binmorph(problem)
    best = System("binmorph", ours[-1].version, ours[-1].call)
    systems = (best, *ours[:-1], *_torch(problem), *_openvino([problem], threads))
    return Case(str(problem.layer), systems, "torch-conv2d-channels-last", threads)


def _chain_case(layer: Layer, threads: int) -> Case | None:
    problems = [_problem(layer)]
    while len(problems) < CHAIN:
        problems.append(_problem(layer, len(problems), problems[-1].expected))
    openvino = _openvino(problems, threads)
    if not openvino:
        return None
    x = _pack(problems[0].image.transpose(1, 2, 0)).ravel()
    expected = _pack(problems[-1].expected.transpose(1, 2, 0)).ravel()
    systems = []
    for name in _kernels(problems[0]):
        convs = [_conv2d(problem, name) for problem in problems]
        buffers = [np.zeros_like(expected), np.zeros_like(expected)]

        def call(convs: list[Any] = convs, buffers: list[Any] = buffers) -> npt.NDArray[np.uint64]:
            value = x
            for i, conv in enumerate(convs):
                value = conv.run(value, buffers[i % 2])
            return value

        if not np.array_equal(call(), expected):
            raise AssertionError(f"a chain of {name} differs from the float convolutions")
        systems.append(System(f"binmorph-{_short(name)}", f"{binmorph.__version__} {_short(name)}", call))
    best = System("binmorph", systems[-1].version, systems[-1].call)
    return Case(f"{layer} chain of {CHAIN}", (best, *systems[:-1], *openvino), "openvino-binary", threads)


def cases(threads: int) -> Iterator[Case]:
    """The layers; ours runs on one thread, so the others must."""
    if threads != 1:
        raise ValueError("the layer suite compares single threads: --threads 1")
    torch.set_num_threads(threads)
    for layer in LAYERS:
        yield _layer_case(_problem(layer), threads)
    for layer in LAYERS[:4]:
        chain = _chain_case(layer, threads)
        if chain is not None:
            yield chain
