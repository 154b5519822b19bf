"""What a recipe is: a network, data, and how the one learns the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .data import Data

Network = Callable[[Data], nn.Module]


@dataclass(frozen=True)
class Recipe:
    """Everything that training needs beside the data and a seed.

    Attributes:
        summary: one line, with the source.
        data: the data sets that it takes, by name; the first is its own.
        network: makes the network for some data.
        epochs, batch, rate: epochs, images per step over all devices together, highest learning rate.
        schedule: of the rate over training progress t in [0, 1]: "cosine" to 0, "linear" to 0, "late" linear
            to 0 over the last four tenths, or "steps" by ``drop`` at each progress in ``milestones``; behind
            ``warmup``, a fraction of the training.
        weight_decay: of float parameters (binary weights have none).
        label_smoothing, mixup: of the cross-entropy; mixup's alpha, 0 for none.
        shift, flip: images shifted by up to so many pixels (zeros come in); mirrored by chance.
        clip_latent: limit of latent binary weights, clamped behind every step; None for none.
        clip_gradients: factor of adaptive gradient clipping, None for none; the last layer is left out.
        density, gamma: target and strength of the density penalty of {alpha, beta} weights; gamma 0 for none.
        settle: take the batch statistics anew from the training set after hardening.
        distillation, temperature: weight of the teacher's part of the loss, if there is a teacher, and what
            both sides' scores are divided by in it (Hinton et al. 2015, arXiv 1503.02531).
        descent: train by coordinate descent over ternary weights instead; then the rest does not apply.
        before: name of the recipe whose network this one can begin with, besides its own.
        bytes: the network reads the uint8 images as they are; else their values as float32.
    """

    summary: str
    data: tuple[str, ...]
    network: Network
    epochs: int
    batch: int = 128
    rate: float = 1e-3
    schedule: str = "cosine"
    milestones: tuple[float, ...] = ()
    drop: float = 0.1
    warmup: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    shift: int = 0
    flip: bool = False
    clip_latent: float | None = None
    clip_gradients: float | None = None
    density: float = 0.5
    gamma: float = 0.0
    settle: bool = False
    distillation: float = 0.5
    temperature: float = 2.0
    descent: bool = False
    before: str | None = None
    bytes: bool = False

    def rate_at(self, t: float) -> float:
        """Learning rate at training progress ``t``."""
        if t < self.warmup:
            return self.rate * (t / self.warmup + 1e-3)
        t = (t - self.warmup) / (1 - self.warmup) if self.warmup else t
        if self.schedule == "cosine":
            return self.rate * 0.5 * (1 + math.cos(math.pi * t))
        if self.schedule == "late":
            return self.rate * min(1.0, (1 - t) / 0.4)
        if self.schedule == "linear":
            return self.rate * (1 - t)
        return self.rate * self.drop ** sum(t >= m for m in self.milestones)

    def inputs(self, images: Tensor) -> Tensor:
        """What the network reads, for uint8 ``images``."""
        return images if self.bytes else images.to(torch.float32)
