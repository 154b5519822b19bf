"""Smooth to hard: binarize every morphological layer, and say what became of each neuron."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from torch import nn

from ..errors import DomainError
from ..ir import Neurons, Status
from .layers import MorphologicalLayer
from .neurons import Mode, ThresholdNeurons

Method: TypeAlias = "str | Mapping[str, str]"


@dataclass(frozen=True)
class BankReport:
    """One bank of neurons: ``name`` is its module path; ``statuses`` counts neurons per :class:`ir.Status`
    name; ``distance`` is the mean Euclidean distance moved, ``margin`` the smallest margin of the proved
    neurons (NaN when there is none), in units of the float accumulator; ``method`` is the family and the
    projection that approximated neurons went through, "" if none did."""

    name: str
    statuses: dict[str, int]
    distance: float
    margin: float
    method: str = ""


@dataclass(frozen=True)
class HardenReport:
    """What :func:`harden` did, bank by bank."""

    banks: tuple[BankReport, ...]

    @property
    def statuses(self) -> dict[str, int]:
        """Neurons per status over the whole network; statuses that do not occur are left out."""
        return {
            status.name: total
            for status in Status
            if (total := sum(b.statuses.get(status.name, 0) for b in self.banks))
        }

    @property
    def exact(self) -> bool:
        """Whether every neuron was proved equal to its hard-float form on every binary input."""
        return Status.APPROXIMATED.name not in self.statuses

    def __str__(self) -> str:
        width = max((len(b.name) for b in self.banks), default=0)
        lines = []
        for bank in self.banks:
            counts = ", ".join(f"{count} {name.lower()}" for name, count in bank.statuses.items())
            moved = f"; {bank.method}: moved {bank.distance:.3g} on average" if bank.method else ""
            lines.append(f"{bank.name:<{width}}  {counts}{moved}")
        return "\n".join(lines)


def morphological_layers(module: nn.Module) -> Iterator[tuple[str, MorphologicalLayer]]:
    """(path, layer) of every morphological layer in ``module``, itself included, in registration order."""
    for name, child in module.named_modules():
        if isinstance(child, MorphologicalLayer):
            yield name, child


def set_mode(module: nn.Module, mode: Mode) -> nn.Module:
    """Evaluate every morphological layer in ``mode``; returns ``module``. BinmorphError if HARD comes before
    harden."""
    for _, layer in morphological_layers(module):
        layer.mode = mode
    return module


def harden(module: nn.Module, family: Method = "popcount", projection: Method = "constant") -> HardenReport:
    """Binarize every morphological layer of ``module`` in place and evaluate it hard from now on.

    The float parameters stay as they are. ``family`` and ``projection`` are passed to
    :func:`binmorph.exactness.binarize`: neurons that are provably a constant, dilation, erosion, literal or
    popcount stay equal to their hard-float form; the others are projected, and reported as APPROXIMATED with
    the distance. Each is one word for all layers, or a mapping from the path of a layer to its own word, ""
    standing for the layers not named.

    Raises:
        DomainError: an unknown word, or a mapping that names no layer of ``module`` or leaves one out.
    """
    layers = dict(morphological_layers(module))
    families = methods_by_layer(family, layers, "family")
    projections = methods_by_layer(projection, layers, "projection")
    reports = []
    for path, layer in layers.items():
        for name, bank in layer.banks():
            neurons = binarized_bank(bank, families[path], projections[path])
            bank.store(neurons)
            method = f"{families[path]} {projections[path]}"
            reports.append(_report(f"{path}.{name}" if path else name, neurons, method))
        layer.mark_binarized()
    return HardenReport(tuple(reports))


def methods_by_layer(method: Method, layers: Iterable[str], what: str) -> dict[str, str]:
    """The word for each of ``layers``; see :func:`harden`. ``what`` names the argument in errors."""
    if isinstance(method, str):
        return dict.fromkeys(layers, method)
    unknown = [path for path in method if path and path not in layers]
    missing = [path for path in layers if path not in method and "" not in method]
    if unknown or missing:
        problem = f"{unknown[0]!r} is no morphological layer" if unknown else f"{missing[0]!r} is left out"
        raise DomainError(f"{what}: {problem}; there are {', '.join(map(repr, layers))}")
    return {path: method[path] if path in method else method[""] for path in layers}


def hardened(module: nn.Module, family: Method = "popcount", projection: Method = "constant") -> nn.Module:
    """A hard copy of ``module``, which stays as it is."""
    twin = copy.deepcopy(module)
    harden(twin, family, projection)
    return twin


def binarized_bank(bank: ThresholdNeurons, family: str, projection: str = "constant") -> Neurons:
    """The hard form of one bank, which stays as it is; see :func:`harden`."""
    from ..exactness import binarize

    weight, bias, scale = (t.detach().cpu().double().numpy() for t in bank.effective_parameters())
    result: Neurons = binarize(weight, bias, scale, family=family, projection=projection)
    return result


def _report(name: str, neurons: Neurons, method: str) -> BankReport:
    counts = np.bincount(neurons.status.ravel(), minlength=len(Status))
    proved = neurons.margin[~np.isnan(neurons.margin)]
    return BankReport(
        name,
        {status.name: int(counts[status]) for status in Status if counts[status]},
        float(neurons.distance.mean()),
        float(proved.min()) if proved.size else float("nan"),
        method if counts[Status.APPROXIMATED] else "",
    )
