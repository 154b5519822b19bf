"""Training that ends exact: the smooth network turns into its own binarization while it learns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from .hardening import morphological_layers


def set_annealing(module: nn.Module, snap: float, sharpness: float) -> None:
    """Set ``snap`` in [0, 1] and ``sharpness`` >= 1 of every neuron bank (see
    :meth:`ThresholdNeurons.effective_parameters`); raises ValueError outside these ranges."""
    if not 0 <= snap <= 1 or not sharpness >= 1:
        raise ValueError(f"snap {snap} must be in [0, 1] and sharpness {sharpness} at least 1")
    for _, layer in morphological_layers(module):
        for _, bank in layer.banks():
            bank.snap, bank.sharpness = float(snap), float(sharpness)


@dataclass(frozen=True)
class Annealing:
    """Schedule over training progress t in [0, 1]: weights snap linearly between ``snap_from`` and
    ``snap_to``; the step sharpens exponentially up to ``sharpness`` at ``sharp_to``. From the later of the
    two on, the forward pass is that of the network to be exported, and the rest of the training adapts to
    it."""

    snap_from: float = 0.2
    snap_to: float = 0.6
    sharpness: float = 16.0
    sharp_to: float = 0.7

    def apply(self, module: nn.Module, t: float) -> None:
        """Anneal ``module`` to where training progress ``t`` calls for."""
        snap = (t - self.snap_from) / (self.snap_to - self.snap_from)
        set_annealing(
            module, min(1.0, max(0.0, snap)), self.sharpness ** min(1.0, max(0.0, t / self.sharp_to))
        )
