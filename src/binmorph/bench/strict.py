"""JSON read strictly: what is missing, of another type, or unknown is a RecordError that says where."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from ..errors import FormatError, RecordError
from ..format import strict_json
from ..format.spec import REMEDY


def parse(text: str) -> Any:
    """JSON by the rules of :mod:`binmorph.format.strict_json`. Raises RecordError."""
    try:
        return strict_json.parse(text.encode(), "JSON")
    except FormatError as error:
        raise RecordError(str(error).removesuffix(f"; {REMEDY}")) from error


KINDS: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}


class Fields:
    """Takes the fields of an object one by one; what is missing, of another type or left over is an error."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise RecordError(f"{where} must be an object, got {type(data).__name__}")
        self._left, self._where = dict(data), where

    def _next(self, name: str) -> Any:
        if name not in self._left:
            raise RecordError(f"{self._where}.{name} is missing")
        return self._left.pop(name)

    def take(self, name: str, kind: type, *others: None) -> Any:
        """A value of type ``kind``, or null where ``others`` has None."""
        value = self._next(name)
        if value is None and others:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RecordError(f"{self._where}.{name} must be {kind.__name__}, got {value!r:.80}")
        return value

    def positive(self, name: str) -> int:
        value: int = self.take(name, int)
        if value < 1:
            raise RecordError(f"{self._where}.{name} must be at least 1, got {value}")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        value: str = self.take(name, str)
        if value not in allowed:
            raise RecordError(f"{self._where}.{name} must be one of {', '.join(allowed)}, got {value!r}")
        return value

    def many(self, name: str, make: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        return tuple(
            make(entry, f"{self._where}.{name}[{i}]") for i, entry in enumerate(self.take(name, list))
        )

    def seconds(self, name: str, optional: bool = False) -> tuple[float, ...] | None:
        """Positive numbers."""
        values = self.take(name, list, None) if optional else self.take(name, list)
        if values is None:
            return None
        for value in values:
            if not _is_number(value) or value <= 0:
                raise RecordError(f"{self._where}.{name} must hold positive numbers, got {value!r:.80}")
        return tuple(map(float, values))

    def numbers(self, name: str) -> dict[str, float] | None:
        """Numbers of at least 0 by name, or null."""
        values = self.take(name, dict, None)
        for key, value in (values or {}).items():
            if not _is_number(value) or value < 0:
                raise RecordError(
                    f"{self._where}.{name}.{key} must be a number, 0 or more, got {value!r:.80}"
                )
        return values

    def build(self, kind: type[Any]) -> Any:
        """A dataclass whose fields are int, float, str, bool or tuples of them; those with defaults may be
        missing. Uses up everything that is left."""
        made: dict[str, Any] = {}
        for each in dataclasses.fields(kind):
            if each.name in self._left or each.default is dataclasses.MISSING:
                made[each.name] = self._value(each.name, str(each.type))
        self.end()
        return kind(**made)

    def _value(self, name: str, annotation: str) -> Any:
        if annotation.startswith("tuple["):
            kind = KINDS[annotation[6:].partition(",")[0]]
            values = self.take(name, list)
            if any(type(value) is not kind for value in values):
                raise RecordError(f"{self._where}.{name} must be a list of {kind.__name__}")
            return tuple(values)
        if annotation == "float":
            value = self._next(name)
            if not _is_number(value):
                raise RecordError(f"{self._where}.{name} must be a number, got {value!r:.80}")
            return float(value)
        return self.take(name, KINDS[annotation])

    def end(self) -> None:
        if self._left:
            raise RecordError(f"{self._where} has fields that nobody knows: {', '.join(sorted(self._left))}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
