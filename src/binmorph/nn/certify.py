"""The propagated certificate of a whole network: does the smooth network, cut at 1/2, equal the hard one?

Bounds on almost-binary values (Aouad & Talbot 2022, arXiv 2203.12337) are carried from layer to layer; see
:func:`binmorph.exactness.propagate`, which this module applies to torch layers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from ..errors import UnsupportedOpError
from ..exactness import Propagation, propagate
from .hardening import binarized_bank
from .layers import LUI, BiSE, BiSEL, DenseLUI
from .level_sets import LevelSets
from .networks import MorphologicalClassifier
from .neurons import ThresholdNeurons

Bounds = npt.NDArray[np.float64]
_KEEP_BOUNDS = (nn.MaxPool2d, nn.Flatten, nn.Dropout, nn.Identity)


@dataclass(frozen=True)
class BankCertificate:
    """One bank: how many of its neurons are certified, and the bounds of their outputs: a zero is at most
    ``zero`` and a one at least ``one`` (the worst certified neuron; 0 and 1 are exactly binary)."""

    name: str
    certified: int
    neurons: int
    zero: float
    one: float


@dataclass(frozen=True)
class Certificate:
    """What :func:`certify` proved, bank by bank, in the order of the network."""

    banks: tuple[BankCertificate, ...]

    @property
    def certified(self) -> bool:
        """Whether the smooth network, cut at 1/2 after its last morphological layer, equals the hard network
        on every input."""
        return all(bank.certified == bank.neurons for bank in self.banks)

    def __str__(self) -> str:
        width = max((len(bank.name) for bank in self.banks), default=0)
        lines = [
            f"{b.name:<{width}}  {b.certified} of {b.neurons} certified, zeros at most {b.zero:.3g}, "
            f"ones at least {b.one:.3g}"
            for b in self.banks
        ]
        verdict = "proved equal to" if self.certified else "not proved equal to"
        return "\n".join([*lines, f"smooth network cut at 1/2: {verdict} the hard network"])


class _Chain:
    """Bounds of the current value, one per channel (or feature), and what was certified so far."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.low: Bounds = np.zeros(1)
        self.high: Bounds = np.ones(1)
        self.banks: list[BankCertificate] = []

    def propagate(self, name: str, bank: ThresholdNeurons, low: Bounds, high: Bounds) -> Propagation:
        """Certify ``bank`` on inputs with these bounds, broadcast to its weights."""
        weight, bias, scale = (t.detach().cpu().double().numpy() for t in bank.effective_parameters())
        result = propagate(
            binarized_bank(bank, self.family),
            weight,
            bias,
            scale,
            step=bank.step_kind,
            input_low=low,
            input_high=high,
        )
        proved = result.certified
        self.banks.append(
            BankCertificate(
                name,
                int(proved.sum()),
                int(proved.size),
                float(result.output_low[proved].max(initial=0.0)),
                float(result.output_high[proved].min(initial=1.0)),
            )
        )
        return result

    def per_channel(self, channels: int) -> tuple[Bounds, Bounds]:
        """The bounds of a value of so many channels; flattening gives every pixel its channel's bounds."""
        repeat = channels // self.low.size
        return np.repeat(self.low, repeat), np.repeat(self.high, repeat)

    def add(self, name: str, layer: nn.Module) -> bool:
        """Carry the bounds through ``layer``; False when a float layer ends the chain."""
        if isinstance(layer, nn.Linear):
            return False
        if isinstance(layer, LevelSets):
            self.low, self.high = np.zeros(1), np.ones(1)
        elif isinstance(layer, (BiSE, BiSEL)):
            low, high = self.per_channel(layer.bise.shape[1])
            maps = self.propagate(f"{name}.bise", layer.bise, low[:, None], high[:, None])
            self.low, self.high = maps.output_low.ravel(), maps.output_high.ravel()
            if isinstance(layer, BiSEL) and isinstance(layer.lui, ThresholdNeurons):
                joined = self.propagate(f"{name}.lui", layer.lui, maps.output_low, maps.output_high)
                self.low, self.high = joined.output_low, joined.output_high
        elif isinstance(layer, (LUI, DenseLUI)):
            dense = self.propagate(f"{name}.lui", layer.lui, *self.per_channel(layer.lui.n))
            self.low, self.high = dense.output_low, dense.output_high
        elif not isinstance(layer, _KEEP_BOUNDS):
            raise UnsupportedOpError(
                f"certify: {name} ({type(layer).__name__}) has no rule; give the morphological layers, "
                f"{', '.join(kind.__name__ for kind in _KEEP_BOUNDS)} and a last Linear, in order"
            )
        return True


def _layers(module: nn.Module) -> Iterable[tuple[str, nn.Module]]:
    if isinstance(module, (nn.Sequential, MorphologicalClassifier)):
        return module.named_children()  # a MorphologicalClassifier calls its children in this order
    return [(type(module).__name__, module)]


def certify(module: nn.Module, family: str = "popcount") -> Certificate:
    """Prove, neuron by neuron, that the smooth network cut at 1/2 equals its hard form.

    ``module`` is an ``nn.Sequential`` of morphological layers (or one layer, or a
    :class:`MorphologicalClassifier`); its inputs are binary, or go through :class:`LevelSets`. The hard form
    is that of :func:`harden` with the same ``family``; ``module`` stays as it is.

    What is not proved may still be equal, on some or all inputs; a larger scale p (sharper steps) brings any
    network of exact neurons with positive margins closer to a proof.

    Raises:
        UnsupportedOpError: a layer in the chain has no rule.
    """
    chain = _Chain(family)
    for name, layer in _layers(module):
        if not chain.add(name, layer):
            break
    return Certificate(tuple(chain.banks))
