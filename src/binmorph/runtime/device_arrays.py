"""Networks' inputs that lie on a GPU."""

from __future__ import annotations

from typing import Any

from .. import ir
from ..device_libraries import DeviceArray, Library, library_of, place_of, view
from ..errors import DTypeError, ShapeError


def library_on(x: Any, device: int) -> Library | None:
    """The library of an array on that GPU; None for arrays of the host.

    Raises:
        DTypeError: the array lies on another device, or no library is known that makes results of its kind.
    """
    number = place_of(x)
    if number is None:
        return None
    if number != device:
        raise DTypeError(
            f"input: the model runs on cuda:{device}, the array lies on cuda:{number}; move one of them"
        )
    return library_of(x, device)


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
