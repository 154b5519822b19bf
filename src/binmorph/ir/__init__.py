"""The graph: the only vocabulary that exporter, file, cost model and runtime share.

Every packed layer is a *thresholded popcount correlation*. One neuron sees a window of n bits x and fires if

    y = [ popcount(x AND plus) - popcount(x AND minus) >= threshold ]  XOR  invert

- erosion by S:        plus = S, minus = {}, threshold = |S|
- dilation by S:       plus = S, minus = {}, threshold = 1
- rank filter:         plus = S, minus = {}, 1 < threshold < |S|
- signed literals:     minus holds the inputs that enter complemented, NOT x = 1 - x, hence
                       AND of literals: threshold = |plus|;  OR of literals: threshold = 1 - |minus|
- constants:           plus = minus = {}, threshold = 0 (one) or 1 (zero)

Shapes never contain the batch. Windows follow the correlation convention of torch ``conv2d``: the tap at row
i, column j of a (kh, kw) window reads x(p + (i - kh // 2, j - kw // 2)); nothing is reflected.
"""

from __future__ import annotations

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
from .graph import NODE_TYPES, AnyNode, Graph, InputSpec
from .neurons import Neurons, Status
from .node import Node
from .stream_nodes import Add, Affine, AvgPool, Clamp, Concat, Linear, PRelu
from .sum_nodes import Conv2d, CountConv2d, PixelConv2d, TwoValueConv2d
from .values import BORDERS, EXACT_INT, MAX_DIM, MAX_ELEMENTS, ValueType
from .windows import WindowNode, border_classes

__all__ = [
    "BORDERS",
    "EXACT_INT",
    "MAX_DIM",
    "MAX_ELEMENTS",
    "NODE_TYPES",
    "Add",
    "Affine",
    "AnyNode",
    "AvgPool",
    "Bisel",
    "Clamp",
    "Concat",
    "Conv2d",
    "CountConv2d",
    "Flatten",
    "Graph",
    "InputSpec",
    "LevelSets",
    "Linear",
    "MaxPool",
    "Neurons",
    "Node",
    "PRelu",
    "PackBinary",
    "PixelConv2d",
    "Status",
    "ThresholdConv2d",
    "ThresholdDense",
    "TruthTable",
    "TwoValueConv2d",
    "ValueType",
    "WindowNode",
    "border_classes",
]
