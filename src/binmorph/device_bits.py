"""Packed bits on a GPU."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from .bit_words import Layout, check_shape, words_shape
from .bits import BitArray
from .device_libraries import CUDA, Library, device_number, library_of, place_of, view
from .errors import DomainError, DTypeError, FormatError, ShapeError

__all__ = ["DeviceBitArray"]

_BYTES, _WIDE, _WORDS = ("bool", "uint8"), ("float32",), ("uint64", "int64")
_AND, _OR, _XOR, _AND_NOT = range(4)


class DeviceBitArray:
    """Row-packed bits on a GPU, as ``BitArray`` has them on the host: 64 to a word along the last axis.

    ``DeviceBitArray.pack`` takes arrays of torch and CuPy where they lie, ``BitArray.to("cuda")`` copies bits
    of the host, ``from_words`` shares words of another library without a copy; ``torch.from_dlpack(bits)``
    and ``cupy.from_dlpack(bits)`` share these (uint64). Work is enqueued on the current stream of the library
    that the bits came from (the default stream for bits of the host), and the call returns before the device
    is done, except where it says that it waits. Work on several streams is put in order.

    Every method raises DeviceError (no driver or device, or work on it failed) and MemoryLimitError (the
    device's memory is spent).
    """

    layout: Layout = "row-packed"
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, words: _core.cuda.Words, shape: tuple[int, ...], library: Library | None) -> None:
        self.shape = shape
        self._words = words
        self._library = library

    @classmethod
    def pack(cls, array: Any) -> DeviceBitArray:
        """Packs an array of torch or CuPy on a GPU: booleans, or uint8 or float32 that are all 0 or 1.

        Waits for the device unless the dtype is bool.

        Raises:
            DTypeError: another dtype, or not an array of torch or CuPy on a GPU.
            DomainError: a value that is neither 0 nor 1.
        """
        library = _library(array)
        check_shape(tuple(array.shape), "row-packed")
        source = view(library.plain(array), library.stream())
        if source.dtype not in (*_BYTES, *_WIDE):
            raise DTypeError(
                f"cannot pack dtype {source.dtype} on a GPU: pass bool, uint8 or float32 of 0 and 1"
            )
        words, invalid = _core.cuda.pack_rows(
            source.device,
            library.stream(),
            source.address,
            source.dtype in _WIDE,
            source.dtype != "bool",
            prod(source.shape[:-1]),
            source.shape[-1],
        )
        if invalid is not None:
            index = tuple(int(i) for i in np.unravel_index(invalid, source.shape))
            raise DomainError(
                f"the value at index {index} is not 0 or 1; threshold first, for example "
                "DeviceBitArray.pack(image > 127)"
            )
        return cls(words, source.shape, library)

    @classmethod
    def from_words(cls, words: Any, shape: tuple[int, ...]) -> DeviceBitArray:
        """Wraps packed words of torch or CuPy (uint64 or int64, C-contiguous) without a copy.

        They must not change while work on them is under way. Waits for the device, to look at the bits past
        the ends of rows, unless rows are whole words.

        Raises:
            DTypeError: another dtype, or not an array of torch or CuPy on a GPU.
            ShapeError: the words do not have the shape [..., ceil(W / 64)], or are not C-contiguous.
            FormatError: bits past the end of the last axis are not zero.
        """
        library = _library(words)
        shape = tuple(int(n) for n in shape)
        check_shape(shape, "row-packed")
        source = view(words, library.stream())
        if source.dtype not in _WORDS:
            raise DTypeError(f"words must be uint64 or int64, not {source.dtype}")
        expected = words_shape(shape, "row-packed")
        if source.shape != expected:
            raise ShapeError(
                f"row-packed bits of shape {shape} have words of shape {expected}, not {source.shape}"
            )
        wrapped = _core.cuda.words_of(
            source.device, source.address, prod(expected), library.stream(), source.array
        )
        result = cls(wrapped, shape, library)
        if shape[-1] % 64 != 0 and ~~result != result:  # a complement has zeros there
            raise FormatError("bits past the end of axis -1 must be zero")
        return result

    @classmethod
    def from_host(cls, bits: BitArray, device: str = "cuda") -> DeviceBitArray:
        """Copies row-packed bits of the host to a GPU.

        Raises:
            DeviceError: there is no such device.
            ShapeError: another layout.
        """
        if bits.layout != "row-packed":
            raise ShapeError(
                f"a GPU takes row-packed bits, not {bits.layout}; BitArray.pack(bits) repacks them"
            )
        words = _core.cuda.words_from_host(device_number(device), np.ascontiguousarray(bits._words), 0)
        return cls(words, bits.shape, None)

    def cpu(self) -> BitArray:
        """The same bits on the host; waits for the device."""
        words = np.empty(words_shape(self.shape, "row-packed"), np.uint64)
        self._words.to_host(words, self._stream())
        return BitArray(words, self.shape, "row-packed")

    def unpack(self) -> Any:
        """The bits as a new array of booleans: of the library that they came from, otherwise of numpy."""
        if self._library is None:
            return self.cpu().unpack()
        array = self._library.empty(self.shape, "bool")
        stream = self._stream()
        target = view(array, stream)
        _core.cuda.unpack_rows(self._words, stream, self._rows, self.shape[-1], target.address)
        return array

    @property
    def device(self) -> str:
        """Where the bits lie: "cuda:N"."""
        return f"cuda:{self._words.device}"

    @property
    def nbytes(self) -> int:
        return 8 * len(self._words)

    @property
    def _rows(self) -> int:
        return prod(self.shape[:-1])

    def _stream(self) -> int:
        return 0 if self._library is None else self._library.stream()

    def _like(self, words: _core.cuda.Words, shape: tuple[int, ...] | None = None) -> DeviceBitArray:
        return DeviceBitArray(words, self.shape if shape is None else shape, self._library)

    def through(self, model: _core.cuda.Model, shape: tuple[int, ...]) -> DeviceBitArray:
        """The result, of that shape, of a network that reads and makes bits on this device."""
        words = model.run_packed(self._stream(), self._words, self.shape[0])
        return self._like(words, shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"DeviceBitArray(shape={self.shape}, device={self.device!r}, nbytes={self.nbytes})"

    def __eq__(self, other: object) -> bool:
        """Same bits on the same device; waits for it."""
        if not isinstance(other, DeviceBitArray):
            return NotImplemented
        same = self.shape == other.shape and self.device == other.device
        return same and _core.cuda.equal(self._words, other._words, self._stream())

    def __and__(self, other: DeviceBitArray) -> DeviceBitArray:
        return self._combine(_AND, other)

    def __or__(self, other: DeviceBitArray) -> DeviceBitArray:
        return self._combine(_OR, other)

    def __xor__(self, other: DeviceBitArray) -> DeviceBitArray:
        return self._combine(_XOR, other)

    def __invert__(self) -> DeviceBitArray:
        return self._like(_core.cuda.complement(self._words, self._rows, self.shape[-1], self._stream()))

    def without(self, other: DeviceBitArray) -> DeviceBitArray:
        """The bits that are not set in ``other``: ``self & ~other`` in one pass."""
        return self._combine(_AND_NOT, other)

    def _combine(self, operation: int, other: DeviceBitArray) -> DeviceBitArray:
        if not isinstance(other, DeviceBitArray):
            return NotImplemented
        check_same_place(self, other)
        if self.shape != other.shape:
            raise ShapeError(f"bit logic needs operands of one shape: {self!r}, {other!r}")
        return self._like(_core.cuda.combine(operation, self._words, other._words, self._stream()))

    def __dlpack__(self, *, stream: int | None = None, **_: Any) -> Any:
        """The words (uint64) as a DLPack capsule, shared and ready on the consumer's stream."""
        if stream == -1:  # whoever asks does not want to be waited for
            stream = None
        elif stream in (None, 1):  # DLPack's number for the default stream
            stream = 0
        return self._words.dlpack(words_shape(self.shape, "row-packed"), stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self._words.device


def check_same_place(first: DeviceBitArray, second: DeviceBitArray) -> None:
    """DTypeError where two operands lie on different devices."""
    if first.device != second.device:
        raise DTypeError(
            f"one operand lies on {first.device}, the other on {second.device}; move one of them"
        )


def on_device(array: npt.ArrayLike | Any) -> bool:
    """Whether an array or bits lie on a GPU."""
    return isinstance(array, DeviceBitArray) or place_of(array) is not None


def _library(array: Any) -> Library:
    number = place_of(array)
    if number is None:
        raise DTypeError(
            f"{type(array).__name__} does not lie on a GPU; BitArray.pack(array).to('cuda') copies it there"
        )
    return library_of(array, number)
