"""What several kinds of work need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import ir
from ...bits import Layout
from ..contest import Case, Check, System, equal
from ..networks import Ops
from ..networks.forms import signed
from ..peers import cuda_layers
from ..peers.packed import device_bits_system, isas_to_compare, packed_system


def pack(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Packed along the last axis, least significant bit first, in 64-bit words."""
    padded = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // 64) * 64), bool)
    padded[..., : bits.shape[-1]] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


def ours(
    case: Case, graph: ir.Graph, x: npt.NDArray[Any], check: Check, layout: Layout = "row-packed"
) -> None:
    """Enter ours on ``x``, bits in this layout, once per column of :func:`isas_to_compare`."""
    for name, isa in isas_to_compare().items():
        case.enter(name, packed_system(name, graph, x, case.threads, isa, layout), check)


def float_peers(
    case: Case,
    shape: tuple[int, ...],
    x: npt.NDArray[np.float32],
    build: Callable[[Ops], Any],
    check: Check,
    int8_check: Check,
    limits: Sequence[tuple[float, float]],
    compiled: bool = False,
    windows: bool = True,
) -> None:
    """Enter every library of float networks: ``build`` describes the work in its operators.

    ``limits`` are those of :class:`binmorph.bench.peers.numpy_ops.NumpyOps`, for int8; ``windows`` says that
    some layer has them, so that the order of channels in memory matters; ``compiled`` adds torch.compile.
    """
    threads = case.threads

    def torch_system(name: str, nchw: bool = False, compiled: bool = False) -> Callable[[], System]:
        def make() -> System:
            from ..peers.torch_ops import TorchOps

            ops = TorchOps(nchw)
            return ops.system(name, build(ops), x, threads, compiled)

        return make

    def onnx_system(name: str, limits: Sequence[tuple[float, float]] | None) -> Callable[[], System]:
        def make() -> System:
            from ..peers.onnx_ops import OnnxOps

            ops = OnnxOps(shape, limits)
            return ops.system(name, build(ops), x, threads)

        return make

    def openvino_system(name: str, limits: Sequence[tuple[float, float]] | None) -> Callable[[], System]:
        def make() -> System:
            from ..peers.openvino_ops import OpenVinoOps

            ops = OpenVinoOps(shape, limits)
            return ops.system(name, build(ops), x, threads)

        return make

    case.enter("torch", torch_system("torch"), check)
    if windows:
        case.enter("torch-nchw", torch_system("torch-nchw", nchw=True), check)
    if compiled:
        case.enter("torch-compiled", torch_system("torch-compiled", compiled=True), check)
    case.enter("onnxruntime-float", onnx_system("onnxruntime-float", None), check)
    case.enter("onnxruntime-int8", onnx_system("onnxruntime-int8", limits), int8_check)
    case.enter("openvino-float", openvino_system("openvino-float", None), check)
    case.enter("openvino-int8", openvino_system("openvino-int8", limits), int8_check)


def openvino_binary(
    case: Case, shape: tuple[int, ...], x: Any, build: Callable[[Any], Any], check: Check, along_width: bool
) -> None:
    """Enter OpenVINO's BinaryConvolution: ``build`` describes the work to its form."""

    def make() -> System:
        from ..peers.openvino_ops import OpenVinoBinary, OpenVinoOps

        ops = OpenVinoOps(shape)
        settings = "BinaryConvolution" + (", images along the width" if along_width else "")
        output = build(OpenVinoBinary(ops, along_width))
        return ops.system("openvino-binary", output, x, case.threads, settings)

    case.enter("openvino-binary", make, check)


def larq(case: Case, x: npt.NDArray[np.float32], build: Callable[[Any], Any], check: Check) -> None:
    """Enter Larq Compute Engine: ``build`` describes the work to its form."""

    def make() -> System:
        from ..peers.larq_ops import LarqNetwork

        network = LarqNetwork(x.shape)
        return network.system("larq-compute-engine", build(network), x, case.threads)

    case.enter("larq-compute-engine", make, check)


def layer_on_gpu(
    case: Case,
    graph: ir.Graph,
    bits: npt.NDArray[np.bool_],
    expected: npt.NDArray[Any],
    weight: npt.NDArray[np.bool_],
    window: tuple[int, int],
    check: Check,
) -> None:
    """Enter what runs a binary layer on the first GPU, on data that lie there: ours, and libraries on -1 and
    +1. ``window`` is stride and padding; ``check`` is for sums of a layer padded with zeros."""
    case.enter("binmorph-cuda", device_bits_system(graph, bits), equal(expected))
    for name in cuda_layers.LAYERS:
        make = partial(cuda_layers.system, name, signed(bits), signed(weight), *window)
        case.enter(name, make, check)
