"""Values that wait for their sign: elementwise operators behind a sum, evaluated instead of interpreted.

Between a binary layer and the next sign, every operator works on one value at a time with constants that
depend on the channel alone. The map from the integer sum to the bit is then a function of one integer per
channel. Torch's own operators are run on every sum that can occur, so their roundings are part of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from . import match
from .accumulator import Sums
from .state import Misfit, Stop
from .values import Value

Array = npt.NDArray[Any]

_ONE_VALUE = (
    "relu", "relu6", "hardtanh", "clamp", "clamp_min", "clamp_max", "leaky_relu", "threshold", "neg", "abs",
    "add", "sub", "rsub", "mul", "div", "maximum", "minimum", "where", "ge", "gt", "le", "lt", "eq", "ne",
    "sign", "sgn", "heaviside", "logical_not", "bitwise_not", "masked_fill", "round", "floor", "ceil",
    "ones_like", "zeros_like", "full_like",
)  # fmt: skip
PER_CHANNEL = {"aten.batch_norm", "aten.prelu"}
"""Operators whose one-dimensional constants run along the channels."""

ELEMENTWISE = (
    {f"aten.{name}{end}" for name in _ONE_VALUE for end in ("", "_")}
    | PER_CHANNEL
    | {"binmorph.sign"}
    | match.IDENTITY
    | match.CASTS
)
"""Operators that work on one value at a time; all are evaluated by torch, bit for bit on every shape. (Those
with an exponential in them are left out: torch's vectorised and scalar forms differ in the last bit.)"""

CHUNK = 1 << 22  # values evaluated at once


@dataclass(frozen=True, eq=False)
class Source:
    """Where a chain begins: the traced ``node``, whose values are ``low``[o] + ``step`` j, up to ``high``[o],
    times ``scale``[o], plus ``shift``[o], rounded once to float32.

    With ``sums`` it is a binary layer that reads ``value``; without, it is ``value`` itself: bits, signs, an
    image of bytes, a stream of integers ("int"), or (``real``) one of floats, of which every value may occur.
    """

    node: fx.Node
    value: Value
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    step: int = 1
    scale: npt.NDArray[np.float64] | None = None
    shift: npt.NDArray[np.float64] | None = None
    sums: Sums | None = None

    @property
    def real(self) -> bool:
        return self.sums is None and self.value.kind in ("float", "concat")

    @property
    def channels(self) -> int:
        return len(self.low)

    @property
    def rank(self) -> int:
        return len(match.shape_of(self.node))

    @property
    def count(self) -> int:
        """Length of the longest channel's grid."""
        return int(((self.high - self.low) // self.step).max()) + 1

    def scaled(self, sums: torch.Tensor) -> torch.Tensor:
        """fma(sums, scale, shift), float32, of integers [..., O] in float64."""
        from ..nn.two_value_ops import fma

        if self.scale is None and self.shift is None:
            return sums.to(torch.float32)
        scale = torch.ones(self.channels) if self.scale is None else torch.from_numpy(self.scale)
        if self.shift is None:
            return (sums * scale.double()).to(torch.float32)  # exact in float64, then rounded once
        shift = torch.from_numpy(self.shift)
        return fma(sums.float(), *(t.float().expand(sums.shape).contiguous() for t in (scale, shift)))

    def grid(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.int64]:
        """The integers, int64 [M, O]; those above ``high`` do not occur."""
        j = np.arange(start, self.count if stop is None else stop)
        return self.low + self.step * j[:, None]


@dataclass(frozen=True, eq=False)
class Pending:
    """A value behind ``source``; ``stages`` are the max-pools and the flattening passed on the way, in
    order."""

    source: Source
    stages: tuple[fx.Node, ...] = ()

    def flat(self) -> bool:
        return any(match.base_name(stage) in match.RESHAPES for stage in self.stages)


def check_constants(node: fx.Node, pending: Pending, constants: Mapping[fx.Node, Any]) -> None:
    """Stop unless every constant of ``node`` depends on the channel alone (or on nothing)."""
    source = pending.source
    per_feature = pending.flat() and match.shape_of(pending.stages[-1])[1] != source.channels
    for argument in node.all_input_nodes:
        value = constants.get(argument)
        if not isinstance(value, torch.Tensor) or value.numel() == 1:
            continue
        if per_feature:
            raise Misfit(
                "its constants differ from pixel to pixel behind the flattening; use BatchNorm2d (or the "
                "like) in front of Flatten"
            )
        rank = 2 if pending.flat() else source.rank
        shape = (1,) * (rank - value.ndim) + tuple(value.shape)
        if match.base_name(node) in PER_CHANNEL:
            shape = (1, *value.shape, *(1,) * (rank - 2))
        if len(shape) != rank or any(s != 1 for i, s in enumerate(shape) if i != 1):
            raise Misfit(
                "its constants differ within a channel, so one threshold per channel cannot stand for it"
            )
    if match.base_name(node) == "aten.batch_norm" and match.bound(node)["training"]:
        raise Misfit("it normalises with the statistics of the batch; track running statistics")


def evaluate(
    node: fx.Node,
    known: dict[fx.Node, torch.Tensor],
    constants: Mapping[fx.Node, Any],
    stage: Callable[[fx.Node, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """The value of ``node``, by torch's operators, from the values ``known``, which it extends.

    ``stage`` says what a max-pool or a flattening does to a value.
    """
    if node in known:
        return known[node]
    if node in constants:
        constant: torch.Tensor = constants[node]
        return constant
    base = match.base_name(node)
    if base not in ELEMENTWISE:
        known[node] = stage(node, evaluate(node.all_input_nodes[0], known, constants, stage))
        return known[node]
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: evaluate(n, known, constants, stage))
    if base.endswith("_"):  # in place: other readers of the argument keep the value that they saw
        args = (args[0].clone(), *args[1:])
    with torch.no_grad():
        known[node] = node.target(*args, **kwargs)
    return known[node]


def on_grid(
    wanted: list[fx.Node], pending: Pending, constants: Mapping[fx.Node, Any]
) -> list[npt.NDArray[np.float32]]:
    """The values of the ``wanted`` nodes on the whole grid of the source, float32 [M, O] each.

    Stop if a value is not a number.
    """
    source = pending.source
    rows = max(1, CHUNK // source.channels)
    parts: list[list[Array]] = []
    flat = False

    def stage(node: fx.Node, value: torch.Tensor) -> torch.Tensor:
        nonlocal flat
        if match.base_name(node) in match.RESHAPES:
            flat = True
            return value[0, :, :, 0].T.contiguous()
        return value

    for start in range(0, source.count, rows):
        grid = source.grid(start, min(start + rows, source.count)).astype(np.float64)
        values = source.scaled(torch.from_numpy(grid)).to(match.dtype_of(source.node) or torch.float32)
        # One image, the grid along its height: channels where the operators expect them.
        first = values if source.rank == 2 else values.T[None, :, :, None].contiguous()
        known = {source.node: first}
        found = [evaluate(node, known, constants, stage) for node in wanted]
        for node, value in known.items():
            if value.is_floating_point() and bool(value.isnan().any()):
                raise Stop(f"{match.site(node)} gives NaN; check its parameters and statistics")
        rank2 = [v if v.ndim == 2 else v[0, :, :, 0].T for v in found]
        parts.append([v.to(torch.float32).expand(len(grid), -1).numpy() for v in rank2])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
