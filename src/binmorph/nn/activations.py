"""Learned shifts around sign and PReLU, from ReActNet (Liu et al. 2020, arXiv 2003.03488)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .quantizers import Quantizer, as_quantizer


class Shift(nn.Module):
    """x + bias with one learned bias per channel (starts at 0): [N, C, H, W] or [N, C]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, *[1] * (x.ndim - 2))


class RSign(Quantizer):
    """sign(x + b) with a learned b per channel; ``sign``: the sign quantizer, by name or as a module.

    fl(x + b) >= 0 exactly where x >= -b, so that packed it is one level per channel.
    """

    def __init__(self, channels: int, sign: str | nn.Module = "approx_sign") -> None:
        super().__init__()
        self.shift, self.sign = Shift(channels), as_quantizer(sign)

    def forward(self, x: Tensor) -> Tensor:
        return self.sign(self.shift(x))


class RPReLU(nn.Module):
    """prelu(x + b) + c, with learned b, c and slope (starts at 0.25) per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before, self.prelu, self.after = Shift(channels), nn.PReLU(channels), Shift(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.prelu(self.before(x)))
