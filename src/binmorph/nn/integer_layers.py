"""What stands in for neurons that are no counts: counts over repeated inputs, and truth tables.

A neuron with integer weights is a count over inputs that are repeated: weight 3 reads its input three times.
So its bit planes are a copy of each channel for every unit of the largest weight, and windows over these
copies with weights in {-1, 0, 1}: plain convolutions and thresholds, which the exporter packs bit for bit
like any other. A window of up to 16 inputs may be a truth table instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import ir
from . import ops  # noqa: F401  (registers torch.ops.binmorph)
from .windows import pad_border

Shape = tuple[int, ...]


class Fire(nn.Module):
    """[x . weight >= threshold] per output for {0, 1} images, or features if the window is a point; weights
    in {-1, 0, 1}. ``statuses`` uint8 [O] say what is known of the neuron that an output stands for (POPCOUNT:
    it was a count), ``bound`` float64 [O] which float sums a calibrated one may decide otherwise."""

    weight: Tensor
    threshold: Tensor
    statuses: Tensor
    bound: Tensor

    def __init__(
        self,
        weight: npt.NDArray[np.int64],
        threshold: npt.NDArray[np.int64],
        groups: int = 1,
        border: str = "valid",
        statuses: npt.NDArray[np.uint8] | None = None,
        bound: npt.NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__()
        self.groups, self.border = groups, border
        if statuses is None:
            statuses = np.full(len(weight), ir.Status.POPCOUNT, np.uint8)
        self.register_buffer("weight", torch.from_numpy(np.ascontiguousarray(weight)).float())
        self.register_buffer("threshold", torch.from_numpy(np.asarray(threshold)).float())
        self.register_buffer("statuses", torch.from_numpy(statuses))
        self.register_buffer("bound", torch.from_numpy(np.zeros(len(weight)) if bound is None else bound))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            return torch.where(F.linear(x, self.weight[:, :, 0, 0]) >= self.threshold, 1.0, 0.0)
        kernel = (self.weight.shape[2], self.weight.shape[3])
        sums = F.conv2d(pad_border(x, kernel, self.border), self.weight, groups=self.groups)
        return torch.where(sums >= self.threshold[:, None, None], 1.0, 0.0)

    @property
    def bits(self) -> int:
        """Two masks per weight, and the thresholds."""
        return 2 * self.weight.numel() + 32 * self.threshold.numel()

    def node(self, name: str, source: str, shape: Shape) -> ir.AnyNode:
        """The packed layer, for an input of ``shape`` without the batch."""
        plus, minus = ((self.weight * sign > 0).flatten(1).numpy() for sign in (1, -1))
        size = plus.shape[:1]
        threshold = self.threshold.numpy().clip(-minus.sum(1), plus.sum(1) + 1).astype(np.int32)
        neurons = ir.Neurons(
            plus,
            minus,
            threshold,
            np.zeros(size, np.bool_),
            np.zeros(size, np.uint8),
            np.zeros(size),
            np.zeros(size),
        )
        if len(shape) == 1:
            return ir.ThresholdDense(name, source, neurons)
        kernel = (self.weight.shape[2], self.weight.shape[3])
        padding = (0, 0) if self.border == "valid" else (kernel[0] // 2, kernel[1] // 2)
        border = "zeros" if self.border == "valid" else self.border
        offset = np.zeros((1, *size), np.int32)
        return ir.ThresholdConv2d(
            name, source, kernel, (1, 1), (1, 1), padding, self.groups, border, neurons, offset
        )


class TruthTables(nn.Module):
    """Boolean functions of windows: output o reads a kh x kw window of its ``channels`` int32 [O, m], and is
    the entry sum_i x_i 2^i of ``table`` bool [O, 2^n]; see :class:`binmorph.ir.TruthTable`."""

    channels: Tensor
    table: Tensor
    statuses: Tensor

    def __init__(
        self,
        channels: npt.NDArray[np.int32],
        table: npt.NDArray[np.bool_],
        kernel: tuple[int, int],
        border: str,
        statuses: npt.NDArray[np.uint8],
    ) -> None:
        super().__init__()
        self.kernel, self.border = kernel, border
        for name, value in (("channels", channels), ("table", table), ("statuses", statuses)):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value)))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.ops.binmorph.truth_table(
            x, self.channels, self.table, list(self.kernel), self.border
        )
        return found

    @property
    def bits(self) -> int:
        """The entries, and the numbers of the channels."""
        return self.table.numel() + 32 * self.channels.numel()

    def node(self, name: str, source: str, shape: Shape) -> ir.AnyNode:
        """The packed layer, likewise."""
        arrays = self.channels.numpy(), self.table.numpy(), self.statuses.numpy()
        return ir.TruthTable(name, source, self.kernel, self.border, *arrays)


Part = Fire | TruthTables


def unary(weight: npt.NDArray[Any], copies: int) -> npt.NDArray[np.int64]:
    """{-1, 0, 1} [..., copies]: the units of integer weights [...]."""
    units: npt.NDArray[np.int64] = np.sign(weight)[..., None] * (
        np.abs(weight)[..., None] > np.arange(copies)
    )
    return units


def repeated(channels: int, copies: int) -> list[Part]:
    """A layer that writes every channel ``copies`` times, side by side; none for one copy."""
    if copies == 1:
        return []
    weight = np.repeat(np.eye(channels, dtype=np.int64), copies, axis=0)[:, :, None, None]
    return [Fire(weight, np.ones(channels * copies, np.int64))]
