"""What hardening changes in a self-binarizing network: weights that were not yet signs, signs that turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .batch_norm import BinaryBatchNorm
from .binary import BinaryLayer
from .quantizers import SelfBinarizingTanh


@dataclass(frozen=True)
class Sharpness:
    """``soft``: by path of each binary layer, the fraction of its weights that tanh(nu w) had not taken to
    exactly -1 or +1 in float32 (|nu w| below 9.011); ``turned``: by path of each :class:`BinaryBatchNorm`,
    the fraction of its outputs whose sign the hardened network has otherwise."""

    soft: dict[str, float]
    turned: dict[str, float]

    def __str__(self) -> str:
        soft, turned = (max(part.values(), default=0.0) for part in (self.soft, self.turned))
        return (
            f"hardening: up to {soft:.2%} of a layer's weights were no signs yet; "
            f"up to {turned:.2%} of a layer's signs turned"
        )


@torch.no_grad()
def sharpness(smooth: nn.Module, hard: nn.Module, x: Tensor) -> Sharpness | None:
    """Compare a network with its hardened copy on inputs ``x``, both in evaluation mode; None if it has no
    :class:`SelfBinarizingTanh`."""
    soft = {
        path: layer.weight_quantizer.soft_fraction(layer.weight)
        for path, layer in smooth.named_modules()
        if isinstance(layer, BinaryLayer) and isinstance(layer.weight_quantizer, SelfBinarizingTanh)
    }
    if not soft:
        return None
    before, after = (_signs(network, x) for network in (smooth, hard))
    turned = {path: float((before[path] != after[path]).double().mean()) for path in before}
    return Sharpness(soft, turned)


def _signs(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def keep(path: str) -> Any:
        return lambda module, inputs, output: found.update({path: output >= 0})

    norms = [(path, m) for path, m in network.named_modules() if isinstance(m, BinaryBatchNorm)]
    hooks = [norm.register_forward_hook(keep(path)) for path, norm in norms]
    try:
        network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return found
