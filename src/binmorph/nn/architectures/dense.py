"""BinaryDenseNet (Bethge et al. 2019, arXiv 1906.08637) and MeliusNet (Bethge et al. 2020, arXiv 2001.05936):
binary convolutions whose outputs are appended to the channels they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..binary import BinaryConv2d, initialize
from .blocks import GlobalAvgPool, float_conv, stem

GROWTH = 64


class DenseLayer(nn.Module):
    """[x, binary 3x3 convolution of sign(BN(x))]: ``growth`` more channels."""

    def __init__(self, channels: int, growth: int, dilation: int, **options: Any) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = BinaryConv2d(channels, growth, 3, 1, dilation, dilation, **options)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.norm(x))], 1)


class ImprovementLayer(nn.Module):
    """Adds a binary 3x3 convolution of sign(BN(x)) to the last ``growth`` channels of x."""

    def __init__(self, channels: int, growth: int, dilation: int, **options: Any) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = BinaryConv2d(channels, growth, 3, 1, dilation, dilation, **options)
        self.kept = channels - growth

    def forward(self, x: Tensor) -> Tensor:
        better = x[:, self.kept :] + self.conv(self.norm(x))
        return torch.cat([x[:, : self.kept], better], 1)


def reduced(channels: int, reduction: float) -> int:
    """Channels behind a transition: the multiple of 32 nearest to floor(channels / reduction)."""
    return round(channels // reduction / 32) * 32


class BinaryDenseNet(nn.Module):
    """Images [N, C, H, W] to scores [N, classes].

    Arguments:
        layers: dense layers per stage.
        widths: channels behind the transition after each stage but the last.
        dilations: per stage; a dilated stage is not preceded by pooling.
        improve: an improvement layer behind every dense layer (MeliusNet).
        growth: channels that a dense layer adds, and those of the stem.
        options: of every :class:`binmorph.nn.BinaryConv2d`.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        classes: int,
        layers: Sequence[int],
        widths: Sequence[int],
        dilations: Sequence[int] | None = None,
        improve: bool = False,
        growth: int = GROWTH,
        **options: Any,
    ) -> None:
        super().__init__()
        options = {"weight_quantizer": "identity_sign", **options}
        dilations = dilations or (1,) * len(layers)
        parts: list[nn.Module] = []
        channels = growth
        for i, (count, dilation) in enumerate(zip(layers, dilations, strict=True)):
            if i > 0:
                pool: list[nn.Module] = [nn.MaxPool2d(2)] if dilation == 1 else []
                transition = (nn.BatchNorm2d(channels), *pool, nn.ReLU())
                parts.append(nn.Sequential(*transition, float_conv(channels, widths[i - 1], 1)))
                channels = widths[i - 1]
            for _ in range(count):
                parts.append(DenseLayer(channels, growth, dilation, **options))
                channels += growth
                if improve:
                    parts.append(ImprovementLayer(channels, growth, dilation, **options))
        self.stem, self.stages = stem(image, growth, normed=False), nn.Sequential(*parts)
        head = (nn.BatchNorm2d(channels), nn.ReLU(), GlobalAvgPool(), nn.Linear(channels, classes))
        self.head = nn.Sequential(*head)
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stages(self.stem(x)))
