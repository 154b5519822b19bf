"""The graph, and the list of nodes that it may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from ..errors import FormatError, ShapeError
from .bit_nodes import (
    Bisel,
    Flatten,
    LevelSets,
    MaxPool,
    PackBinary,
    ThresholdConv2d,
    ThresholdDense,
    TruthTable,
)
from .node import Node
from .stream_nodes import Add, Affine, AvgPool, Clamp, Concat, Linear, PRelu
from .sum_nodes import Conv2d, CountConv2d, PixelConv2d, TwoValueConv2d
from .values import ValueType

AnyNode = (
    LevelSets
    | PackBinary
    | Bisel
    | ThresholdConv2d
    | MaxPool
    | Flatten
    | ThresholdDense
    | CountConv2d
    | TwoValueConv2d
    | PixelConv2d
    | Conv2d
    | Affine
    | Add
    | PRelu
    | Clamp
    | AvgPool
    | Concat
    | Linear
    | TruthTable
)
NODE_TYPES: dict[str, type[Node]] = {cls.op: cls for cls in get_args(AnyNode)}


@dataclass(frozen=True)
class InputSpec:
    """The network's input: ``dtype`` "float32" or "uint8", ``shape`` (C, H, W) or (K,), without the batch."""

    dtype: str
    shape: tuple[int, ...]
    name: str = "input"


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in topological order, each reading one earlier value; ``output`` names the result."""

    input: InputSpec
    nodes: tuple[AnyNode, ...]
    output: str
    producer: str = ""
    types: dict[str, ValueType] = field(init=False)

    def __post_init__(self) -> None:
        if self.input.dtype not in ("float32", "uint8"):
            raise FormatError(f"input: dtype {self.input.dtype!r} is not float32 or uint8")
        if len(self.input.shape) not in (1, 3) or min(self.input.shape) < 1:
            raise ShapeError(f"input: shape {self.input.shape} must be (C, H, W) or (K,), each at least 1")
        ValueType(self.input.dtype, self.input.shape).check("input")
        types = {self.input.name: ValueType(self.input.dtype, self.input.shape)}
        for node in self.nodes:
            if node.name in types:
                raise FormatError(f"node {node.name!r}: the name is used twice")
            for source in node.inputs:
                if source not in types:
                    raise FormatError(f"node {node.name!r} reads {source!r}, which no earlier node writes")
            types[node.name] = node.infer(*(types[source] for source in node.inputs))
            types[node.name].check(f"node {node.name!r}")
        if self.output not in types or self.output == self.input.name:
            raise FormatError(f"output {self.output!r} is not the name of a node")
        object.__setattr__(self, "types", types)

    def type_of(self, name: str) -> ValueType:
        """Kind and shape of the value called ``name``."""
        return self.types[name]
