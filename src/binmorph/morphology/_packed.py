"""Images as packed words: what goes into the engine and comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _core
from ..bit_words import Layout, kernel, takes_bytes, unpack_rows, valid_bits
from ..bits import BitArray
from ..device_bits import DeviceBitArray, on_device
from ..errors import DTypeError, ShapeError

Array: TypeAlias = npt.NDArray[Any]
Words: TypeAlias = npt.NDArray[np.uint64]
HostImage: TypeAlias = "npt.ArrayLike | BitArray"
Image: TypeAlias = "HostImage | DeviceBitArray"
HostResult: TypeAlias = "Array | BitArray"
Result: TypeAlias = "HostResult | DeviceBitArray"
Progress: TypeAlias = Callable[[int], None]

_NUMBERS = frozenset("?bBhHiIlLqQfd")  # the dtypes that SciPy's functions take


def source(image: Image) -> Array | BitArray:
    """The image as an array or as the BitArray that it is."""
    if isinstance(image, BitArray):
        return image
    if not isinstance(image, np.ndarray) and on_device(image):
        if isinstance(image, DeviceBitArray):
            raise DTypeError("image and mask must lie in one place; bits.cpu() brings them to the host")
        raise DTypeError("an array on a GPU is packed first: DeviceBitArray.pack(array)")
    return np.asarray(image)


def check_dtype(values: Result) -> None:
    """Raises what SciPy raises for values that it does not take."""
    if not isinstance(values, np.ndarray) or values.dtype.char in _NUMBERS:
        return
    if values.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    raise RuntimeError(f"data type not supported: {values.dtype}")


def row_packed(bits: BitArray) -> Words:
    """The words of a BitArray of that layout; they must not be written."""
    if bits.layout != "row-packed":
        raise ShapeError(
            f"this operation takes row-packed bits, not {bits.layout}; BitArray.pack(bits) repacks them"
        )
    return bits._words


def to_words(values: Array | BitArray) -> Words:
    """Row-packed words ``[..., ceil(W / 64)]`` of the non-zero values; a single value is a row of one pixel.

    The words of a row-packed BitArray are its own: they must not be written.
    """
    if isinstance(values, BitArray):
        return row_packed(values)
    raw = to_bytes(values).view(np.uint8)
    rows, width = prod(raw.shape[:-1]), raw.shape[-1]
    words = np.empty((*raw.shape[:-1], -(-width // 64)), np.uint64)
    # "at least 1" is "not zero": bool arrays made from raw bytes may hold others than 0 and 1.
    _core.kernels.level_set_u8(kernel("level_set_u8"), raw, rows, width, 1.0, words)
    return words


def to_bytes(values: Array) -> Array:
    """A C-contiguous array of one byte a pixel, 0 where ``values`` is 0; at least one axis."""
    if values.dtype.itemsize == 1 and values.flags.c_contiguous and values.ndim:
        return values
    return np.ascontiguousarray(values if values.dtype.itemsize == 1 else values != 0)


def unpack_into(words: Words, shape: tuple[int, ...], out: Array) -> None:
    """Writes the bits as zeros and ones to an array of any numeric dtype and memory layout."""
    if takes_bytes(out):
        unpack_rows(words, row_width(shape), out)
    else:
        out[...] = unpack_rows(words, row_width(shape)).reshape(shape)


def from_words(words: Words, shape: tuple[int, ...], as_bits: bool) -> HostResult:
    """A BitArray around the words, or a new array of booleans."""
    if as_bits:
        return BitArray(words, shape, "row-packed")
    out = np.empty(shape, np.bool_)
    unpack_into(words, shape, out)
    return out


def complement(words: Words, width: int) -> Words:
    """The other bits, tails still zero."""
    return words ^ valid_bits((width,), "row-packed")


def check_output(
    output: object, shape: tuple[int, ...], layout: Layout = "row-packed"
) -> Array | BitArray | None:
    """The array to write to; None where SciPy makes a new one, which is for everything but an array.

    That the words of a BitArray may be written is for those to see who write them.
    """
    if output is None:
        return None
    if isinstance(output, BitArray):
        if output.shape != shape or output.layout != layout:
            raise ShapeError(f"output must be {layout} bits of shape {shape}, not {output!r}")
        return output
    if isinstance(output, DeviceBitArray):
        raise ShapeError("operations on a GPU take no output; they make new bits")
    if not isinstance(output, np.ndarray):
        return None
    if output.dtype.kind == "c":
        raise TypeError("Complex output type not supported")
    if output.shape != shape:
        raise RuntimeError(f"output shape not correct: {output.shape} for an image of shape {shape}")
    if output.dtype.char not in _NUMBERS:
        raise RuntimeError(f"data type not supported: {output.dtype}")
    if not output.flags.writeable:
        raise ValueError("output array is read-only.")
    return output


def deliver(words: Words, shape: tuple[int, ...], output: HostResult | None, as_bits: bool) -> HostResult:
    """The result in ``output``, or new of the kind of the input."""
    if output is None:
        return from_words(words, shape, as_bits)
    if isinstance(output, BitArray):
        if output._words is not words:
            output._words[...] = words
    else:
        unpack_into(words, shape, output)
    return output


def row_width(shape: tuple[int, ...]) -> int:
    """Pixels of a row; a single value is a row of one."""
    return shape[-1] if shape else 1
