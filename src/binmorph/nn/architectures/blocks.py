"""What the residual and dense networks are made of: stems, shortcuts, heads.

Every function returns modules; images [N, C, H, W].
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

BN_EPS = 2e-5  # of the input normalisation of Bethge et al.
LARGE = 64  # pixels of the shorter side from which on the stem reduces the image four times


def fixed_scale_norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation whose scale stays 1, in front of a stem: it standardises the pixels."""
    norm = nn.BatchNorm2d(channels, eps=BN_EPS)
    norm.weight.requires_grad_(False)
    return norm


def float_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A float convolution that keeps the size (or divides it by its stride), without bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def stem(image: tuple[int, int, int], width: int, normed: bool) -> nn.Sequential:
    """[N, C, H, W] to ``width`` channels: for large images 7x7/2 and 3x3/2 pooling, a quarter of the size;
    for small ones 3x3 at full size. ``normed``: with batch normalisations around it."""
    channels = image[0]
    first = [fixed_scale_norm(channels)] if normed else []
    if min(image[1:]) >= LARGE:
        layers: list[nn.Module] = [
            *first,
            float_conv(channels, width, 7, 2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
    else:
        layers = [*first, float_conv(channels, width, 3)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(width)] if normed else []))


def pooled_shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Average pooling, float 1x1 convolution, batch normalisation; nothing where the shape stays."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    pool: list[nn.Module] = [nn.AvgPool2d(stride)] if stride > 1 else []
    return nn.Sequential(*pool, float_conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))


class GlobalAvgPool(nn.Module):
    """The mean over the image: [N, C, H, W] -> [N, C], summed row by row, then divided."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, (int(x.shape[2]), int(x.shape[3]))).flatten(1)
