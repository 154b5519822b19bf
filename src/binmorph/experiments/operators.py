"""Learning morphological operators from images: the tables of ICIP 2022 and DGMM 2022, re-run.

The network has the structure of the operator it learns (Aouad & Talbot, arXiv 2203.12337 and 2204.08768): one
BiSEL for dilations and erosions, two for openings and closings, two with two channels between for top hats.
It trains on the random images of :mod:`binmorph.experiments.images`, snapping to its own binarization on the
way (:class:`binmorph.nn.Annealing`).

DICE is 2 |A and B| / (|A| + |B|) over all pixels of the test images, their border of half a window per layer
left out.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import nn
from ..nn.fitting import quiet_torch
from ..nn.refinement import refine

REFINED = 96  # training images on which taps are flipped
NEURONS: dict[str, Any] = {
    "weight": "softplus",
    "bias": "projected",
    "support": "activable",
    "lui": {"init": "uniform"},
}
"""Positive weights, thresholds kept where an erosion or a dilation is possible, snapping to either."""
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
    """BiSELs with the channels of ``operator``."""
    channels = {"dilation": [1, 1], "erosion": [1, 1], "opening": [1, 1, 1], "closing": [1, 1, 1]}
    sizes = channels.get(operator, [1, 2, 1])
    return torch.nn.Sequential(*(nn.BiSEL(a, b, kernel, **NEURONS) for a, b in pairwise(sizes)))


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
    """DICE of the smooth network before it snaps and at the end, of the hard one, and of that refined by
    ``moves`` flips of single taps."""

    before: float
    smooth: float
    hard: float
    refined: float
    moves: int
    statuses: dict[str, int]
    seconds: float


def learn(
    operator: str,
    cells: Tensor,
    x: Tensor,
    *,
    seed: int,
    steps: int,
    batch: int = 32,
    learning_rate: float = 0.1,
    tested: int = 256,
) -> tuple[Learned, torch.nn.Sequential]:
    """Learn ``operator`` by ``cells`` from all but the last ``tested`` of the images ``x``; those test it.

    The loss is 1 - DICE of the smooth output, over a batch. Returns the figures and the hard network.
    """
    y, schedule = target(operator, x, cells), nn.Annealing(0.5, 0.7, 8.0, 0.7)
    start = time.perf_counter()
    with quiet_torch(seed):
        net = network(operator, len(cells))
        border = len(net) * (len(cells) // 2)
        optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.1)

        def score(module: torch.nn.Module) -> float:
            with torch.no_grad():
                return dice(crop(module(x[-tested:]), border), crop(y[-tested:], border))

        before = 0.0
        for step in range(steps):
            if step == int(schedule.snap_from * steps):
                before = score(net)
            schedule.apply(net, step / steps)
            chosen = torch.randint(0, len(x) - tested, (batch,))
            got, wanted = crop(net(x[chosen]), border), crop(y[chosen], border)
            loss = 1 - (2 * (got * wanted).sum() + 1) / (got.sum() + wanted.sum() + 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
        schedule.apply(net, 1.0)
        hard = copy.deepcopy(net)
        statuses = nn.harden(hard).statuses
        binarized = score(hard)
        few, wanted = x[:REFINED], crop(y[:REFINED], border)
        moves = refine(hard, lambda module: dice(crop(module(few), border), wanted))
        seconds = time.perf_counter() - start
        return Learned(before, score(net), binarized, score(hard), moves, statuses, seconds), hard
