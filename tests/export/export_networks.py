"""Random hard networks: layers whose masks and thresholds are drawn, not trained."""

from __future__ import annotations

import numpy as np
import torch
from oracle import random_neurons
from torch import nn

import binmorph.nn as bnn


def classifier(images: torch.Tensor, seed: int = 0) -> nn.Module:
    """A filled :class:`binmorph.nn.MorphologicalClassifier` for ``images``."""
    torch.manual_seed(seed)
    levels = bnn.LevelSets.from_quantiles(images, 3)
    network = bnn.MorphologicalClassifier(levels, tuple(images.shape[1:]), 10, hidden=70)
    return fill(network, np.random.default_rng(seed))


def fill(module: nn.Module, rng: np.random.Generator) -> nn.Module:
    """Random hard neurons in every morphological layer, hard mode, eval."""
    for _, layer in bnn.morphological_layers(module):
        for _, bank in layer.banks():
            bank.store(random_neurons(rng, bank.shape, bank.n))
        layer.mark_binarized()
    return module.eval()


def random_network(rng: np.random.Generator) -> tuple[nn.Module, torch.Tensor]:
    """A hard network of one to three image layers and often a dense head, and an example input."""
    channels, height, width = int(rng.integers(1, 4)), int(rng.integers(6, 14)), int(rng.integers(6, 14))
    layers: list[nn.Module] = []
    if rng.random() < 0.5:
        x = torch.from_numpy(rng.normal(size=(3, channels, height, width)).astype(np.float32))
        levels = int(rng.integers(1, 4))
        layers.append(bnn.LevelSets(torch.from_numpy(rng.normal(size=(channels, levels)).astype(np.float32))))
        channels *= levels
    else:
        x = torch.from_numpy(rng.integers(0, 2, (3, channels, height, width)).astype(np.uint8))
    for _ in range(int(rng.integers(1, 4))):
        out = int(rng.integers(1, 5))
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        border = str(rng.choice(["replicate", "zeros", "ones"]))
        kind = rng.integers(0, 4)
        if kind == 0:
            layers.append(bnn.BiSE(channels, out, kernel, border))
            out *= channels  # every output reads one channel, so this grows fast
        elif kind == 1:
            layers.append(bnn.LUI(channels, out))
        else:
            layers.append(bnn.BiSEL(channels, out, kernel, border))
        channels = out
        if rng.random() < 0.3:
            layers.append(nn.MaxPool2d(2, stride=1))
            height, width = height - 1, width - 1
    if rng.random() < 0.7:
        layers += [nn.Flatten(), nn.Dropout(0.5), bnn.DenseLUI(channels * height * width, 9), nn.Linear(9, 4)]
    return fill(nn.Sequential(*layers), rng), x
