"""Threshold-only sign networks: everything between the gray image and the scores is bits.

Shapes of FINN (Umuroglu et al. 2017, arXiv 1612.07119), whose first layer reads 8-bit pixels; here it reads
level sets of them, so that it is binary as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from .binary import BinaryConv2d, BinaryLayer, BinaryLinear, BitsToSigns, initialize
from .level_sets import LevelSets


def binary_weights(module: nn.Module) -> int:
    """How many binary weights the layers of ``module`` have."""
    return sum(layer.weight.numel() for layer in module.modules() if isinstance(layer, BinaryLayer))


def _dense(sizes: Sequence[int], quantizers: dict[str, Any], first: dict[str, Any]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        layers.append(BinaryLinear(before, after, **{**quantizers, **(first if i == 0 else {})}))
        layers.append(nn.BatchNorm1d(after))
    # A class in ten stands out by 3.3 at best once normalised: too little for a small loss.
    nn.init.constant_(layers[-1].weight, 3.0)
    return layers


class BinaryMLP(nn.Module):
    """LevelSets -> Flatten -> (BinaryLinear -> BatchNorm1d) for each size: images [N, C, H, W] to scores
    [N, classes].

    With one level, ``image`` (1, 28, 28) and ``hidden`` (1024, 1024, 1024) this is FINN's LFC (2 910 208
    binary weights), with (256, 256, 256) its SFC (334 336). ``quantizers`` are ``input_quantizer`` and
    ``weight_quantizer`` of every layer; the first reads signs already.
    """

    def __init__(
        self,
        levels: LevelSets,
        image: tuple[int, int, int],
        classes: int,
        hidden: Sequence[int] = (1024, 1024),
        **quantizers: Any,
    ) -> None:
        super().__init__()
        features = levels.values.numel() * image[1] * image[2]
        self.levels, self.signs, self.flatten = levels, BitsToSigns(), nn.Flatten()
        self.layers = nn.Sequential(
            *_dense((features, *hidden, classes), quantizers, {"input_quantizer": None})
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.flatten(self.signs(self.levels(x))))


class BinaryCNV(nn.Module):
    """FINN's CNV for images [N, C, H, W] such as CIFAR-10's: scores [N, classes]. Images with a side below 32
    are padded to it with -1, in front of the first layer.

    3x3 convolutions without padding, 64 64 pool 128 128 pool 256 256, then dense 512 512, a BatchNorm behind
    each layer. Behind the first layer, which has 576 weights per level set, there are 1 541 120 binary
    weights with ten classes; ``width`` scales all layers (64 is FINN's).
    """

    def __init__(
        self,
        levels: LevelSets,
        classes: int = 10,
        image: tuple[int, int, int] = (3, 32, 32),
        width: int = 64,
        **quantizers: Any,
    ) -> None:
        super().__init__()
        self.levels, self.signs = levels, BitsToSigns()
        layers: list[nn.Module] = []
        channels = levels.values.numel()
        around = tuple(max(0, 33 - side) // 2 for side in image[1:])
        for factor, pool in ((1, False), (1, True), (2, False), (2, True), (4, False), (4, False)):
            first = {} if layers else {"input_quantizer": None, "padding": around}
            layers.append(BinaryConv2d(channels, factor * width, 3, **{**quantizers, **first}))
            channels = factor * width
            layers += [nn.MaxPool2d(2)] if pool else []
            layers.append(nn.BatchNorm2d(channels))
        self.features, self.flatten = nn.Sequential(*layers), nn.Flatten()
        sides = (side + 2 * p for side, p in zip(image[1:], around, strict=True))
        height, width_ = (((side - 4) // 2 - 4) // 2 - 4 for side in sides)
        sizes = (channels * height * width_, 8 * width, 8 * width, classes)
        self.classifier = nn.Sequential(*_dense(sizes, quantizers, {}))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(self.signs(self.levels(x)))))


class BinaryConvNet(nn.Module):
    """A small chain of bits for images [N, C, H, W]: scores [N, classes].

    LevelSets, then for each of ``widths`` a 3x3 convolution padded with -1, 2x2 max-pooling and BatchNorm,
    then dense layers of the sizes ``hidden`` and ``classes`` with a BatchNorm each. Everything between the
    level sets and the scores is signs and integer thresholds.
    """

    def __init__(
        self,
        levels: LevelSets,
        image: tuple[int, int, int],
        classes: int,
        widths: Sequence[int] = (32, 64, 128),
        hidden: Sequence[int] = (256,),
        **quantizers: Any,
    ) -> None:
        super().__init__()
        self.levels, self.signs, self.flatten = levels, BitsToSigns(), nn.Flatten()
        layers: list[nn.Module] = []
        channels = levels.values.numel()
        for width in widths:
            first = {} if layers else {"input_quantizer": None}
            layers.append(BinaryConv2d(channels, width, 3, padding=1, **{**quantizers, **first}))
            layers += [nn.MaxPool2d(2), nn.BatchNorm2d(width)]
            channels = width
        self.features = nn.Sequential(*layers)
        height, width_ = (side >> len(widths) for side in image[1:])
        sizes = (channels * height * width_, *hidden, classes)
        self.classifier = nn.Sequential(*_dense(sizes, quantizers, {}))
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(self.signs(self.levels(x)))))


class BinaryStages(nn.Module):
    """A deeper chain of bits for images [N, C, H, W]: scores [N, classes].

    LevelSets, a 5x5 convolution with stride 2 and ``first`` channels, then stages of 3x3 convolutions with
    the channels that ``stages`` lists, then dense layers of the sizes ``hidden`` and ``classes``; 2x2
    max-pooling at the end of each stage, a BatchNorm behind every layer. The stride moves most of the
    computation to a quarter of the pixels, where it pays for twice the channels. Convolutions are padded with
    -1.
    """

    def __init__(
        self,
        levels: LevelSets,
        image: tuple[int, int, int],
        classes: int,
        first: int = 64,
        stages: Sequence[Sequence[int]] = ((96,), (128, 192)),
        hidden: Sequence[int] = (),
        **quantizers: Any,
    ) -> None:
        super().__init__()
        self.levels, self.signs, self.flatten = levels, BitsToSigns(), nn.Flatten()
        wide = {**quantizers, "input_quantizer": None}
        layers = [BinaryConv2d(levels.values.numel(), first, 5, 2, 2, **wide), nn.BatchNorm2d(first)]
        channels, sides = first, [(side + 1) // 2 for side in image[1:]]
        for stage in stages:
            for i, width in enumerate(stage, 1):
                layers.append(BinaryConv2d(channels, width, 3, padding=1, **quantizers))
                layers += [nn.MaxPool2d(2)] if i == len(stage) else []
                layers.append(nn.BatchNorm2d(width))
                channels = width
            sides = [side // 2 for side in sides]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            *_dense((channels * sides[0] * sides[1], *hidden, classes), quantizers, {})
        )
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.flatten(self.features(self.signs(self.levels(x)))))


class TernaryMLP(nn.Module):
    """LevelSets -> Flatten -> ternary dense layers without biases or normalisation, for
    :class:`binmorph.nn.CoordinateDescent`: images [N, C, H, W] to integer scores [N, classes]."""

    def __init__(
        self, levels: LevelSets, image: tuple[int, int, int], classes: int, hidden: Sequence[int] = (64,)
    ) -> None:
        super().__init__()
        sizes = (levels.values.numel() * image[1] * image[2], *hidden, classes)
        self.levels, self.signs, self.flatten = levels, BitsToSigns(), nn.Flatten()
        self.layers = nn.Sequential(
            *(
                BinaryLinear(
                    before,
                    after,
                    input_quantizer=None if i == 0 else "ste_sign",
                    weight_quantizer="ternary_sign",
                )
                for i, (before, after) in enumerate(pairwise(sizes))
            )
        )

    def inputs(self, x: Tensor) -> Tensor:
        """The signs [N, K] that the first layer reads."""
        return self.flatten(self.signs(self.levels(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.inputs(x))
