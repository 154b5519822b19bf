"""What recipes are written with: networks for some data, and the options that several share."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from ...nn import architectures
from ...nn.level_sets import LevelSets
from ..data import Data
from ..recipe import Recipe

BYTES: dict[str, Any] = {"rate": 3e-3, "warmup": 0.1, "clip_latent": 1.0, "bytes": True}
NORM_FREE: dict[str, Any] = {"rate": 5e-4, "schedule": "linear", "clip_gradients": 0.02}


def levels(data: Data, count: int) -> LevelSets:
    """``count`` equally spaced levels between 0 and the largest value of a pixel."""
    top = float(data.x_train.max())
    row = torch.arange(1, count + 1) * top / (count + 1)
    return LevelSets(row.repeat(data.image[0], 1))


def named(data: Data, name: str, **options: Any) -> nn.Module:
    """The network ``name`` of the registry."""
    return architectures.build(name, data.image, data.classes, **options)


def on_levels(data: Data, make: Any, count: int, **options: Any) -> nn.Module:
    """The network that ``make`` builds behind ``count`` levels."""
    network: nn.Module = make(levels(data, count), data.image, data.classes, **options)
    return network


def recipe(summary: str, data: str, network: Any, epochs: int, **options: Any) -> Recipe:
    """A recipe for the one data set ``data``."""
    return Recipe(summary, (data,), network, epochs, **options)


def two_steps(
    name: str, data: str, summary: str, network: Any, epochs: int, **options: Any
) -> dict[str, Recipe]:
    """NAME_DATA and NAME_float_weights_DATA, the step in front of it: binary activations, float weights that
    decay a little."""
    first = partial(network, float_weights=True)
    before = f"{name}_float_weights_{data}"
    decay = {**options, "weight_decay": 1e-5, "clip_latent": None}
    return {
        before: recipe(f"{summary}: the first of two steps, float weights", data, first, epochs, **decay),
        f"{name}_{data}": recipe(summary, data, network, epochs, before=before, **options),
    }
