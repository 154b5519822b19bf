"""The base of all nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import FormatError, ShapeError
from .values import ValueType


@dataclass(frozen=True, eq=False)
class Node:
    """One layer: ``name`` is its unique id (the torch module path), ``input`` names the value it reads."""

    name: str
    input: str
    op: ClassVar[str] = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every value it reads, ``input`` first."""
        return (self.input,)

    def infer(self, x: ValueType, *others: ValueType) -> ValueType:
        """The type of the output for inputs of these types; ShapeError or FormatError if they do not fit."""
        raise NotImplementedError

    def _need(self, x: ValueType, kinds: tuple[str, ...], rank: int | None = None) -> None:
        if x.kind not in kinds:
            raise FormatError(
                f"node {self.name!r} ({self.op}) reads {' or '.join(kinds)}, but its input is {x.kind}"
            )
        if rank is not None and len(x.shape) != rank:
            wanted = "(channels, height, width)" if rank == 3 else "(features,); put a Flatten in front"
            raise ShapeError(f"node {self.name!r} ({self.op}) reads {wanted}, but its input is {x.shape}")
