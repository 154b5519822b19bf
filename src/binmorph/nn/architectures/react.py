"""ReActNet-18 (Liu et al. 2020, arXiv 2003.03488) and its form without batch normalisation (Chen et al. 2021,
"BNN - BN = ?", arXiv 2104.08215)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from ..activations import RPReLU, RSign
from ..binary import BinaryConv2d
from ..quantizers import Quantizer
from ..weight_quantizers import StandardizedConv2d, StandardizedSign, StandardizedWeight
from .blocks import LARGE, GlobalAvgPool, fixed_scale_norm, float_conv, pooled_shortcut

ALPHA = 0.2  # what a residual branch without normalisation is multiplied with


class ReActBlock(nn.Module):
    """RPReLU(BN(binary convolution of RSign(x)) + shortcut(x)); the convolution pads with zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int, float_weights: bool) -> None:
        super().__init__()
        self.conv = BinaryConv2d(
            inputs,
            outputs,
            3,
            stride,
            1,
            pad_value=0,
            input_quantizer=RSign(inputs),
            weight_quantizer=None if float_weights else "magnitude_sign",
        )
        self.norm, self.shortcut = nn.BatchNorm2d(outputs), pooled_shortcut(inputs, outputs, stride)
        self.act = RPReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)) + self.shortcut(x))


class Scale(nn.Module):
    """x times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor

    def extra_repr(self) -> str:
        return f"factor={self.factor:.6g}"


class BinaryWeightConv2d(BinaryConv2d):
    """A pointwise convolution of floats with standardised binary weights, no multiplication but the scale."""

    reads_floats = True

    def __init__(self, inputs: int, outputs: int, quantizer: Quantizer) -> None:
        super().__init__(inputs, outputs, 1, input_quantizer=None, weight_quantizer=quantizer)


class NormFreeBlock(nn.Module):
    """RPReLU(alpha conv(RSign(beta x)) + shortcut): standardised binary weights, no normalisation.

    beta = 1 / sqrt(``variance``), the variance that x is expected to have. Where the shape changes, the
    shortcut is average pooling and a binary 1x1 convolution of the float beta x; else it is x.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, float_weights: bool, variance: float) -> None:
        super().__init__()
        weights = StandardizedWeight if float_weights else StandardizedSign
        self.beta, self.alpha = Scale(1 / math.sqrt(variance)), Scale(ALPHA)
        quantizers = {"input_quantizer": RSign(inputs), "weight_quantizer": weights()}
        self.conv = BinaryConv2d(inputs, outputs, 3, stride, 1, pad_value=0, **quantizers)
        self.shortcut: nn.Module | None = None
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), BinaryWeightConv2d(inputs, outputs, weights())
            )
        self.act = RPReLU(outputs)
        for layer in self.modules():
            if isinstance(layer, BinaryConv2d):
                nn.init.uniform_(layer.weight, 0, 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.beta(x)
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return self.act(self.alpha(self.conv(y)) + shortcut)


class ReActNet(nn.Module):
    """Images [N, C, H, W] to scores [N, classes].

    Arguments:
        stages, widths: convolutions and channels per stage.
        norm_free: no batch normalisation but that of the pixels.
        float_weights: of all convolutions, as in the first of two training steps; such a network is not
            packed, but its state is one to begin the second step with.
        image: from 64 pixels on, the stem halves twice (7x7/2 and pooling), below once (3x3 and pooling).
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        classes: int,
        stages: Sequence[int] = (4, 4, 4, 4),
        widths: Sequence[int] = (64, 128, 256, 512),
        norm_free: bool = False,
        float_weights: bool = False,
    ) -> None:
        super().__init__()
        channels, large = widths[0], min(image[1:]) >= LARGE
        kernel, stride = (7, 2) if large else (3, 1)
        parts: list[nn.Module] = [fixed_scale_norm(image[0])]
        if norm_free:
            parts.append(StandardizedConv2d(image[0], channels, kernel, stride))
        else:
            parts += [float_conv(image[0], channels, kernel, stride), nn.BatchNorm2d(channels)]
        self.stem = nn.Sequential(*parts, nn.MaxPool2d(3, 2, 1))
        blocks: list[nn.Module] = []
        variance = 1.0
        for i, (count, width) in enumerate(zip(stages, widths, strict=True)):
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                if norm_free:
                    blocks.append(NormFreeBlock(channels, width, stride, float_weights, variance))
                    # A block that changes the shape begins a new stream, of variance 1.
                    variance = 1.0 if stride > 1 or channels != width else variance + ALPHA**2
                else:
                    blocks.append(ReActBlock(channels, width, stride, float_weights))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(GlobalAvgPool(), nn.Linear(channels, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))
