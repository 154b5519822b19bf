"""Learning morphological operators from images: the tables of ICIP 2022 and DGMM 2022, re-run.

The network has the structure of the operator it learns (Aouad & Talbot, arXiv 2203.12337 and 2204.08768): one
BiSEL for dilations and erosions, two for openings and closings, two with two channels between for top hats.
It trains on crops of the images of :mod:`binmorph.experiments.images`; then it is binarized to the nearest
erosions and dilations, and these are refined on the training images (:mod:`binmorph.nn.refinement`).

DICE is 2 |A and B| / (|A| + |B|) over all pixels of the test images, their border of half a window per layer
left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .. import nn
from ..nn.fitting import quiet_torch
from ..nn.refinement import refine

TESTED = 256  # images
SIDE = 16  # of the crops to train on, without the border
NEURONS: dict[str, Any] = {
    "weight": "normalized",
    "bias": "positive",
    "support": "activable",
    "lui": {"init": "uniform"},
}
"""Positive weights of constant sum: erosions and dilations are equally far from where a threshold starts."""
OPERATORS = ("dilation", "erosion", "opening", "closing", "black tophat", "white tophat")


def target(operator: str, x: Tensor, cells: Tensor) -> Tensor:
    """``operator`` by ``cells`` [k, k] on bits ``x`` [N, 1, H, W]; windows reach over zeros at the border."""
    flipped = cells.flip(0, 1)

    def dilate(bits: Tensor, by: Tensor) -> Tensor:
        return (F.conv2d(bits, by[None, None], padding="same") > 0.5).float()

    def erode(bits: Tensor, by: Tensor) -> Tensor:
        return 1 - dilate(1 - bits, by)

    if operator == "dilation":
        return dilate(x, cells)
    if operator == "erosion":
        return erode(x, cells)
    if operator in ("opening", "white tophat"):
        opened = dilate(erode(x, cells), flipped)
        return opened if operator == "opening" else x * (1 - opened)
    closed = erode(dilate(x, cells), flipped)
    return closed if operator == "closing" else closed * (1 - x)


def network(operator: str, kernel: int) -> torch.nn.Sequential:
    """BiSELs with the channels of ``operator``; the output lacks the border."""
    channels = {"dilation": [1, 1], "erosion": [1, 1], "opening": [1, 1, 1], "closing": [1, 1, 1]}
    sizes = channels.get(operator, [1, 2, 1])
    return torch.nn.Sequential(*(nn.BiSEL(a, b, kernel, "valid", **NEURONS) for a, b in pairwise(sizes)))


def dice(predicted: Tensor, wanted: Tensor) -> float:
    """2 |A and B| / (|A| + |B|) of two sets of pixels; 1 if both are empty."""
    a, b = predicted > 0.5, wanted > 0.5
    total = int(a.sum()) + int(b.sum())
    return 1.0 if total == 0 else 2 * int((a & b).sum()) / total


def crop(x: Tensor, border: int) -> Tensor:
    """``x`` [N, C, H, W] without ``border`` pixels on each side."""
    return x[:, :, border:-border, border:-border]


@dataclass(frozen=True)
class Learned:
    """DICE of the smooth network, of the hard one, and of that refined, on the test images; ``statuses``
    counts the neurons before the refinement, ``seconds`` is processor time."""

    smooth: float
    hard: float
    refined: float
    statuses: dict[str, int]
    seconds: float


def fit(
    net: torch.nn.Module, x: Tensor, y: Tensor, *, steps: int, batch: int = 32, learning_rate: float = 0.3
) -> None:
    """Train ``net``, whose output lacks a border, on random crops of ``x`` and ``y`` [N, 1, H, W].

    The loss is 1 - DICE of the smooth output plus the cross-entropy, which also pulls where nothing
    overlaps yet.
    """
    with torch.no_grad():
        border = (x.shape[-1] - net(x[:1]).shape[-1]) // 2
    side = min(SIDE + 2 * border, x.shape[-1])
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        chosen = torch.randint(0, len(x), (batch,))
        top, left = (int(at) for at in torch.randint(0, x.shape[-1] - side + 1, (2,)))
        window = np.s_[:, :, top : top + side, left : left + side]
        got, wanted = net(x[chosen][window]), crop(y[chosen][window], border)
        overlap = (2 * (got * wanted).sum() + 1) / (got.sum() + wanted.sum() + 1)
        loss = 1 - overlap + F.binary_cross_entropy(got.clamp(1e-6, 1 - 1e-6), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()


def learn(
    operator: str, cells: Tensor, x: Tensor, *, seed: int, steps: int, tested: int = TESTED
) -> tuple[Learned, torch.nn.Sequential]:
    """Learn ``operator`` by ``cells`` from all but the last ``tested`` of the images ``x``; those test it.

    Returns the figures and the refined hard network.
    """
    y, start = target(operator, x, cells), time.process_time()
    with quiet_torch(seed), torch.no_grad():
        net = network(operator, len(cells))
        border = len(net) * (len(cells) // 2)
        with torch.enable_grad():
            fit(net, x[:-tested], y[:-tested], steps=steps)
        smooth = dice(net(x[-tested:]), crop(y[-tested:], border))
        statuses = nn.harden(net, "morphological", "activable").statuses
        hard = dice(net(x[-tested:]), crop(y[-tested:], border))
        refine(net, x[:-tested], y[:-tested], seed=seed)
        refined = dice(net(x[-tested:]), crop(y[-tested:], border))
    return Learned(smooth, hard, refined, statuses, time.process_time() - start), net
