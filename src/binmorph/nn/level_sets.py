"""Gray images to binary ones: level sets, the input coding of the BiMoNN papers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import DTypeError, ShapeError
from . import ops  # noqa: F401  (registers torch.ops.binmorph)


class LevelSets(nn.Module):
    """Output channel c * n + i is [x_c >= values[c, i]]: [N, C, H, W] float32 or uint8 -> float32 {0, 1}
    [N, C * n, H, W].

    Source: Aouad & Talbot, DGMM 2022 (arXiv 2204.08768). Their values are quantiles of one random training
    image; :meth:`from_quantiles` takes them from all given images, per channel, so that they do not depend on
    a draw. Not trained: the same thresholding in every mode."""

    values: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        values = torch.as_tensor(values)
        if values.ndim != 2 or values.numel() == 0:
            raise ShapeError(f"LevelSets: values must be a non-empty [C, n] array, got {tuple(values.shape)}")
        if not bool(torch.isfinite(values).all()):
            raise ValueError("LevelSets: values must be finite")
        self.register_buffer("values", values.to(torch.float32).clone())

    @classmethod
    def from_quantiles(cls, images: Tensor, n: int) -> LevelSets:
        """``n`` values per channel from ``images`` [N, C, H, W], float32 or uint8: the equally spaced
        quantiles of the distinct pixel values of the channel, its smallest value left out (it would give a
        constant map).

        Distinct values, so that a large flat background does not take up the quantiles. Fewer than ``n``
        distinct values repeat levels. Deterministic. Raises ShapeError, DTypeError."""
        if images.ndim != 4 or images.shape[0] * images.shape[2] * images.shape[3] == 0 or n < 1:
            raise ShapeError(
                f"LevelSets: needs images [N, C, H, W] and n >= 1, got {tuple(images.shape)} and {n}"
            )
        if images.dtype not in (torch.float32, torch.uint8):
            raise DTypeError(f"LevelSets: images must be float32 or uint8, got {images.dtype}")
        rows = []
        for channel in images.transpose(0, 1):
            distinct = channel.unique().to(torch.float32)
            candidates = distinct[1:] if len(distinct) > 1 else distinct
            ranks = (torch.arange(1, n + 1) * len(candidates) / (n + 1)).long()
            rows.append(candidates[ranks.clamp_max(len(candidates) - 1)])
        return cls(torch.stack(rows))

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.binmorph.level_sets(x, self.values)

    def extra_repr(self) -> str:
        return f"channels={self.values.shape[0]}, levels={self.values.shape[1]}"
