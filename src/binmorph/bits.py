"""Packed bits with a shape and a layout: least significant bit first in 64-bit words, tail bits zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _core
from .bit_words import (
    PACKED_AXIS,
    Layout,
    Words,
    check_shape,
    pack_bytes,
    pack_rows,
    slice_batch,
    takes_bytes,
    to_bits,
    unpack_rows,
    unslice_batch,
    valid_bits,
    words_shape,
)
from .errors import DTypeError, FormatError, ShapeError

if TYPE_CHECKING:
    from .device_bits import DeviceBitArray

__all__ = ["BitArray", "Layout"]


class BitArray(_core.BitBuffer):
    """An array of bits, 64 to a word.

    ======================  =======================  ===========================
    layout                  packed axis              shape of ``words``
    ======================  =======================  ===========================
    ``"row-packed"``        the last                 ``[..., ceil(W / 64)]``
    ``"channel-packed"``    1, of ``[N, C, ...]``    ``[N, ..., ceil(C / 64)]``
    ``"batch-sliced"``      0, of ``[N, ...]``       ``[..., 4 * ceil(N / 256)]``
    ======================  =======================  ===========================

    The words are what every exchange protocol shares, without a copy: ``memoryview(bits)`` and
    ``numpy.asarray(bits)`` (both read-only, like ``bits.words``), and DLPack; ``unpack`` gives the bits.
    Whoever writes through DLPack must leave the bits past the end of the packed axis zero.
    """

    shape: tuple[int, ...]
    layout: Layout
    _words: Words
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, words: Words, shape: tuple[int, ...], layout: Layout) -> None:
        super().__init__(words)
        self._words = words
        self.shape = shape
        self.layout = layout

    @classmethod
    def pack(cls, array: npt.ArrayLike | BitArray, layout: Layout = "row-packed") -> BitArray:
        """Packs booleans, or numbers that are all in {0, 1} or all in {-1, +1} (bit 1 stands for +1)."""
        # numpy would see the words of a BitArray, which are a buffer; its bits can change layout.
        values = array.unpack() if isinstance(array, BitArray) else np.asarray(array)
        check_shape(values.shape, layout)
        if layout == "row-packed" and values.dtype.char in "?B":
            checked = pack_bytes(values)
            if checked is not None:
                return cls(checked, values.shape, layout)
        bits = to_bits(values)
        if layout == "batch-sliced":
            words = slice_batch(bits)
        else:
            words = pack_rows(np.moveaxis(bits, 1, -1) if layout == "channel-packed" else bits)
        return cls(words, values.shape, layout)

    @classmethod
    def from_words(cls, words: Words, shape: tuple[int, ...], layout: Layout = "row-packed") -> BitArray:
        """Wraps words packed elsewhere, without a copy where they are C-contiguous and aligned."""
        shape = tuple(int(n) for n in shape)
        check_shape(shape, layout)
        words = np.asarray(words)
        if words.dtype.newbyteorder("=") != np.uint64:
            raise DTypeError(f"words must be uint64, not {words.dtype}")
        expected = words_shape(shape, layout)
        if words.shape != expected:
            raise ShapeError(
                f"a {layout} BitArray of shape {shape} has words of shape {expected}, not {words.shape}"
            )
        words = np.require(words, np.uint64, ["C", "A"])
        if np.any(words & ~valid_bits(shape, layout)):
            raise FormatError(f"bits past the end of axis {PACKED_AXIS[layout]} must be zero")
        return cls(words, shape, layout)

    def unpack(self, dtype: npt.DTypeLike = bool, *, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """The bits as a new array of zeros and ones, or in ``out``, whatever its dtype and memory layout.

        New memory costs as much time as the bits of a large image: reuse it.
        ShapeError or DTypeError if ``out`` has another shape or is not of booleans or real numbers.
        """
        if out is not None:
            if out.shape != self.shape:
                raise ShapeError(f"out has shape {out.shape}, the bits have {self.shape}")
            if out.dtype.kind not in "buif":
                raise DTypeError(f"out must be of booleans, integers or floats, not {out.dtype}")
            if self.layout == "row-packed" and takes_bytes(out):
                return unpack_rows(self._words, self.shape[-1], out)
            out[...] = self.unpack()
            return out
        if self.layout == "batch-sliced":
            bits = unslice_batch(self._words, self.shape)
        else:
            length = self.shape[PACKED_AXIS[self.layout]]
            bits = unpack_rows(self._words, length)
            if self.layout == "channel-packed":
                bits = np.ascontiguousarray(np.moveaxis(bits, -1, 1))
        dtype = np.dtype(dtype)
        return bits.view(dtype) if dtype in (np.bool_, np.uint8) else bits.astype(dtype)

    def to(self, device: str) -> DeviceBitArray:
        """A copy of row-packed bits on a GPU, "cuda" or "cuda:N".

        Raises:
            DeviceError: no driver, no such device, no kernels for it; the message says why.
            MemoryLimitError: the device's memory is spent.
            ShapeError: another layout.
        """
        from .device_bits import DeviceBitArray

        return DeviceBitArray.from_host(self, device)

    @property
    def words(self) -> Words:
        """A read-only view of the packed words."""
        view: Words = self._words.view()
        view.flags.writeable = False
        return view

    @property
    def nbytes(self) -> int:
        return int(self._words.nbytes)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"BitArray(shape={self.shape}, layout={self.layout!r}, nbytes={self.nbytes})"

    def __eq__(self, other: object) -> bool:
        """Same bits in the same layout."""
        if not isinstance(other, BitArray):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.layout == other.layout
            and np.array_equal(self._words, other._words)
        )

    def __and__(self, other: BitArray) -> BitArray:
        return self._combine(np.bitwise_and, other)

    def __or__(self, other: BitArray) -> BitArray:
        return self._combine(np.bitwise_or, other)

    def __xor__(self, other: BitArray) -> BitArray:
        return self._combine(np.bitwise_xor, other)

    def __invert__(self) -> BitArray:
        return BitArray(self._words ^ valid_bits(self.shape, self.layout), self.shape, self.layout)

    def _combine(self, operation: np.ufunc, other: BitArray) -> BitArray:
        if not isinstance(other, BitArray):
            return NotImplemented
        if (self.shape, self.layout) != (other.shape, other.layout):
            raise ShapeError(f"bit logic needs operands of one shape and layout: {self!r}, {other!r}")
        return BitArray(operation(self._words, other._words), self.shape, self.layout)

    def __dlpack__(self, **options: Any) -> Any:
        """The words (uint64) as a DLPack capsule: shared, or copied where they are read-only."""
        words = self._words if self._words.flags.writeable else self._words.copy()
        return words.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._words.__dlpack_device__()

    def __reduce__(self) -> tuple[Any, ...]:
        return BitArray.from_words, (self._words, self.shape, self.layout)
