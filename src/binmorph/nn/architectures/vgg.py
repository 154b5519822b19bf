"""VGG-small and dense networks whose signs come out of batch normalisation: self-binarizing networks (Lahoud
et al. 2019, arXiv 1902.00730)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from ..batch_norm import BinaryBatchNorm
from ..binary import BinaryConv2d, BinaryLinear, BitsToSigns
from ..level_sets import LevelSets
from .blocks import fixed_scale_norm, float_conv


class SelfBinarizingVGG(nn.Module):
    """Images [N, C, H, W] to scores [N, classes]: per width two 3x3 convolutions, the second followed by 2x2
    max-pooling, then dense layers.

    The first convolution and the last dense layer are float; between them every layer is binary, and every
    :class:`binmorph.nn.BinaryBatchNorm` smooth until hardened. With the widths (128, 256, 512) and images of
    32x32 this is the VGG of Courbariaux et al. 2016 (arXiv 1602.02830).
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        classes: int,
        widths: Sequence[int] = (128, 256, 512),
        hidden: Sequence[int] = (1024, 1024),
        quantizer: str = "sb_tanh",
        pad_value: int | str = -1,
    ) -> None:
        super().__init__()
        binary: dict[str, Any] = {"input_quantizer": None, "weight_quantizer": quantizer}
        channels = widths[0]
        layers: list[nn.Module] = [fixed_scale_norm(image[0]), float_conv(image[0], channels, 3)]
        for i, width in enumerate(widths):
            for second in (False, True):
                if i > 0 or second:
                    layers.append(BinaryConv2d(channels, width, 3, 1, 1, pad_value=pad_value, **binary))
                    channels = width
                layers += [nn.MaxPool2d(2)] if second else []
                layers.append(BinaryBatchNorm(width, quantizer))
        sides = [side >> len(widths) for side in image[1:]]
        dense: list[nn.Module] = []
        for before, after in pairwise((channels * sides[0] * sides[1], *hidden)):
            dense += [BinaryLinear(before, after, **binary), BinaryBatchNorm(after, quantizer)]
        last = hidden[-1] if hidden else channels * sides[0] * sides[1]
        self.features, self.flatten = nn.Sequential(*layers), nn.Flatten()
        self.classifier = nn.Sequential(*dense, nn.Linear(last, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(x)))


class SelfBinarizingMLP(nn.Module):
    """LevelSets -> (BinaryLinear -> BinaryBatchNorm) for each hidden size -> float scores [N, classes]."""

    def __init__(
        self,
        levels: LevelSets,
        image: tuple[int, int, int],
        classes: int,
        hidden: Sequence[int] = (256, 256),
        quantizer: str = "sb_tanh",
    ) -> None:
        super().__init__()
        self.levels, self.signs, self.flatten = levels, BitsToSigns(), nn.Flatten()
        sizes = (levels.values.numel() * image[1] * image[2], *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers.append(BinaryLinear(before, after, input_quantizer=None, weight_quantizer=quantizer))
            layers.append(BinaryBatchNorm(after, quantizer))
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.flatten(self.signs(self.levels(x))))
