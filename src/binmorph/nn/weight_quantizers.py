"""Quantizers of latent weights that standardise, scale or drop them: the core goes into the sum, the scale
behind.

The core of a weight is -1, 0 or +1, so that the layer's sum stays an exact integer; the scale, one float per
output, multiplies the finished sum. Scaling inside the sum would make it depend on the order of its
additions.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from .quantizers import QUANTIZERS, Quantizer, STESign


class ScaledQuantizer(Quantizer):
    """Base: ``forward`` gives the core of weights [O, ...], :meth:`scale` the factors [O] behind the sum."""

    def scale(self, weight: Tensor) -> Tensor:
        """float32 [O], for weights [O, ...]."""
        raise NotImplementedError


class MagnitudeSign(ScaledQuantizer):
    """sign(w), scale mean |w| per output without gradient; gradient of the core dy where |w| <= 1.

    Source: XNOR-Net (Rastegari et al. 2016, arXiv 1603.05279), with the scale detached as in ReActNet (Liu et
    al. 2020, arXiv 2003.03488).
    """

    def forward(self, weight: Tensor) -> Tensor:
        return torch.ops.binmorph.sign(weight, "clip", 1.0)

    def scale(self, weight: Tensor) -> Tensor:
        return weight.detach().abs().flatten(1).mean(1)


def standardized(weight: Tensor) -> Tensor:
    """(w - mean) / (std + 1e-5) / sqrt(fan in) per output of weights [O, ...], with the biased deviation:
    every output then has weights of mean 0 and of squares that sum to about 1 (Brock et al. 2021, arXiv
    2101.08692)."""
    rows = weight.flatten(1)
    deviation, mean = torch.std_mean(rows, 1, correction=0, keepdim=True)
    return ((rows - mean) / (deviation + 1e-5) / math.sqrt(rows.shape[1])).view_as(weight)


class StandardizedSign(ScaledQuantizer):
    """sign(v) of the standardised weight v, scale gain mean |v|; gradient to v where |v| <= 1, then through
    the standardisation; ``gain`` [O] is learned, starts at 1, and mean |v| has no gradient.

    Takes the place of batch normalisation in "BNN - BN = ?" (Chen et al. 2021, arXiv 2104.08215).
    """

    gain: nn.Parameter

    def attach(self, weight: Tensor) -> None:
        self.gain = nn.Parameter(torch.ones(len(weight)))

    def forward(self, weight: Tensor) -> Tensor:
        return torch.ops.binmorph.sign(standardized(weight), "clip", 1.0)

    def scale(self, weight: Tensor) -> Tensor:
        return self.gain * standardized(weight).detach().abs().flatten(1).mean(1)


class StandardizedWeight(StandardizedSign):
    """The standardised weight v itself, behind the sum ``gain``: what :class:`StandardizedSign` is trained
    from in the first of two steps. Not binary, and not packed."""

    def forward(self, weight: Tensor) -> Tensor:
        return standardized(weight)

    def scale(self, weight: Tensor) -> Tensor:
        return self.gain


class TernarySign(Quantizer):
    """-1, 0 or +1: sign(w) where |w| is above ``fraction`` of its mean over the output, else 0; gradient dy.

    Source of the threshold: Ternary Weight Networks (Li et al. 2016, arXiv 1605.04711).
    """

    def __init__(self, fraction: float = 0.7) -> None:
        super().__init__()
        if not fraction >= 0:
            raise ValueError(f"fraction {fraction} must not be negative")
        self.fraction = fraction

    def forward(self, weight: Tensor) -> Tensor:
        mean = weight.detach().abs().flatten(1).mean(1)
        # Where all weights are 0 any positive threshold keeps them there.
        threshold = torch.where(mean > 0, self.fraction * mean, 1.0).view(-1, *[1] * (weight.ndim - 1))
        # Half the sum of two signs: exactly -1, 0 or +1, and exactly the gradient of the identity.
        above, below = (
            torch.ops.binmorph.sign(w, "identity", 0.0) for w in (weight - threshold, weight + threshold)
        )
        return 0.5 * (above + below)

    def extra_repr(self) -> str:
        return f"fraction={self.fraction}"


class StandardizedConv2d(nn.Conv2d):
    """A float convolution with scaled weight standardisation: weights gain v, without batch normalisation
    behind it (Brock et al. 2021, arXiv 2101.08692). ``gain`` [O] starts at 1."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, kernel_size // 2)
        self.gain = nn.Parameter(torch.ones(out_channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.gain * standardized(self.weight), self.bias)


QUANTIZERS |= {
    "identity_sign": partial(STESign, None),
    "magnitude_sign": MagnitudeSign,
    "standardized_sign": StandardizedSign,
    "ternary_sign": TernarySign,
}
