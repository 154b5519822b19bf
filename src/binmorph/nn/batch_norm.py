"""Batch normalisation and sign in one layer: smooth while it trains, one comparison once hardened.

Source: Lahoud et al. 2019, "Self-Binarizing Networks" (arXiv 1902.00730).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .quantizers import SelfBinarizingTanh, as_quantizer, harden_signs

Array = npt.NDArray[Any]
LARGEST = float(np.finfo(np.float32).max)


class BinaryBatchNorm(nn.Module):
    """sign(BN(z)) for sums z [N, C, H, W] or [N, C]: in training, and until :meth:`harden`, BN and the
    quantizer (a :class:`SelfBinarizingTanh` unless another is given); from then on, in evaluation, the
    comparison

        y = [direction z >= level] as -1 or +1, direction -1 or +1 per channel

    with the one float32 ``level`` that makes it equal to sign(fma(z, a, b)), torch's batch normalisation, for
    every finite float32 z. Layers behind it take ``input_quantizer=None``.
    """

    level: Tensor
    direction: Tensor

    def __init__(self, channels: int, quantizer: str | nn.Module = "sb_tanh") -> None:
        super().__init__()
        # BatchNorm1d takes [N, C] and [N, C, L]; images go through it with their pixels in one line.
        self.norm, self.quantizer = nn.BatchNorm1d(channels), as_quantizer(quantizer)
        self.register_buffer("level", torch.zeros(channels))
        self.register_buffer("direction", torch.ones(channels))
        self.hard = False  # a plain Python value, which tracing follows

    def get_extra_state(self) -> Tensor:
        """Whether :meth:`harden` was called."""
        return torch.tensor(self.hard)

    def set_extra_state(self, state: Any) -> None:
        self.hard = bool(state)

    def forward(self, z: Tensor) -> Tensor:
        if self.training or not self.hard:
            flat = z if z.ndim == 2 else z.flatten(2)
            return self.quantizer(self.norm(flat)).view_as(z)
        shape = (-1, *[1] * (z.ndim - 2))
        return torch.where(z * self.direction.view(shape) >= self.level.view(shape), 1.0, -1.0)

    @torch.no_grad()
    def harden(self) -> None:
        """Fix level and direction from the statistics and parameters of now."""
        if isinstance(self.quantizer, SelfBinarizingTanh):
            self.quantizer.harden()
        scale, shift = batch_norm_affine(self.norm)
        level, direction = comparison(scale, shift)
        self.level.copy_(torch.from_numpy(level))
        self.direction.copy_(torch.from_numpy(direction))
        self.hard = True


@torch.no_grad()
def settle_batch_norms(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Take the running statistics of every batch normalisation in ``network`` anew, as the plain mean over
    ``batches``: what a network needs whose activations have just changed from smooth to hard."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta, training = [norm.momentum for norm in norms], network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's sign for the cumulative mean
    network.train()
    for batch in batches:
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)


def harden_network(network: nn.Module, batches: Iterable[Tensor] | None = None) -> nn.Module:
    """Turn every self-binarizing tanh in ``network`` into a sign, settle the batch statistics on ``batches``
    if there are any, then turn every :class:`BinaryBatchNorm` into its comparison. In place; evaluation
    mode."""
    harden_signs(network)
    if batches is not None:
        settle_batch_norms(network, batches)
    for layer in network.modules():
        if isinstance(layer, BinaryBatchNorm):
            layer.harden()
    return network.eval()


def batch_norm_affine(norm: nn.Module) -> tuple[Array, Array]:
    """(a, b) float32 [C] with BN(z) = fma(z, a, b) in evaluation, read out of a BatchNorm by evaluating it,
    which gives the bits that torch computes with; its own square root cannot be repeated outside."""
    twin = copy.deepcopy(norm).eval().cpu()
    channels = len(twin.running_mean)
    with torch.no_grad():
        shift = twin(torch.zeros(1, channels))[0]
        twin.running_mean.zero_()
        if twin.bias is not None:
            twin.bias.zero_()
        scale = twin(torch.ones(1, channels))[0]
    return scale.numpy(), shift.numpy()


def comparison(scale: Array, shift: Array) -> tuple[Array, Array]:
    """(level, direction) float32 [C] with [direction z >= level] = [scale z + shift >= 0] for every finite
    float32 z whose product with the scale does not underflow.

    The test is exact in float64: products of two float32 are, and one rounding of the sum keeps its sign.
    """
    a, b = np.abs(scale).astype(np.float64), shift.astype(np.float64)
    direction = np.where(scale < 0, -1, 1).astype(np.float32)
    with np.errstate(all="ignore"):
        quotient = np.where(a > 0, -b / a, np.where(b >= 0, -LARGEST, np.inf))
        level = np.clip(quotient, -LARGEST, np.inf).astype(np.float32)
        for _ in range(2):  # the quotient and its cast are rounded: the neighbours decide
            lower = np.nextafter(level, np.float32(-np.inf))
            level = np.where(a * lower + b >= 0, np.where(a > 0, lower, level), level)
        for _ in range(2):
            fires = a * level + b >= 0
            level = np.where(fires | (a == 0), level, np.nextafter(level, np.float32(np.inf)))
    return level, direction
