"""Denoising thin sticks among 10 % of random pixels ("noisti", Aouad & Talbot 2023, arXiv 2401.03830).

The network is [1, 3, 1]: three elements of 5 x 5 and their union, two BiSELs. The reference is the operator
that one would write down: the union of the openings by the sticks of five pixels at 0, 45 and 90 degrees.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import nn
from ..nn.fitting import quiet_torch
from ..nn.refinement import refine
from . import images
from .operators import NEURONS, crop, dice, fit, target
from .report import Report
from .table import operators_of, picture

WIDTH, IMAGES, TESTED, BORDER = 5, 640, 128, 4


def oracle(noisy: Tensor) -> Tensor:
    """The union of the openings by the three sticks."""
    line = torch.zeros(WIDTH, WIDTH)
    line[WIDTH // 2] = 1
    sticks = (line, line.T.contiguous(), torch.eye(WIDTH).flip(1))
    return torch.stack([target("opening", noisy, stick) for stick in sticks]).amax(0)


def run(folder: Path, *, seed: int = 0, steps: int = 400, progress: bool = True, batch: int = 16) -> Report:
    """Train, harden, and compare with the noisy input and the oracle."""
    rng = np.random.default_rng(seed)
    clean = images.sticks(rng, IMAGES)
    noisy = images.add_pixels(rng, clean, 0.1)
    wanted, start = crop(clean[-TESTED:], BORDER), time.process_time()
    with quiet_torch(seed), torch.no_grad():
        first, last = nn.BiSEL(1, 3, WIDTH, "valid", **NEURONS), nn.BiSEL(3, 1, WIDTH, "valid", **NEURONS)
        net = torch.nn.Sequential(first, last)
        with torch.enable_grad():
            fit(net, noisy[:-TESTED], clean[:-TESTED], steps=steps, batch=batch)
        rows = {
            "noisy input": dice(crop(noisy[-TESTED:], BORDER), wanted),
            "union of openings, written by hand": dice(crop(oracle(noisy[-TESTED:]), BORDER), wanted),
            "learned, smooth": dice(net(noisy[-TESTED:]), wanted),
        }
        report = nn.harden(net, "morphological", "activable")
        rows["learned, binarized"] = dice(net(noisy[-TESTED:]), wanted)
        refine(net, noisy[:-TESTED], clean[:-TESTED], restarts=3, rounds=2, seed=seed)
        rows["learned, refined"] = dice(net(noisy[-TESTED:]), wanted)
    counts = ", ".join(f"{count} {status.lower()}" for status, count in report.statuses.items())
    path = picture([("noisy sticks", [operators_of(layer) for layer in net])], folder / "noisy-sticks.png")
    return Report(
        f"noisy sticks, seed {seed}, {steps} steps in {time.process_time() - start:.0f} s of one core",
        ("image", "DICE"),
        [(name, f"{value:.4f}") for name, value in rows.items()],
        notes=[
            f"neurons before the refinement: {counts}",
            "published figure: none found (arXiv 2401.03830 shows the elements)",
        ],
        data={"seed": seed, "steps": steps, "dice": rows, "statuses": report.statuses},
        files=[path],
    )
