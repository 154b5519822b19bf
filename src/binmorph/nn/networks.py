"""Ready-made networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .layers import BiSEL, DenseLUI
from .level_sets import LevelSets


class MorphologicalClassifier(nn.Module):
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
        self.pool = nn.MaxPool2d(pool) if pool > 1 else nn.Identity()
        self.flatten = nn.Flatten()
        with torch.no_grad():
            inputs = self._maps(torch.zeros((1, *image))).shape[1]
        self.dense = DenseLUI(inputs, hidden, **(dense or {}))
        self.classifier = nn.Linear(hidden, classes)

    def _maps(self, x: Tensor) -> Tensor:
        return self.flatten(self.pool(self.bisel(self.levels(x))))

    def features(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, hidden], what the float last layer reads; {0, 1} in the hard modes."""
        return self.dense(self._maps(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
