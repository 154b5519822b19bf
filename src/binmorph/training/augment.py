"""Changes of training images; every random number comes from the generator that is given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def shift_and_flip(images: Tensor, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Shift each of ``images`` [N, C, H, W] by up to ``shift`` pixels per direction, zeros coming in, and
    mirror half of them left to right."""
    if not shift and not flip:
        return images
    n, _, height, width = images.shape
    top, left = torch.randint(0, 2 * shift + 1, (2, n), generator=generator)
    rows = (top[:, None] + torch.arange(height))[:, :, None]
    columns = (left[:, None] + torch.arange(width))[:, None, :]
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None, None], columns.flip(2), columns)
    padded = F.pad(images, (shift,) * 4)
    return padded[torch.arange(n)[:, None, None], :, rows, columns].movedim(-1, 1)


def mixup(images: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """(a x + (1 - a) x[order], order, a), a ~ Beta(alpha, alpha) (Zhang et al. 2018, arXiv 1710.09412)."""
    # Two Gamma draws make a Beta draw; torch's samplers of both take no generator, uniform numbers do.
    a = _beta(alpha, generator)
    order = torch.randperm(len(images), generator=generator)
    return a * images + (1 - a) * images[order], order, a


def _beta(alpha: float, generator: torch.Generator) -> float:
    """Johnk's method: u^(1/alpha) / (u^(1/alpha) + v^(1/alpha)), accepted where the sum is at most 1."""
    while True:
        u, v = (torch.rand(2, generator=generator, dtype=torch.float64) ** (1 / alpha)).tolist()
        if 0 < u + v <= 1:
            return float(u / (u + v))
