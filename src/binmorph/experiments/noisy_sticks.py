"""Denoising thin sticks in 10 % of flipped pixels ("noisti", Aouad & Talbot 2023, arXiv 2401.03830).

The network is [1, 3, 1]: three elements of 5 x 5 and their union, two BiSELs. The reference is the operator
that one would write down: the union of the openings by the sticks of five pixels at 0, 45 and 90 degrees.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import nn
from ..nn.fitting import quiet_torch
from ..nn.refinement import refine
from . import images
from .operators import NEURONS, REFINED, crop, dice, target
from .report import Report, curve_figure

WIDTH, IMAGES, TESTED, BORDER = 5, 640, 128, 4


def oracle(noisy: Tensor) -> Tensor:
    """The union of the openings by the three sticks."""
    line = torch.zeros(WIDTH, WIDTH)
    line[WIDTH // 2] = 1
    sticks = (line, line.T.contiguous(), torch.eye(WIDTH).flip(1))
    return torch.stack([target("opening", noisy, stick) for stick in sticks]).amax(0)


def run(folder: Path, *, seed: int = 0, steps: int = 1500, progress: bool = True, batch: int = 16) -> Report:
    """Train, harden, and compare with the noisy input and the oracle."""
    from tqdm import tqdm

    rng = np.random.default_rng(seed)
    clean = images.sticks(rng, IMAGES)
    noisy = images.flip_pixels(rng, clean, 0.1)
    start = time.perf_counter()
    schedule = nn.Annealing(0.5, 0.7, 8.0, 0.7)
    curve: list[float] = []
    with quiet_torch(seed):
        net = torch.nn.Sequential(nn.BiSEL(1, 3, WIDTH, **NEURONS), nn.BiSEL(3, 1, WIDTH, **NEURONS))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps, pct_start=0.1)

        def score(module: torch.nn.Module) -> float:
            with torch.no_grad():
                return dice(crop(module(noisy[-TESTED:]), BORDER), crop(clean[-TESTED:], BORDER))

        for step in tqdm(range(steps), desc="training", unit="step", disable=not progress):
            if step % max(1, steps // 40) == 0:
                curve.append(score(net))
            schedule.apply(net, step / steps)
            chosen = torch.randint(0, IMAGES - TESTED, (batch,))
            got, wanted = crop(net(noisy[chosen]), BORDER), crop(clean[chosen], BORDER)
            loss = 1 - (2 * (got * wanted).sum() + 1) / (got.sum() + wanted.sum() + 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
        schedule.apply(net, 1.0)
        hard = copy.deepcopy(net)
        report = nn.harden(hard)
        rows = {
            "noisy input": dice(crop(noisy[-TESTED:], BORDER), crop(clean[-TESTED:], BORDER)),
            "union of openings, written by hand": dice(
                crop(oracle(noisy[-TESTED:]), BORDER), crop(clean[-TESTED:], BORDER)
            ),
            "learned, smooth": score(net),
            "learned, binarized": score(hard),
        }
        few, kept = noisy[:REFINED], crop(clean[:REFINED], BORDER)
        moves = refine(hard, lambda module: dice(crop(module(few), BORDER), kept))
        rows[f"learned, binarized, {moves} taps flipped"] = score(hard)
    counts = ", ".join(f"{count} {status.lower()}" for status, count in report.statuses.items())
    return Report(
        f"noisy sticks, seed {seed}, {steps} steps in {time.perf_counter() - start:.0f} s on one thread",
        ("image", "DICE"),
        [(name, f"{value:.4f}") for name, value in rows.items()],
        notes=[f"neurons: {counts}", "published figure: none found (arXiv 2401.03830 shows the elements)"],
        data={"seed": seed, "steps": steps, "dice": rows, "statuses": report.statuses},
        files=[curve_figure({"smooth network": curve}, "of 40", "DICE", folder / "noisy-sticks.png")],
    )
