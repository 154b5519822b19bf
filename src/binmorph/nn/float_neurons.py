"""Ordinary trained layers as morphological neurons: which neurons of a float network are exactly one.

A convolution or dense layer over bits, with its batch normalisation and an activation that is read through
its sign, fires where p (w . x - b) > 0: with the normalisation folded, p = gamma / sqrt(var + eps) and
b = mu - c - beta / p (c is the bias of the layer); gamma = 0 leaves the constant sign of beta. So it is one
threshold neuron on the window of all channels, n = C kh kw, and the theorem of Aouad & Talbot (2023, arXiv
2401.03830) decides whether it is an erosion, a dilation or a count (:func:`binmorph.exactness.binarize`).
Folded in float64; the float32 layer itself may round the other way at a tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from ..errors import BinmorphError
from ..exactness import binarize
from ..exactness.integer_weights import LIMIT
from ..ir import Neurons, Status

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_BETWEEN = (nn.Identity, nn.Dropout, nn.Dropout2d)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CastLayer:
    """One layer ``name`` of a float network, its normalisation included: ``neurons`` [O], n inputs each, as
    read by ``inputs`` "bits" or "signs". ``lossless`` counts those neurons that are no single count, but a
    truth table of at most 16 inputs."""

    name: str
    inputs: str
    neurons: Neurons
    lossless: int

    @property
    def statuses(self) -> dict[str, int]:
        """Neurons per status, lower case; only those that occur. "inexact" ones are none of them."""
        found = np.bincount(self.neurons.status, minlength=len(Status))
        counts = {s.name.lower(): int(found[s]) for s in Status if s is not Status.APPROXIMATED}
        counts["lossless"] = self.lossless
        counts["inexact"] = int(found[Status.APPROXIMATED]) - self.lossless
        return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class CastReport:
    """What :func:`cast` found, layer by layer in the order of registration."""

    layers: tuple[CastLayer, ...]

    def __str__(self) -> str:
        width = max((len(layer.name) for layer in self.layers), default=0)
        lines = []
        for layer in self.layers:
            neurons, counts = layer.neurons, ", ".join(f"{c} {name}" for name, c in layer.statuses.items())
            lines.append(
                f"{layer.name:<{width}}  {neurons.shape[0]} neurons of {neurons.n} {layer.inputs}: {counts}"
            )
        return "\n".join(lines) or "no convolution and no dense layer"


def fold(
    layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d | None = None
) -> tuple[Floats, Floats, Floats]:
    """(weight [O, n], b [O], p [O]), float64: the layer and its normalisation are above 0 where
    p (weight . x - b) > 0; in the order channel, row, column of the window.

    Raises BinmorphError if the normalisation keeps no running statistics, or does not fit.
    """
    weight = layer.weight.detach().cpu().double().flatten(1).numpy()
    shift = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().cpu().double().numpy()
    if norm is None:
        return weight, -shift, np.ones(len(weight))
    if norm.running_mean is None or norm.running_var is None or norm.num_features != len(weight):
        raise BinmorphError(f"{norm}: needs running statistics of the layer's {len(weight)} channels")
    mean, variance = (t.detach().cpu().double().numpy() for t in (norm.running_mean, norm.running_var))
    sigma = np.sqrt(variance + norm.eps)
    gamma = np.ones_like(mean) if norm.weight is None else norm.weight.detach().cpu().double().numpy()
    beta = np.zeros_like(mean) if norm.bias is None else norm.bias.detach().cpu().double().numpy()
    zero = gamma == 0
    bias = mean - shift - beta * sigma / np.where(zero, 1.0, gamma)
    # Without gamma the sign of beta is left: an accumulator of zeros against a threshold on its other side.
    weight = np.where(zero[:, None], 0.0, weight)
    return weight, np.where(zero, -np.sign(beta), bias), np.where(zero, 1.0, gamma / sigma)


def cast_layer(
    layer: nn.Conv2d | nn.Linear,
    norm: nn.BatchNorm1d | nn.BatchNorm2d | None = None,
    *,
    inputs: str = "bits",
    name: str = "",
) -> CastLayer:
    """The layer as threshold neurons of "bits" in {0, 1} or of "signs" in {-1, 1} (a sign is 2 x - 1).

    Neurons that are no count are marked APPROXIMATED, with the nearest count. Raises BinmorphError as
    :func:`fold`, and for a grouped convolution or unknown ``inputs``.
    """
    if inputs not in ("bits", "signs"):
        raise BinmorphError(f"inputs: {inputs!r} is neither 'bits' nor 'signs'")
    if isinstance(layer, nn.Conv2d) and layer.groups != 1:
        raise BinmorphError(f"{name or layer}: a grouped convolution is not one neuron per output channel")
    weight, bias, scale = fold(layer, norm)
    if inputs == "signs":
        bias, weight = bias + weight.sum(-1), 2 * weight
    neurons = binarize(weight, bias, scale)
    rows = neurons.status == Status.APPROXIMATED
    return CastLayer(name, inputs, neurons, int(rows.sum()) if neurons.n <= LIMIT else 0)


def cast(module: nn.Module, inputs: str = "bits") -> CastReport:
    """Every Conv2d and Linear of a float ``module``, with the batch normalisation registered right after it.

    Says which of their neurons would be exactly morphological, if the layer read ``inputs`` and its
    activation were read through its sign. Grouped convolutions are left out. ``module`` stays as it is.
    """
    return CastReport(
        tuple(cast_layer(layer, norm, inputs=inputs, name=name) for name, layer, norm in _pairs(module))
    )


def _pairs(
    module: nn.Module,
) -> Iterator[tuple[str, nn.Conv2d | nn.Linear, nn.BatchNorm1d | nn.BatchNorm2d | None]]:
    """(path, layer, its normalisation)."""
    leaves = [(n, m) for n, m in module.named_modules() if not any(m.children())]
    leaves = [(n, m) for n, m in leaves if not isinstance(m, _BETWEEN)]
    following: list[nn.Module | None] = [*(m for _, m in leaves[1:]), None]
    for (name, layer), after in zip(leaves, following, strict=True):
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            features = int(layer.weight.shape[0])
            fits = isinstance(after, _NORMS) and after.num_features == features
            yield name, layer, after if isinstance(after, _NORMS) and fits else None
