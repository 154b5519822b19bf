"""What the runtime uses of CuPy, on the emulated driver, whose device memory is host memory."""

from __future__ import annotations

import ctypes
from types import ModuleType, SimpleNamespace

import numpy as np

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
DEVICE_TYPE = 8  # bytes from the start of a DLTensor


class Array:
    """A numpy array that claims to lie on a CUDA device."""

    def __init__(self, host: np.ndarray, device: int = 0) -> None:
        self.host, self.device, self.streams = host, device, []

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device

    def __dlpack__(self, stream: int) -> object:
        self.streams.append(stream)
        capsule = self.host.__dlpack__()
        device = ctypes.c_int32 * 2
        device.from_address(_pointer(capsule, b"dltensor") + DEVICE_TYPE)[:] = [2, self.device]
        return capsule

    def astype(self, dtype: str) -> Array:
        return Array(self.host.astype(dtype), self.device)


Array.__module__ = "cupy"


class Device:
    """``cupy.cuda.Device``: entered, and left."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def module(stream: int) -> ModuleType:
    """The module ``cupy``, with ``stream`` as its current one."""
    made = ModuleType("cupy")
    made.cuda = SimpleNamespace(Device=Device, get_current_stream=lambda: SimpleNamespace(ptr=stream))
    made.empty = lambda shape, dtype: Array(np.empty(shape, dtype))
    made.ascontiguousarray = lambda x: (
        x if x.host.flags.c_contiguous else Array(np.ascontiguousarray(x.host), x.device)
    )
    return made
