"""JSON without surprises: bounded depth, no duplicate keys, no NaN, no endless numbers."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from .spec import EXTENSION, MAX_JSON_DEPTH, REMEDY, short

MAX_DIGITS = 20  # of a number; int() takes quadratic time, and nothing in a file needs more than 64 bits
LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))


def depth(text: bytes) -> int:
    """Deepest nesting of brackets outside strings, in one vectorised pass.

    Exact for valid JSON. For invalid JSON it is exact up to the first error, which is where a parser stops.
    """
    byte: npt.NDArray[np.uint8] = np.frombuffer(text, np.uint8)
    if byte.size == 0:
        return 0
    quote = byte == ord('"')
    if b"\\" in text:
        # A quote is escaped when an odd run of backslashes stands right before it.
        index = np.arange(byte.size, dtype=np.int32)
        last_other = np.maximum.accumulate(np.where(byte != ord("\\"), index, -1))
        run = index - 1 - np.concatenate(([-1], last_other[:-1]))
        quote &= run % 2 == 0
    outside = np.cumsum(quote, dtype=np.int32) % 2 == 0
    step = ((byte == ord("[")) | (byte == ord("{"))).view(np.int8)
    step = step - ((byte == ord("]")) | (byte == ord("}"))).view(np.int8)
    return max(0, int(np.cumsum(np.where(outside, step, 0), dtype=np.int32).max()))


def parse(text: bytes, where: str) -> Any:
    """Parse UTF-8 JSON; raises FormatError that names ``where``."""
    nesting = depth(text)
    if nesting > MAX_JSON_DEPTH:
        raise FormatError(f"{where}: JSON nested {nesting} deep, the limit is {MAX_JSON_DEPTH}; {REMEDY}")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = (
                next(key for i, key in enumerate(keys) if key in set(keys[:i])) if len(keys) < 1000 else "..."
            )
            raise FormatError(f"{where}: the key {short(twice)} stands twice in one object; {REMEDY}")
        return found

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise FormatError(
                f"{where}: a number of {len(digits)} digits, the limit is {MAX_DIGITS}; {REMEDY}"
            )
        return int(digits)

    def constant(name: str) -> NoReturn:
        raise FormatError(f"{where}: {name} is not JSON; {REMEDY}")

    # Calling back for every integer is slow, so it is done only where some number might be too long.
    parse_int = integer if LONG_NUMBER.search(text) else None
    try:
        # utf-8 rather than utf-8-sig: a byte order mark is an error, as it is for safetensors.
        decoded = text.decode("utf-8")
        return json.loads(decoded, object_pairs_hook=unique, parse_int=parse_int, parse_constant=constant)
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: byte {error.start} is not valid UTF-8; {REMEDY}") from None
    except json.JSONDecodeError as error:
        raise FormatError(
            f"{where}: not valid JSON, {error.msg} at character {error.pos}; {REMEDY}"
        ) from None


def fields(value: object, where: str, required: tuple[str, ...]) -> dict[str, Any]:
    """``value`` as an object that has exactly the ``required`` keys, extensions aside; raises FormatError."""
    if not isinstance(value, dict):
        raise FormatError(f"{where}: expected an object, got {short(value)}; {REMEDY}")
    for key in required:
        if key not in value:
            raise FormatError(f"{where}: the key {key!r} is missing; {REMEDY}")
    for key in value:
        if key not in required and not key.startswith(EXTENSION):
            raise FormatError(
                f"{where}: unknown key {short(key)}; expected {', '.join(required)} or {EXTENSION}..."
            )
    return value


def integers(value: object, where: str, low: int, high: int, max_length: int) -> tuple[int, ...]:
    """``value`` as a non-empty list of true integers (no bool, no 1.0) in [low, high]; raises FormatError."""
    if not isinstance(value, list) or not 1 <= len(value) <= max_length:
        raise FormatError(
            f"{where}: expected a list of 1 to {max_length} integers, got {short(value)}; {REMEDY}"
        )
    for item in value:
        if type(item) is not int or not low <= item <= high:
            raise FormatError(f"{where}: {short(item)} is not an integer in [{low}, {high}]; {REMEDY}")
    return tuple(value)
