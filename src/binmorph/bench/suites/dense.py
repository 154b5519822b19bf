"""Dense layers 4096 -> 4096 of +-1 weights on +-1 data, bits in, bits out, for 1 and 64 images.

The systems: ours by each vector kernel; OpenVINO's BinaryConvolution as a 1x1 layer with the images along
the width (the fastest of three forms), which reads and writes float32; float32 torch. For one image also what
reading the weights takes: a sum over as many bytes as they have, by numpy.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import binmorph
from binmorph import _core

from ..case import Case, System
from .layers import _pack

SIZE = 4096
Bits = npt.NDArray[np.bool_]


def _binmorph(weight: Bits, x: Bits, expected: Bits) -> list[System]:
    invert = np.zeros(SIZE, np.uint8)
    layer = _core.kernels.Dense(SIZE, _pack(weight), _pack(~weight), np.zeros(SIZE, np.int32), invert)
    # popcount(x AND w) - popcount(x AND NOT w) >= 0 is a sum of +-1 products of x in {0, 1}.
    words, out = _pack(x).ravel(), np.zeros(len(x) * SIZE // 64, np.uint64)
    scratch = np.zeros(layer.scratch_words, np.uint64)
    systems = []
    for op, name, isa, runs in _core.kernels.list_kernels():
        if op != "threshold_dense" or not runs or isa in ("reference", "generic"):
            continue
        if not np.array_equal(layer.run(name, words, out, scratch=scratch), _pack(expected).ravel()):
            raise AssertionError(f"{name} differs from the float product")

        def call(name: str = name) -> object:
            return layer.run(name, words, out, scratch=scratch)

        systems.append(System(f"binmorph-{isa}", f"{binmorph.__version__} {isa}", call))
    return systems


def _openvino(weight: Bits, x: Bits, threads: int) -> list[System]:
    if importlib.util.find_spec("openvino") is None:
        print("openvino is NOT installed: BinaryConvolution is not measured", file=sys.stderr)
        return []
    ov, opset1, opset13 = (importlib.import_module(f"openvino{part}") for part in ("", ".opset1", ".opset13"))
    shape = (1, SIZE, 1, len(x))
    parameter = opset13.parameter(shape, ov.Type.f32)
    zero, one = (np.full((1, 1, 1, 1), value, np.float32) for value in (0, 1))
    bits = opset13.fake_quantize(parameter, zero, zero, zero, one, levels=2)
    words = np.packbits(weight.reshape(-1), bitorder="little")
    constant = opset13.constant(ov.Tensor(words, ov.Shape((SIZE, SIZE, 1, 1)), ov.Type.u1))
    node = opset1.binary_convolution(bits, constant, [1, 1], [0, 0], [0, 0], [1, 1], "xnor-popcount", -1.0)
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
    signs = np.where(x, np.float32(1), np.float32(-1))
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(np.ascontiguousarray(signs.T).reshape(shape)))
    request.infer()
    sums = signs @ np.where(weight, np.float32(1), np.float32(-1)).T
    if not np.array_equal(request.get_output_tensor().data.reshape(SIZE, -1).T, sums):
        raise AssertionError("OpenVINO's BinaryConvolution differs from the float product")

    def call(keep: object = words) -> None:  # the network reads the weights where they are
        request.infer()

    return [System("openvino-binary", ov.__version__, call)]


def _case(images: int, threads: int) -> Case:
    rng = np.random.default_rng(images)
    weight, x = rng.random((SIZE, SIZE)) < 0.5, rng.random((images, SIZE)) < 0.5
    w = np.where(weight, np.float32(1), np.float32(-1))
    ours = _binmorph(weight, x, x.astype(np.float32) @ w.T >= 0)
    tensor, values = torch.from_numpy(w), torch.from_numpy(np.where(x, np.float32(1), np.float32(-1)))

    def torch_call() -> torch.Tensor:
        with torch.inference_mode():
            return torch.nn.functional.linear(values, tensor)

    systems = [
        System("binmorph", ours[-1].version, ours[-1].call),
        *ours[:-1],
        System("torch-linear", torch.__version__, torch_call),
        *_openvino(weight, x, threads),
    ]
    if images == 1:
        stream: npt.NDArray[Any] = rng.integers(0, 2**32, SIZE * SIZE // 64).astype(np.uint64)
        systems.append(System("reading-the-weights", f"numpy {np.__version__}", lambda: stream.sum()))
    return Case(f"L7 dense 4096->4096, {images} images", tuple(systems), "torch-linear", threads)


def cases(threads: int) -> Iterator[Case]:
    """Batches of 1 and 64 images; ours runs on one thread, so the others must."""
    if threads != 1:
        raise ValueError("the dense suite compares single threads: --threads 1")
    torch.set_num_threads(threads)
    for images in (1, 64):
        yield _case(images, threads)
