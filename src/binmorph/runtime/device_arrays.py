"""Arrays that lie on a GPU: torch's and CuPy's, looked at through DLPack, without importing either."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from .. import _core, ir
from ..errors import DTypeError, ShapeError

CUDA = 2  # DLPack's number for CUDA devices


@dataclass(frozen=True)
class DeviceArray:
    """An array, where its first element lies, and the library that it comes from."""

    array: Any
    address: int
    device: int
    dtype: str
    shape: tuple[int, ...]


class Torch:
    """torch.Tensor."""

    def __init__(self, device: int) -> None:
        self._torch: Any = sys.modules["torch"]
        self._device = self._torch.device("cuda", device)

    def stream(self) -> int:
        return int(self._torch.cuda.current_stream(self._device).cuda_stream)

    def plain(self, x: Any) -> Any:
        return x.detach().contiguous()

    def cast(self, x: Any, dtype: str) -> Any:
        return x.to(getattr(self._torch, dtype))

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        return self._torch.empty(shape, dtype=getattr(self._torch, dtype), device=self._device)


class Cupy:
    """cupy.ndarray."""

    def __init__(self, device: int) -> None:
        self._cupy: Any = sys.modules["cupy"]
        self._device = self._cupy.cuda.Device(device)

    def stream(self) -> int:
        with self._device:
            return int(self._cupy.cuda.get_current_stream().ptr)

    def plain(self, x: Any) -> Any:
        with self._device:
            return self._cupy.ascontiguousarray(x)

    def cast(self, x: Any, dtype: str) -> Any:
        with self._device:
            return x.astype(dtype)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        with self._device:
            return self._cupy.empty(shape, dtype)


Library = Torch | Cupy
LIBRARIES: dict[str, type[Torch] | type[Cupy]] = {"torch": Torch, "cupy": Cupy}


def library_of(x: Any, device: int) -> Library | None:
    """The library of an array on a GPU; None for arrays of the host.

    Raises:
        DTypeError: the array lies on another device, or no library is known that makes results of its kind.
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        return None
    try:
        kind, number = (int(part) for part in x.__dlpack_device__())
    except (BufferError, RuntimeError, TypeError, ValueError):
        return None  # nowhere; to_numpy says what is wrong with it
    if kind != CUDA:
        return None
    if number != device:
        raise DTypeError(
            f"input: the model runs on cuda:{device}, the array lies on cuda:{number}; move one of them"
        )
    name = type(x).__module__.partition(".")[0]
    if name not in LIBRARIES:
        raise DTypeError(
            f"input: device arrays of torch and CuPy are taken, got {type(x).__name__} of {name}"
        )
    return LIBRARIES[name](device)


def view(x: Any, stream: int) -> DeviceArray:
    """``x`` as DLPack shows it, its data ready for work on ``stream``."""
    # DLPack has its own number for the default stream.
    capsule = x.__dlpack__(stream=stream if stream != 0 else 1)
    address, _, device, dtype, shape, contiguous = _core.cuda.dlpack_view(capsule)
    if not contiguous:
        raise ShapeError("a device array must be C-contiguous")
    return DeviceArray(x, address, device, dtype, shape)


def as_device_input(x: Any, library: Library, spec: ir.InputSpec, stream: int) -> tuple[DeviceArray, bool]:
    """``x`` [N, ...] in the dtype that the network reads, and whether it can hold only 0 and 1.

    The rules are those of :func:`binmorph.runtime.arrays.as_network_input`; nothing is copied unless dtype
    or the strides have to change.

    Raises:
        DTypeError: the dtype is not the network's, and not one that converts to it without changing a value.
        ShapeError: the shape is not (N, *spec.shape).
    """
    shape = tuple(x.shape)
    if shape[1:] != spec.shape or not shape:
        hint = "; add a batch axis: x[None]" if shape == spec.shape else ""
        raise ShapeError(
            f"input: got shape {shape}, expected (batch, {', '.join(map(str, spec.shape))}){hint}"
        )
    dtype = str(x.dtype).removeprefix("torch.")
    if dtype not in ("bool", "uint8", spec.dtype):
        raise DTypeError(f"input: got dtype {dtype}, this network reads {spec.dtype}; convert it yourself")
    x = library.plain(x)
    if (dtype, spec.dtype) != ("bool", "uint8") and dtype != spec.dtype:  # a bool is a byte 0 or 1 already
        x = library.cast(x, spec.dtype)
    return view(x, stream), dtype == "bool"
