"""What a network costs: multiplications, weights and bytes, counted by running it without data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..binary import BinaryLayer


@dataclass(frozen=True)
class Counts:
    """Per image and network. ``float_params`` are all float parameters (batch statistics are none),
    ``float_weights`` those of convolutions and dense layers without their biases. A binary layer that reads
    floats counts among ``float_macs``."""

    binary_macs: int
    float_macs: int
    binary_weights: int
    float_params: int
    float_weights: int

    @property
    def operations(self) -> float:
        """Float MACs plus binary MACs / 64, the "FLOPs" of Bethge et al. and Liu et al."""
        return self.float_macs + self.binary_macs / 64

    @property
    def mebibytes(self) -> float:
        """One bit per binary weight and four bytes per float parameter, in units of 2^20 bytes."""
        return (self.binary_weights / 8 + 4 * self.float_params) / 2**20


def count(network: nn.Module, image: tuple[int, int, int]) -> Counts:
    """Count ``network`` for one ``image`` (C, H, W); its layers may live on the meta device."""
    macs = {"binary": 0, "float": 0}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        binary = isinstance(layer, BinaryLayer) and not layer.reads_floats
        pixels = output[0, 0].numel() if output.ndim == 4 else 1
        macs["binary" if binary else "float"] += layer.weight.numel() * pixels

    layers = [m for m in network.modules() if isinstance(m, (BinaryLayer, nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    training = network.training
    try:
        with torch.no_grad():
            device = next(network.parameters()).device
            network.eval()(torch.zeros((1, *image), device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    binary = [layer.weight.numel() for layer in layers if isinstance(layer, BinaryLayer)]
    weights = sum(layer.weight.numel() for layer in layers) - sum(binary)
    params = sum(p.numel() for p in network.parameters()) - sum(binary)
    return Counts(macs["binary"], macs["float"], sum(binary), params, weights)
