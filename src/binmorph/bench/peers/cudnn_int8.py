"""Convolutions of 8-bit integers by cuDNN: torch brings the library along, without a call for them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

# Numbers of cudnn.h.
NHWC, CROSS_CORRELATION, TENSOR_CORES, IMPLICIT_PRECOMP_GEMM = 1, 1, 1, 1
INT8, INT32 = 3, 4


class Library:
    """cuDNN's functions; RuntimeError with its text where one fails, OSError if it is not here."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch  # loaded the library, or knows where it is
        self._cudnn = ctypes.CDLL("libcudnn.so.9")
        self._cudnn.cudnnGetErrorString.restype = ctypes.c_char_p
        self._handle = ctypes.c_void_p()
        self._call("cudnnCreate", ctypes.byref(self._handle))

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._cudnn, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name}: {self._cudnn.cudnnGetErrorString(status).decode()}")

    def _made(self, kind: str, *extents: int) -> ctypes.c_void_p:
        descriptor = ctypes.c_void_p()
        self._call(f"cudnnCreate{kind}Descriptor", ctypes.byref(descriptor))
        function = {"Tensor": "Tensor4d", "Filter": "Filter4d", "Convolution": "Convolution2d"}[kind]
        self._call(f"cudnnSet{function}Descriptor", descriptor, *map(ctypes.c_int, extents))
        return descriptor

    def convolution(self, x: Any, weight: Any, stride: int, padding: int) -> tuple[Callable[[], object], Any]:
        """A call on the current stream, and the int8 tensor [N, H, W, O] that it writes, saturated.

        x: int8 [N, H, W, C], weight: int8 [O, kernel, kernel, C], both contiguous on the device, C and O
        multiples of 4.
        """
        torch = self._torch
        images, height, width, channels = x.shape
        outputs, kernel = weight.shape[:2]
        sides = [(n + 2 * padding - kernel) // stride + 1 for n in (height, width)]
        y = torch.empty((images, *sides, outputs), dtype=torch.int8, device="cuda")
        source = self._made("Tensor", NHWC, INT8, images, channels, height, width)
        target = self._made("Tensor", NHWC, INT8, images, outputs, *sides)
        filters = self._made("Filter", INT8, NHWC, outputs, channels, kernel, kernel)
        window = self._made("Convolution", padding, padding, stride, stride, 1, 1, CROSS_CORRELATION, INT32)
        self._call("cudnnSetConvolutionMathType", window, ctypes.c_int(TENSOR_CORES))
        size = ctypes.c_size_t()
        algorithm = ctypes.c_int(IMPLICIT_PRECOMP_GEMM)
        self._call(
            "cudnnGetConvolutionForwardWorkspaceSize",
            *(self._handle, source, filters, window, target, algorithm, ctypes.byref(size)),
        )
        workspace = torch.empty(max(size.value, 1), dtype=torch.uint8, device="cuda")
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (x, weight, workspace, y)]

        def call() -> None:
            stream = torch.cuda.current_stream().cuda_stream
            self._call("cudnnSetStream", self._handle, ctypes.c_void_p(stream))
            self._call(
                "cudnnConvolutionForward",
                *(self._handle, ctypes.byref(one), source, pointers[0], filters, pointers[1], window),
                *(algorithm, pointers[2], size, ctypes.byref(zero), target, pointers[3]),
            )

        call.keeps = (x, weight, workspace)  # type: ignore[attr-defined]
        return call, y
