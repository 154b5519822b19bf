"""Binary convolutions and dense layers: signs in, sign weights, integer sums out.

The quantizer sits on the input side of the layer, so that nothing between the last normalisation and the sum
can leak floats into it (Larq's convention). The sums are exact integers in float32, in any order, up to 2^24
inputs per output. Batch normalisation and max-pooling behind the layer, up to the next sign, become part of
its integer thresholds on export. Weights with a scale (:mod:`binmorph.nn.weight_quantizers`) keep that sum
and multiply it; {alpha, beta} weights (:mod:`binmorph.nn.two_value`) take two such sums. Sources: Courbariaux
et al. 2016 (arXiv 1602.02830), Rastegari et al. 2016 (XNOR-Net, arXiv 1603.05279), Bethge et al. 2018 (arXiv
1812.01965).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ShapeError
from .quantizers import Quantizer, as_quantizer, start_latent
from .two_value import TwoValue
from .two_value_ops import conv2d_sums
from .weight_quantizers import ScaledQuantizer, StandardizedWeight

Pair = int | tuple[int, int]


def _pair(value: Pair, what: str, least: int) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    if min(first, second) < least:
        raise ShapeError(f"{what} {value!r} must be at least {least} in both directions")
    return first, second


class BinaryLayer(nn.Module):
    """Base: latent float weights [out, ...] with a quantizer, an input quantizer, and a bias behind the
    sum."""

    reads_floats = False  # binary weights alone, for the count of binary operations
    packs_as_one = True  # the exporter names the packed layer after this module, not after its quantizers

    def __init__(
        self,
        shape: tuple[int, ...],
        bias: bool,
        input_quantizer: str | nn.Module | None,
        weight_quantizer: str | nn.Module | None,
    ) -> None:
        super().__init__()
        if min(shape) < 1:
            raise ShapeError(f"{type(self).__name__}: every size of the weight {shape} must be at least 1")
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(shape[0])) if bias else None
        self.input_quantizer = as_quantizer(input_quantizer)
        self.weight_quantizer = as_quantizer(weight_quantizer)
        self.reset_parameters()
        if isinstance(self.weight_quantizer, Quantizer):
            self.weight_quantizer.attach(self.weight)

    def reset_parameters(self) -> None:
        """Latent weights as their quantizer starts them, by default N(0, 2 / fan in); bias 0."""
        start = getattr(self.weight_quantizer, "start", start_latent)
        start(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @property
    def binary_weight(self) -> Tensor:
        """What the sums use, of the shape of ``weight``: -1 and +1; the core of scaled weights, which may
        be 0 as well; the bits 0 and 1 of {alpha, beta} weights."""
        return self.weight_quantizer(self.weight)

    @property
    def binarizes(self) -> bool:
        """Whether the quantizer turns the weights into few values; not so in the first of two training
        steps."""
        return not isinstance(self.weight_quantizer, (nn.Identity, StandardizedWeight))

    def _behind_sum(self, y: Tensor) -> Tensor:
        """Scale and bias of the sums ``y`` [N, O, ...], which stay integers in any order."""
        shape = (-1, *[1] * (y.ndim - 2))
        if isinstance(self.weight_quantizer, ScaledQuantizer):
            y = y * self.weight_quantizer.scale(self.weight).view(shape)
        return y if self.bias is None else y + self.bias.view(shape)


class BinaryLinear(BinaryLayer):
    """y = sign(W) sign(x) (+ bias): [N, in_features] -> [N, out_features], float32 integers.

    ``input_quantizer`` and ``weight_quantizer`` are names, modules, or None (already signs); see
    :mod:`binmorph.nn.quantizers`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = False,
        *,
        input_quantizer: str | nn.Module | None = "ste_sign",
        weight_quantizer: str | nn.Module | None = "ste_sign",
    ) -> None:
        super().__init__((out_features, in_features), bias, input_quantizer, weight_quantizer)

    def forward(self, x: Tensor) -> Tensor:
        x, weight, quantizer = self.input_quantizer(x), self.binary_weight, self.weight_quantizer
        if not isinstance(quantizer, TwoValue):
            return self._behind_sum(F.linear(x, weight))
        difference, low = quantizer.domain(len(weight))
        if self.training:
            return self._behind_sum(difference * F.linear(x, weight) + low * x.sum(1, keepdim=True))
        return self._behind_sum(torch.ops.binmorph.two_value_linear(x, weight, difference, low))

    def extra_repr(self) -> str:
        out_features, in_features = self.weight.shape
        return f"in_features={in_features}, out_features={out_features}, bias={self.bias is not None}"


class BinaryConv2d(BinaryLayer):
    """Convolution of sign(x) with sign(W) (+ bias): [N, in, H, W] -> [N, out, H', W'], float32 integers.

    Arguments:
        kernel_size, stride, padding, dilation, groups: as of ``torch.nn.Conv2d``; ints or pairs, padding in
            pixels.
        pad_value: what lies outside the image: -1 (default) or +1 as further signs, 0 as a true zero (a third
            value, exact on export through thresholds per border class), or "replicate".
        input_quantizer, weight_quantizer: names, modules, or None (already signs).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        pad_value: int | str = -1,
        bias: bool = False,
        *,
        input_quantizer: str | nn.Module | None = "ste_sign",
        weight_quantizer: str | nn.Module | None = "ste_sign",
    ) -> None:
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ShapeError(f"groups {groups} must divide {in_channels} and {out_channels} channels")
        if pad_value not in (-1, 0, 1, "replicate"):
            raise ValueError(f"pad_value {pad_value!r} is not one of -1, 0, 1, 'replicate'")
        kernel = _pair(kernel_size, "kernel_size", 1)
        shape = (out_channels, in_channels // groups, *kernel)
        super().__init__(shape, bias, input_quantizer, weight_quantizer)
        self.stride, self.padding = _pair(stride, "stride", 1), _pair(padding, "padding", 0)
        self.dilation, self.groups, self.pad_value = _pair(dilation, "dilation", 1), groups, pad_value

    def forward(self, x: Tensor) -> Tensor:
        x, padding = self.input_quantizer(x), self.padding
        if self.pad_value != 0 and padding != (0, 0):
            sides = (padding[1], padding[1], padding[0], padding[0])
            if isinstance(self.pad_value, str):
                x = F.pad(x, sides, mode=self.pad_value)
            else:
                x = F.pad(x, sides, value=float(self.pad_value))
            padding = (0, 0)
        weight, geometry = self.binary_weight, (self.stride, padding, self.dilation, self.groups)
        if isinstance(self.weight_quantizer, TwoValue):
            return self._behind_sum(self._two_value(x, weight, *geometry))
        return self._behind_sum(F.conv2d(x, weight, None, *geometry))

    def _two_value(self, x: Tensor, bits: Tensor, *geometry: Any) -> Tensor:
        difference, low = self.weight_quantizer.domain(len(bits))
        if not self.training:  # rounded exactly as the packed layer does, at a price that training can save
            return torch.ops.binmorph.two_value_conv2d(x, bits, difference, low, *geometry)
        ones, window = conv2d_sums(x, bits, *geometry)
        window = window.repeat_interleave(len(bits) // self.groups, 1)
        return difference[:, None, None] * ones + low[:, None, None] * window

    def extra_repr(self) -> str:
        out_channels, depth, *kernel = self.weight.shape
        parts = [f"{depth * self.groups}, {out_channels}, kernel_size={tuple(kernel)}"]
        parts.append(f"stride={self.stride}")
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}, pad_value={self.pad_value!r}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        return ", ".join(parts + ([] if self.bias is None else ["bias=True"]))


class BitsToSigns(nn.Module):
    """{0, 1} to {-1, +1}: 2 x - 1, any shape. Costs nothing once packed: the bits are the same."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x - 1


def initialize(network: nn.Module) -> nn.Module:
    """Xavier, Gaussian, fan-in, magnitude 2: weights ~ N(0, 2 / fan in), binary and float layers alike, float
    biases 0; the network itself (Bethge et al. 2018, arXiv 1812.01965). Binary layers begin so by
    themselves."""
    for layer in network.modules():
        if isinstance(layer, (BinaryLayer, nn.Conv2d, nn.Linear)):
            start_latent(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
