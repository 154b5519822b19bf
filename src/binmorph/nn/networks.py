"""Ready-made networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .layers import BiSEL, DenseLUI
from .level_sets import LevelSets


class MorphologicalClassifier(nn.Sequential):
    """LevelSets -> BiSEL -> MaxPool2d(2) -> Flatten -> DenseLUI -> Linear: float or uint8 images [N, C, H, W]
    to scores [N, classes].

    After "BimonnBiselDense" of LBQNN (Aouad & Talbot 2023, arXiv 2401.03830); its last layer stays float, as
    there. ``image`` is (C, H, W) of one input; ``pool`` = 1 leaves the pooling out; ``bisel`` and ``dense``
    are keyword arguments for the neurons of the two layers (see :class:`binmorph.nn.ThresholdNeurons`)."""

    def __init__(
        self,
        levels: LevelSets,
        image: tuple[int, int, int],
        classes: int,
        *,
        channels: int = 16,
        hidden: int = 256,
        kernel_size: int | tuple[int, int] = 3,
        border: str = "replicate",
        pool: int = 2,
        bisel: dict[str, Any] | None = None,
        dense: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.bisel = BiSEL(levels.values.numel(), channels, kernel_size, border, **(bisel or {}))
        if pool > 1:
            self.pool = nn.MaxPool2d(pool)
        self.flatten = nn.Flatten()
        self.dense = DenseLUI(self._features(image), hidden, **(dense or {}))
        self.classifier = nn.Linear(hidden, classes)

    def _features(self, image: tuple[int, int, int]) -> int:
        """Inputs of the dense layer, found by running the layers in front of it once."""
        with torch.no_grad():
            x: Tensor = torch.zeros((1, *image))
            for layer in self:
                x = layer(x)
        return x.shape[1]
