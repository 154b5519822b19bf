"""ResNet-18 with {alpha, beta} weights for small images (Schiavone et al. 2023, SBNN, arXiv 2306.13515)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ..binary import BinaryConv2d
from ..two_value import TwoValue
from .blocks import GlobalAvgPool, fixed_scale_norm, float_conv


class TwoValueBlock(nn.Module):
    """hardtanh(BN(conv)) twice, the shortcut added in front of the second hardtanh; both convolutions take
    the signs of what they read and pad with zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int, sign: str, weights: dict[str, Any]) -> None:
        super().__init__()
        shape = ((inputs, stride), (outputs, 1))
        self.conv1, self.conv2 = (
            BinaryConv2d(
                n, outputs, 3, s, 1, pad_value=0, input_quantizer=sign, weight_quantizer=TwoValue(**weights)
            )
            for n, s in shape
        )
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(float_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardtanh(self.norm1(self.conv1(x)))
        return F.hardtanh(self.norm2(self.conv2(y)) + self.shortcut(x))


class TwoValueResNet(nn.Module):
    """Images [N, C, H, W] to scores [N, classes]; ``stages`` blocks of two convolutions per width.

    ``weights`` are the arguments of :class:`binmorph.nn.TwoValue`, ``sign`` is the input quantizer. The last
    pooling is followed by a batch normalisation of the vector, as in the paper's code.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        classes: int,
        stages: Sequence[int] = (2, 2, 2, 2),
        widths: Sequence[int] = (64, 128, 256, 512),
        sign: str = "ede_sign",
        **weights: Any,
    ) -> None:
        super().__init__()
        weights = {"sign": "ede_sign", **weights}
        channels = widths[0]
        stem = (fixed_scale_norm(image[0]), float_conv(image[0], channels, 3), nn.BatchNorm2d(channels))
        self.stem = nn.Sequential(*stem)
        blocks: list[nn.Module] = []
        for i, (count, width) in enumerate(zip(stages, widths, strict=True)):
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(TwoValueBlock(channels, width, stride, sign, weights))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        head = (GlobalAvgPool(), nn.BatchNorm1d(channels), nn.Linear(channels, classes))
        self.head = nn.Sequential(*head)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))
