"""Layouts of packed bits: shapes of their words, and the kernels that pack and unpack them."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, Literal, NoReturn, get_args

import numpy as np
import numpy.typing as npt

from . import _core
from .errors import DomainError, DTypeError, ShapeError

Layout = Literal["row-packed", "channel-packed", "batch-sliced"]
Words = npt.NDArray[np.uint64]

PACKED_AXIS = {"row-packed": -1, "channel-packed": 1, "batch-sliced": 0}
_BLOCK_WORDS = 4  # batch-sliced planes are made of 256-bit words


def check_shape(shape: tuple[int, ...], layout: str) -> None:
    if layout not in get_args(Layout):
        raise ShapeError(f"unknown layout {layout!r}; known: {', '.join(get_args(Layout))}")
    needed = 2 if layout == "channel-packed" else 1
    if len(shape) < needed:
        raise ShapeError(
            f"{layout} bits need at least {needed} {'axes' if needed > 1 else 'axis'}, got shape {shape}"
            + ("; pack a single value as [value]" if not shape else "")
        )
    if any(n < 0 for n in shape):
        raise ShapeError(f"negative extent in shape {shape}")


def words_shape(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    if layout == "batch-sliced":
        return (*shape[1:], _BLOCK_WORDS * -(-shape[0] // (64 * _BLOCK_WORDS)))
    if layout == "channel-packed":
        return (shape[0], *shape[2:], -(-shape[1] // 64))
    return (*shape[:-1], -(-shape[-1] // 64))


@lru_cache(maxsize=64)
def valid_bits(shape: tuple[int, ...], layout: Layout) -> Words:
    """The words of one packed axis full of ones; read-only."""
    length = shape[PACKED_AXIS[layout]]
    ones = np.zeros(words_shape(shape, layout)[-1], np.uint64)
    ones[: length // 64] = np.iinfo(np.uint64).max
    if length % 64:
        ones[length // 64] = (1 << (length % 64)) - 1
    ones.flags.writeable = False
    return ones


def to_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A C-contiguous array of zeros and ones."""
    dtype = values.dtype
    if dtype.kind not in "buif":
        raise DTypeError(
            f"cannot pack dtype {dtype}: pass booleans, or integers or floats in {{0, 1}} or {{-1, +1}}"
        )
    if dtype in (np.bool_, np.uint8):
        raw = np.ascontiguousarray(values).view(np.uint8)
        if raw.max(initial=0) <= 1:
            return raw
        # A boolean array made from raw bytes may hold others than 0 and 1; numpy's own test is "not zero".
        if dtype == np.bool_:
            return np.not_equal(raw, 0).astype(np.uint8)
    one = values == 1
    if not np.all(one | (values == 0)) and not np.all(one | (values == -1)):
        _refuse(values)
    return np.ascontiguousarray(one).view(np.uint8)


def _refuse(values: npt.NDArray[Any]) -> NoReturn:
    outside = ~np.isin(values, (-1, 0, 1))
    mixed = not outside.any()
    # With both 0 and -1 present, the later of their first appearances is where the array stops making sense.
    first = (
        max(int(np.argmax(values == 0)), int(np.argmax(values == -1))) if mixed else int(np.argmax(outside))
    )
    index = tuple(int(i) for i in np.unravel_index(first, values.shape))
    value = values[index].item()
    if mixed:
        raise DomainError(
            f"the array mixes 0 and -1 (first clash: {value} at index {index}); use {{0, 1}} or {{-1, +1}}, "
            "for example BitArray.pack(array > 0)"
        )
    raise DomainError(
        f"value {value} at index {index} is not 0 or 1 (nor -1 or +1); threshold first, "
        "for example BitArray.pack(image > 127)"
    )


@lru_cache(maxsize=64)
def _kernel_for(operation: str, isa: str) -> str:
    order = list(_core.isas())
    names: dict[str, str] = {}
    for op, name, kernel_isa, supported in _core.kernels.list_kernels():
        if op == operation and supported and order.index(kernel_isa) <= order.index(isa):
            names[kernel_isa] = name
    return names[max(names, key=order.index)]


def kernel(operation: str) -> str:
    """The kernel that the runtime would choose, so that BINMORPH_FORCE_ISA counts here too."""
    return _kernel_for(operation, _core.default_isa())


def empty_words(shape: tuple[int, ...]) -> Words:
    """Not initialised; on a cache line if they are many enough for that to matter."""
    return _core.morphology.empty_words(shape)


def pack_rows(bits: npt.NDArray[np.uint8]) -> Words:
    words = pack_bytes(bits)
    assert words is not None
    return words


def pack_bytes(values: npt.NDArray[Any]) -> Words | None:
    """Packed and checked in one pass over booleans or bytes; None if there are others than 0 and 1."""
    width = values.shape[-1]
    words = empty_words((*values.shape[:-1], -(-width // 64)))
    raw = np.ascontiguousarray(values).view(np.uint8)
    good = _core.kernels.pack_binary_u8(kernel("pack_binary_u8"), raw, prod(raw.shape[:-1]), width, words)
    return None if good is None else words


def takes_bytes(out: npt.NDArray[Any]) -> bool:
    """Whether unpacked bits can be written to it as they are."""
    return out.dtype.char in "?bB" and out.flags.c_contiguous


def unpack_rows(words: Words, width: int, out: npt.NDArray[Any] | None = None) -> npt.NDArray[np.uint8]:
    """Zeros and ones in a new array, or in one that ``takes_bytes``."""
    if out is None:
        out = np.empty((*words.shape[:-1], width), np.uint8)
    bits = out.reshape(-1).view(np.uint8)
    _core.kernels.unpack_u8(kernel("unpack_u8"), words, prod(words.shape[:-1]), width, bits)
    return out


def slice_batch(bits: npt.NDArray[np.uint8]) -> Words:
    count, pixels = bits.shape[0], prod(bits.shape[1:])
    images = pack_rows(bits.reshape(count, pixels))
    planes = empty_words(words_shape(bits.shape, "batch-sliced"))
    _core.kernels.images_to_planes(
        kernel("images_to_planes"), images, count, images.shape[1], pixels, planes.shape[-1], planes
    )
    return planes


def unslice_batch(planes: Words, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    count, pixels = shape[0], prod(shape[1:])
    images = np.empty((count, -(-pixels // 64)), np.uint64)
    _core.kernels.planes_to_images(
        kernel("planes_to_images"), planes, planes.shape[-1], pixels, count, images.shape[1], images
    )
    return unpack_rows(images, pixels).reshape(shape)
