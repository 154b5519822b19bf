"""Libraries whose arrays lie on GPUs, looked at through DLPack and imported by nobody here."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

from . import _core
from .errors import DeviceError, DTypeError, ShapeError

CUDA = 2  # DLPack's number for CUDA devices


def device_number(device: str) -> int:
    """N of "cuda:N", 0 of "cuda". Raises DeviceError for anything else."""
    match = re.fullmatch(r"cuda(?::(\d{1,4}))?", device) if isinstance(device, str) else None
    if match is None:
        raise DeviceError(f"device {device!r} is not 'cpu', 'cuda' or 'cuda:N'")
    return int(match[1] or 0)


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


def place_of(x: Any) -> int | None:
    """The number of the GPU on which an array lies; None for anything else."""
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        return None
    try:
        kind, number = (int(part) for part in x.__dlpack_device__())
    except (BufferError, RuntimeError, TypeError, ValueError):
        return None  # nowhere; whoever needs its values says what is wrong with it
    return number if kind == CUDA else None


def library_of(x: Any, device: int) -> Library:
    """The library of an array on that GPU.

    Raises:
        DTypeError: no library is known that makes results of its kind.
    """
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
