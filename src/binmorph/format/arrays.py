"""Arrays to tensor bytes and back. Bits: least significant first, in little-endian words, zero tails."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from .container import Tensor
from .spec import ENCODINGS, REMEDY, stored_items

CANONICAL_NAN = np.array(np.nan, "<f8").view("<u8")


def encode(array: npt.NDArray[Any]) -> bytes:
    """The unpadded bytes of ``array`` [..., n]; each row of a bool array starts at a new word."""
    if array.dtype != np.bool_:
        stored = array.astype(ENCODINGS[array.dtype.name].numpy)
        if stored.dtype.kind == "f":
            stored[np.isnan(stored)] = np.nan  # one NaN among millions, so that equal graphs have equal bytes
        return stored.tobytes()
    rows = np.packbits(array.reshape(-1, array.shape[-1]), axis=-1, bitorder="little")
    words = np.zeros((len(rows), -(-array.shape[-1] // 64) * 8), np.uint8)
    words[:, : rows.shape[1]] = rows
    return words.tobytes()


def decode(tensor: Tensor, dtype: str, shape: tuple[int, ...], where: str) -> npt.NDArray[Any]:
    """A fresh array of numpy ``dtype`` and true ``shape``; the tensor is known to be as long as needed.

    Raises:
        FormatError: padding or tail bits are not zero, or a NaN is not the canonical one.
    """
    items = stored_items(dtype, shape)
    raw = np.frombuffer(tensor.data, np.uint8)
    used = items * ENCODINGS[dtype].itemsize
    _need_zero(raw[used:], tensor.offset + used, where, "padding")
    if dtype == "bool":
        return _unpack(raw[:used], shape, tensor.offset, where)
    stored = raw[:used].view(ENCODINGS[dtype].numpy)
    if dtype == "float64":
        odd = np.isnan(stored) & (stored.view("<u8") != CANONICAL_NAN)
        if bool(odd.any()):
            at = tensor.offset + 8 * int(odd.argmax())
            raise FormatError(f"byte {at}, {where}: a NaN other than 0x7ff8000000000000; {REMEDY}")
    return stored.astype(dtype).reshape(shape)


def _unpack(
    raw: npt.NDArray[np.uint8], shape: tuple[int, ...], offset: int, where: str
) -> npt.NDArray[np.bool_]:
    n = shape[-1]
    rows = raw.reshape(-1, -(-n // 64) * 8)
    _need_zero(rows[:, -(-n // 8) :], offset, where, "tail bits")
    if n % 8:
        _need_zero(rows[:, n // 8] >> np.uint8(n % 8), offset, where, "tail bits")
    return np.unpackbits(rows, axis=-1, count=n, bitorder="little").view(np.bool_).reshape(shape)


def _need_zero(raw: npt.NDArray[np.uint8], offset: int, where: str, what: str) -> None:
    if bool(raw.any()):
        raise FormatError(f"byte {offset} and later, {where}: {what} must be zero; {REMEDY}")
