"""Binary images to learn on: random disks and rectangles, noisy sticks, MNIST and its complement.

The generators are after those of Aouad & Talbot ("diskorect", arXiv 2204.08768; "noisti", arXiv 2401.03830).
All return float32 tensors [N, 1, H, W] of 0 and 1, the same for the same generator state.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..training.data import load_mnist

Masks = npt.NDArray[np.bool_]


def _shapes(rng: np.random.Generator, images: int, count: int, side: int, largest: int) -> Masks:
    """Unions of ``count`` rotated ellipses and rectangles, bool [images, side, side]; half axes up to
    ``largest`` / 2."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    union = np.zeros((images, side, side), np.bool_)
    for _ in range(count):
        cy, cx = rng.uniform(0, side, (2, images, 1, 1)).astype(np.float32)
        a, b = rng.uniform(1, largest / 2, (2, images, 1, 1)).astype(np.float32)
        angle = rng.uniform(0, math.pi, (images, 1, 1)).astype(np.float32)
        u = np.abs(np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)) / a
        v = np.abs(np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)) / b
        round_ = rng.random((images, 1, 1)) < 0.5
        union |= np.where(round_, u * u + v * v, np.maximum(u, v)) <= 1
    return union


def disks_and_rectangles(rng: np.random.Generator, images: int, border: int, side: int = 50) -> Tensor:
    """20 shapes up to 20 pixels, less 10 holes up to 10, 2 % noise, half of the images complemented, and
    ``border`` pixels of zeros around."""
    result = _shapes(rng, images, 20, side, 20) & ~_shapes(rng, images, 10, side, 10)
    result ^= rng.random(result.shape) < 0.02
    result ^= rng.random((images, 1, 1)) < 0.5
    result[:, :border] = result[:, -border:] = False
    result[:, :, :border] = result[:, :, -border:] = False
    return torch.from_numpy(result[:, None].astype(np.float32))


def sticks(rng: np.random.Generator, images: int, side: int = 70, count: int = 30) -> Tensor:
    """``count`` sticks one pixel thin and 12 to 15 long, at 0, 45 or 90 degrees."""
    result = np.zeros((images, side, side), np.float32)
    for image in result:
        for _ in range(count):
            length = int(rng.integers(12, 16))
            dy, dx = ((0, 1), (-1, 1), (-1, 0))[int(rng.integers(3))]
            y0 = int(rng.integers(-dy * (length - 1), side))
            x0 = int(rng.integers(0, side - dx * (length - 1)))
            t = np.arange(length)
            image[y0 + dy * t, x0 + dx * t] = 1
    return torch.from_numpy(result[:, None])


def add_pixels(rng: np.random.Generator, images: Tensor, fraction: float) -> Tensor:
    """``images`` with a ``fraction`` of all pixels set, whatever they were (Bernoulli noise)."""
    return torch.maximum(
        images, torch.from_numpy((rng.random(tuple(images.shape)) < fraction).astype(np.float32))
    )


def digits(folder: Path, count: int, inverted: bool, side: int = 50) -> Tensor:
    """The first ``count`` training images of MNIST, enlarged bilinearly and cut at 30 of 255."""
    images = load_mnist(folder).x_train[:count].float()
    bits = F.interpolate(images, (side, side), mode="bilinear", align_corners=False) >= 30
    return (bits ^ inverted).float()
