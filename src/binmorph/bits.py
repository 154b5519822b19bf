"""Packed bits with a shape and a layout: least significant bit first in 64-bit words, tail bits zero."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

import numpy as np
import numpy.typing as npt

from . import _core
from .errors import DomainError, DTypeError, FormatError, ShapeError

if TYPE_CHECKING:
    from .device_bits import DeviceBitArray

__all__ = ["BitArray", "Layout"]

Layout = Literal["row-packed", "channel-packed", "batch-sliced"]
Words = npt.NDArray[np.uint64]

_PACKED_AXIS = {"row-packed": -1, "channel-packed": 1, "batch-sliced": 0}
_BLOCK_WORDS = 4  # batch-sliced planes are made of 256-bit words
_ALIGNED_FROM = 512  # words
_HUGE_FROM = 1 << 19  # numpy asks for huge pages, which save more than cache lines do


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
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, words: Words, shape: tuple[int, ...], layout: Layout) -> None:
        super().__init__(words)
        self.shape = shape
        self.layout = layout

    @classmethod
    def pack(cls, array: npt.ArrayLike | BitArray, layout: Layout = "row-packed") -> BitArray:
        """Packs booleans, or numbers that are all in {0, 1} or all in {-1, +1} (bit 1 stands for +1)."""
        # numpy would see the words of a BitArray, which are a buffer; its bits can change layout.
        values = array.unpack() if isinstance(array, BitArray) else np.asarray(array)
        _check_shape(values.shape, layout)
        bits = _to_bits(values)
        if layout == "batch-sliced":
            words = _slice_batch(bits)
        else:
            words = _pack_rows(np.moveaxis(bits, 1, -1) if layout == "channel-packed" else bits)
        return cls(words, values.shape, layout)

    @classmethod
    def from_words(cls, words: Words, shape: tuple[int, ...], layout: Layout = "row-packed") -> BitArray:
        """Wraps words packed elsewhere, without a copy where they are C-contiguous and aligned."""
        shape = tuple(int(n) for n in shape)
        _check_shape(shape, layout)
        words = np.asarray(words)
        if words.dtype.newbyteorder("=") != np.uint64:
            raise DTypeError(f"words must be uint64, not {words.dtype}")
        expected = _words_shape(shape, layout)
        if words.shape != expected:
            raise ShapeError(
                f"a {layout} BitArray of shape {shape} has words of shape {expected}, not {words.shape}"
            )
        words = np.require(words, np.uint64, ["C", "A"])
        if np.any(words & ~_valid_bits(shape, layout)):
            raise FormatError(f"bits past the end of axis {_PACKED_AXIS[layout]} must be zero")
        return cls(words, shape, layout)

    def unpack(self, dtype: npt.DTypeLike = bool) -> npt.NDArray[Any]:
        """The bits as a new array of zeros and ones."""
        if self.layout == "batch-sliced":
            bits = _unslice_batch(self._words, self.shape)
        else:
            length = self.shape[_PACKED_AXIS[self.layout]]
            bits = _unpack_rows(self._words, length)
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
        return BitArray(self._words ^ _valid_bits(self.shape, self.layout), self.shape, self.layout)

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


def _check_shape(shape: tuple[int, ...], layout: str) -> None:
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


def _words_shape(shape: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    if layout == "batch-sliced":
        return (*shape[1:], _BLOCK_WORDS * -(-shape[0] // (64 * _BLOCK_WORDS)))
    if layout == "channel-packed":
        return (shape[0], *shape[2:], -(-shape[1] // 64))
    return (*shape[:-1], -(-shape[-1] // 64))


def _valid_bits(shape: tuple[int, ...], layout: Layout) -> Words:
    """The words of one packed axis full of ones."""
    length = shape[_PACKED_AXIS[layout]]
    ones = np.zeros(_words_shape(shape, layout)[-1], np.uint64)
    ones[: length // 64] = np.iinfo(np.uint64).max
    if length % 64:
        ones[length // 64] = (1 << (length % 64)) - 1
    return ones


def _to_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
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


def _kernel(operation: str) -> str:
    """The kernel that the runtime would choose, so that BINMORPH_FORCE_ISA counts here too."""
    return _kernel_for(operation, _core.default_isa())


def _empty_words(shape: tuple[int, ...]) -> Words:
    """Not initialised; on a cache line if they are many enough for that to matter."""
    count = prod(shape)
    if count < _ALIGNED_FROM:
        return np.empty(shape, np.uint64)
    if count < _HUGE_FROM:
        return _core.morphology.empty_words(shape)
    spare = np.empty(count + 7, np.uint64)
    first = -spare.ctypes.data % 64 // 8
    return spare[first : first + count].reshape(shape)


def _pack_rows(bits: npt.NDArray[np.uint8]) -> Words:
    width = bits.shape[-1]
    rows = prod(bits.shape[:-1])
    words = _empty_words((*bits.shape[:-1], -(-width // 64)))
    _core.kernels.pack_binary_u8(_kernel("pack_binary_u8"), np.ascontiguousarray(bits), rows, width, words)
    return words


def _unpack_rows(words: Words, width: int) -> npt.NDArray[np.uint8]:
    bits = np.empty((*words.shape[:-1], width), np.uint8)
    _core.kernels.unpack_u8(_kernel("unpack_u8"), words, prod(words.shape[:-1]), width, bits)
    return bits


def _slice_batch(bits: npt.NDArray[np.uint8]) -> Words:
    count, pixels = bits.shape[0], prod(bits.shape[1:])
    images = _pack_rows(bits.reshape(count, pixels))
    planes = _empty_words(_words_shape(bits.shape, "batch-sliced"))
    _core.kernels.images_to_planes(
        _kernel("images_to_planes"), images, count, images.shape[1], pixels, planes.shape[-1], planes
    )
    return planes


def _unslice_batch(planes: Words, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    count, pixels = shape[0], prod(shape[1:])
    images = np.empty((count, -(-pixels // 64)), np.uint64)
    _core.kernels.planes_to_images(
        _kernel("planes_to_images"), planes, planes.shape[-1], pixels, count, images.shape[1], images
    )
    return _unpack_rows(images, pixels).reshape(shape)
