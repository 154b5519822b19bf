"""Layers by torch and cuDNN on a GPU, in fewer bits than float32; ``benchmarks/gpu_suite`` times them, too.

The functions take tensors [N, C, H, W] and [O, C, k, k], or [N, K] and [O, K], that lie where the work shall
run; each returns a call that does it once on the current stream and returns its result.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from ..contest import Absent, System
from .cudnn_int8 import Library

Array = npt.NDArray[Any]
Layer = Callable[[Any, Any, Any, int, int], Callable[[], Any]]
"""(torch, images, weights, stride, padding) to a call."""


def half(torch: Any, x: Any, weight: Any, stride: int, padding: int) -> Callable[[], Any]:
    """float16 by cuDNN, channels-last, or by cuBLAS."""
    torch.backends.cudnn.benchmark = True
    last = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    images, filters = (tensor.to(torch.float16).contiguous(memory_format=last) for tensor in (x, weight))
    if x.ndim == 4:
        return lambda: torch.nn.functional.conv2d(images, filters, None, stride, padding)
    return lambda: torch.nn.functional.linear(images, filters)


def int8_convolution(torch: Any, x: Any, weight: Any, stride: int, padding: int) -> Callable[[], Any]:
    """cuDNN's, channels-last; sums are saturated.

    Raises:
        Absent: it is no convolution.
        OSError, RuntimeError: cuDNN is not here, or refuses.
    """
    if x.ndim != 4:
        raise Absent("no convolution")
    images, filters = (tensor.to(torch.int8).permute(0, 2, 3, 1).contiguous() for tensor in (x, weight))
    call, y = Library(torch).convolution(images, filters, stride, padding)
    result = y.permute(0, 3, 1, 2)

    def run() -> Any:
        call()
        return result

    return run


def int8_product(torch: Any, x: Any, weight: Any, stride: int, padding: int) -> Callable[[], Any]:
    """The product of the layer's shape, sums in int32, [rows, O]. Raises Absent for 16 rows and fewer."""
    rows = _rows(torch, x, weight, stride, padding).to(torch.int8)
    if len(rows) <= 16:
        raise Absent("torch._int_mm asks for more than 16 rows")
    filters = weight.reshape(len(weight), -1).to(torch.int8)
    return lambda: torch._int_mm(rows, filters.t())


def fp8_product(torch: Any, x: Any, weight: Any, stride: int, padding: int) -> Callable[[], Any]:
    """The same product in e4m3, float16 out. Raises Absent unless the rows are a multiple of 16."""
    rows = _rows(torch, x, weight, stride, padding).to(torch.float8_e4m3fn)
    if len(rows) % 16:
        raise Absent("torch._scaled_mm asks for multiples of 16 rows")
    filters = weight.reshape(len(weight), -1).to(torch.float8_e4m3fn)
    one = torch.ones((), device=x.device)
    return lambda: torch._scaled_mm(rows, filters.t(), one, one, out_dtype=torch.float16)


def _rows(torch: Any, x: Any, weight: Any, stride: int, padding: int) -> Any:
    """What an im2col that costs nothing would leave: [N * H' * W', C * k * k]."""
    if x.ndim == 2:
        return x.contiguous()
    windows = torch.nn.functional.unfold(x.float(), weight.shape[2], padding=padding, stride=stride)
    return windows.transpose(1, 2).reshape(-1, windows.shape[1]).contiguous()


LAYERS: dict[str, tuple[Layer, str]] = {
    "torch-cuda": (half, "float16"),
    "torch-cuda-int8": (int8_product, "int8, product without the im2col"),
    "torch-cuda-fp8": (fp8_product, "e4m3, product without the im2col"),
    "cudnn-int8": (int8_convolution, "int8, saturated"),
}


def system(name: str, x: Array, weight: Array, stride: int, padding: int, device: str = "cuda") -> System:
    """One of ``LAYERS`` on data that lie on the GPU; a call ends when the GPU has finished.

    Raises:
        Absent: torch finds no GPU, or the layer does not fit.
    """
    torch = importlib.import_module("torch")
    if device == "cuda" and not torch.cuda.is_available():
        raise Absent("torch finds no GPU")
    make, settings = LAYERS[name]
    images, filters = (torch.from_numpy(values).to(device) for values in (x, weight))
    work = make(torch, images, filters, stride, padding)

    def call() -> Any:
        result = work()
        if device == "cuda":
            torch.cuda.synchronize()
        return result

    def output() -> Array:
        found: Array = call().float().cpu().numpy()
        if found.ndim == x.ndim:
            return found
        sides = [(n + 2 * padding - weight.shape[2]) // stride + 1 for n in x.shape[2:]]
        return found.reshape(len(x), *sides, len(weight)).transpose(0, 3, 1, 2)

    found = f"{torch.__version__} cudnn {torch.backends.cudnn.version()}"
    return System(name, found, call, output, f"{settings}, on the GPU")
