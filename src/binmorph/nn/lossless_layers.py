"""Layers whose neurons are no counts, replaced by layers of integer weights that decide every input alike.

A neuron with integer weights is a count over inputs that are repeated: weight 3 reads its input three times.
So a replaced layer is a copy of each channel for every unit of its largest weight, the windows over these
copies with weights in {-1, 0, 1}, and the joining neurons over as many copies of their results: plain
convolutions and thresholds, which the exporter packs bit for bit like any other.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..exactness import IntegerNeurons
from ..exactness import lossless as integer_neurons
from ..exactness.integer_weights import LIMIT
from ..ir import Status
from .hardening import binarized_bank, morphological_layers
from .layers import LUI, BiSEL, DenseLUI, MorphologicalLayer
from .neurons import HardNeurons, ThresholdNeurons
from .windows import pad_border


@dataclass(frozen=True)
class LosslessLayer:
    """One layer: how many neurons needed integer weights, the largest weight, and the mask bits of the layer
    before and after."""

    name: str
    neurons: int
    largest: int
    bits_before: int
    bits_after: int


@dataclass(frozen=True)
class LosslessReport:
    """What :func:`lossless` replaced, and which inexact layers it had to leave, with the reason."""

    layers: tuple[LosslessLayer, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{layer.name}: lossless, {layer.neurons} neurons with weights up to {layer.largest}; "
            f"{layer.bits_before} -> {layer.bits_after} mask bits"
            for layer in self.layers
        ]
        return "\n".join([*lines, *self.left]) or "every neuron is a count: nothing to replace"


class Fire(nn.Module):
    """[x . weight >= threshold] per output for {0, 1} images, or features if the window is a point; weights
    in {-1, 0, 1}. ``lossless`` bool [O] says which outputs stand for a neuron that was no count."""

    weight: Tensor
    threshold: Tensor
    lossless: Tensor

    def __init__(
        self, weight: Any, threshold: Any, groups: int = 1, border: str = "valid", lossless: Any = None
    ) -> None:
        super().__init__()
        self.groups, self.border = groups, border
        self.register_buffer("weight", torch.from_numpy(np.ascontiguousarray(weight)).float())
        self.register_buffer("threshold", torch.from_numpy(np.asarray(threshold)).float())
        inexact = np.zeros(len(weight), np.bool_) if lossless is None else np.asarray(lossless, np.bool_)
        self.register_buffer("lossless", torch.from_numpy(inexact))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            return torch.where(F.linear(x, self.weight[:, :, 0, 0]) >= self.threshold, 1.0, 0.0)
        kernel = (self.weight.shape[2], self.weight.shape[3])
        sums = F.conv2d(pad_border(x, kernel, self.border), self.weight, groups=self.groups)
        return torch.where(sums >= self.threshold[:, None, None], 1.0, 0.0)


def _unary(weight: np.ndarray, copies: int) -> np.ndarray:
    """{-1, 0, 1} [..., copies]: the units of integer weights [...]."""
    units: np.ndarray = np.sign(weight)[..., None] * (np.abs(weight)[..., None] > np.arange(copies))
    return units


def _repeat(channels: int, copies: int) -> list[nn.Module]:
    """A layer that writes every channel ``copies`` times, side by side; none for one copy."""
    if copies == 1:
        return []
    weight = np.repeat(np.eye(channels, dtype=np.int64), copies, axis=0)[:, :, None, None]
    return [Fire(weight, np.ones(channels * copies, np.int64))]


def _largest(neurons: IntegerNeurons) -> int:
    return max(1, int(np.abs(neurons.weight).max()))


def _inexact(bank: HardNeurons) -> npt.NDArray[np.bool_]:
    """Which neurons are no count; the identity is one."""
    if not isinstance(bank, ThresholdNeurons):
        return np.zeros(bank.shape, np.bool_)
    return np.asarray(binarized_bank(bank, "popcount").status == Status.APPROXIMATED)


def _integers(bank: HardNeurons) -> IntegerNeurons:
    if isinstance(bank, ThresholdNeurons):
        weight, bias, scale = (t.detach().cpu().double().numpy() for t in bank.effective_parameters())
        return integer_neurons(weight, bias, scale)
    return integer_neurons(np.ones((*bank.shape, 1)), np.full(bank.shape, 0.5), 1.0)  # passes its input on


def _windows(layer: BiSEL) -> tuple[nn.Module, int, int] | None:
    """The replacement of a BiSEL, its largest weight and its mask bits; None if a neuron was not found."""
    bise, lui = _integers(layer.bise), _integers(layer.lui)
    if not (bise.proved.all() and lui.proved.all()):
        return None
    outputs, channels = layer.bise.shape
    m, joined = _largest(bise), _largest(lui)
    units = _unary(bise.weight.reshape(outputs, channels, *layer.kernel), m)
    spread = np.zeros((outputs, channels, joined, channels, m, *layer.kernel), np.int64)
    for c in range(channels):
        spread[:, c, :, c] = np.moveaxis(units[:, c], -1, 1)[:, None]
    weight = spread.reshape(outputs * channels * joined, channels * m, *layer.kernel)
    threshold = np.repeat(bise.threshold.reshape(-1), joined)
    join = _unary(lui.weight, joined).reshape(outputs, channels * joined, 1, 1)
    spread_inexact = np.repeat(_inexact(layer.bise).reshape(-1), joined)
    parts = [
        *_repeat(channels, m),
        Fire(weight, threshold, border=layer.border, lossless=spread_inexact),
        Fire(join, lui.threshold, groups=outputs, lossless=_inexact(layer.lui)),
    ]
    return nn.Sequential(*parts), max(m, joined), _bits(parts)


def _points(layer: LUI | DenseLUI) -> tuple[nn.Module, int, int] | None:
    """The replacement of a LUI or a DenseLUI, likewise."""
    neurons = _integers(layer.lui)
    if not neurons.proved.all():
        return None
    m = _largest(neurons)
    units = _unary(neurons.weight, m).reshape(len(neurons.weight), -1)[:, :, None, None]
    parts: list[nn.Module] = [
        *_repeat(layer.lui.n, m),
        Fire(units, neurons.threshold, lossless=_inexact(layer.lui)),
    ]
    return nn.Sequential(*parts), m, _bits(parts)


def _bits(parts: list[nn.Module]) -> int:
    """Two masks per weight."""
    return sum(2 * part.weight.numel() for part in parts if isinstance(part, Fire))


def lossless(module: nn.Module) -> tuple[nn.Module, LosslessReport]:
    """A copy of ``module``, inexact layers replaced by ones equal to their hard-float form on every input.

    Layers whose neurons are all proved counts stay, and are the cheapest form; harden or export them as
    usual. The others are replaced if their windows have at most 16 inputs, of odd size.
    """
    twin = copy.deepcopy(module)
    done, left = [], []
    for name, layer in list(morphological_layers(twin)):
        banks = [bank for _, bank in layer.banks()]
        inexact = sum(int(_inexact(bank).sum()) for bank in banks)
        if not inexact:
            continue
        found = _replacement(layer)
        if isinstance(found, str):
            left.append(f"{name}: {inexact} neurons stay approximated: {found}")
            continue
        new, largest, bits = found
        before = sum(2 * bank.plus.numel() for bank in banks)
        done.append(LosslessLayer(name, inexact, largest, before, bits))
        if not name:
            twin = new
        else:
            parent, _, own = name.rpartition(".")
            setattr(twin.get_submodule(parent), own, new)
    return twin.eval(), LosslessReport(tuple(done), tuple(left))


def _replacement(layer: MorphologicalLayer) -> tuple[nn.Module, int, int] | str:
    largest = max(bank.n for _, bank in layer.banks())
    if largest > LIMIT:
        return f"{largest} inputs cannot all be tried, the limit is {LIMIT}"
    if isinstance(layer, BiSEL):
        if layer.border != "valid" and not all(k % 2 for k in layer.kernel):
            return "its window is even"
        found = _windows(layer)
    elif isinstance(layer, (LUI, DenseLUI)):
        found = _points(layer)
    else:
        return f"{type(layer).__name__} has no replacement; put a BiSEL there"
    return found if found is not None else "no integer weights of 12 bits were found"
