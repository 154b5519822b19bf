"""ResNetE (Bethge et al. 2018, arXiv 1812.01965): residual networks with a shortcut around every binary
convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ..binary import BinaryConv2d, initialize
from .blocks import GlobalAvgPool, pooled_shortcut, stem


class ResNetEBlock(nn.Module):
    """BN(binary 3x3 convolution of sign(x)) + shortcut(x); the convolution pads with -1."""

    def __init__(self, inputs: int, outputs: int, stride: int, **options: Any) -> None:
        super().__init__()
        self.conv = BinaryConv2d(inputs, outputs, 3, stride, 1, **options)
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = pooled_shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.shortcut(x)


class ResNetE(nn.Module):
    """Images [N, C, H, W] to scores [N, classes].

    Arguments:
        image: (C, H, W); from 64 pixels on with the stem of ImageNet.
        stages: binary convolutions per stage; every stage but the first halves the image.
        widths: channels per stage; the stem has those of the first.
        options: of every :class:`binmorph.nn.BinaryConv2d`, such as ``input_quantizer`` or ``pad_value``.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        classes: int,
        stages: Sequence[int] = (4, 4, 4, 4),
        widths: Sequence[int] = (64, 128, 256, 512),
        **options: Any,
    ) -> None:
        super().__init__()
        options = {"weight_quantizer": "identity_sign", **options}
        self.stem = stem(image, widths[0], normed=True)
        blocks: list[nn.Module] = []
        channels = widths[0]
        for i, (count, width) in enumerate(zip(stages, widths, strict=True)):
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(ResNetEBlock(channels, width, stride, **options))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.ReLU(), GlobalAvgPool(), nn.Linear(channels, classes))
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))
