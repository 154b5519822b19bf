"""Recipes without gradients: coordinate descent over ternary weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from ..errors import DataError
from ..nn.binary_networks import TernaryMLP
from ..nn.conntra import CoordinateDescent
from .data import Data
from .loop import Run, Settings, accuracy
from .recipe import Recipe
from .workers import Workers


def fit_by_descent(
    recipe: Recipe,
    data: Data,
    settings: Settings,
    workers: Workers,
    report: Callable[[dict[str, Any]], None] = lambda line: None,
    bar: Callable[[range], Any] = iter,
    history: list[dict[str, Any]] | None = None,
) -> Run:
    """As :func:`binmorph.training.loop.fit`; an epoch is a sweep over all weights, and training ends with one
    in which none changes. One process; DataError if asked to resume."""
    if settings.resume or workers.count > 1:
        raise DataError("coordinate descent runs in one process and is not resumed: it takes minutes")
    network = recipe.network(data)
    assert isinstance(network, TernaryMLP)
    with torch.no_grad():
        signs = network.inputs(recipe.inputs(data.x_train))
    descent = CoordinateDescent(list(network.layers), signs, data.y_train, settings.seed)
    run = Run(network, [] if history is None else history)
    for epoch in range(settings.epochs or recipe.epochs):
        start = time.perf_counter()
        changed = descent.sweep(bar)
        line = {
            "epoch": epoch + 1,
            "loss": descent.loss,
            "changed": changed,
            "test_accuracy": accuracy(network, recipe, data.x_test, data.y_test),
            "seconds": round(time.perf_counter() - start, 2),
        }
        run.history.append(line)
        report(line)
        if not changed:
            break
    return run
