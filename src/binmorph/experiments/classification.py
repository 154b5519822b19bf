"""MNIST and Fashion-MNIST by a morphological classifier that ends exact, beside the papers' binarization.

The network is LevelSets -> BiSEL -> MaxPool2d(2) -> DenseLUI -> float Linear (after "BimonnBiselDense" of
Aouad & Talbot 2023, arXiv 2401.03830), or without the BiSEL and the pooling (their "BimonnDenseNotBinary"),
without batch normalisation. While it trains, its step sharpens and
its weights are drawn to the nearest signed popcount (:class:`binmorph.nn.Annealing`); from then on it is the
network that is packed, and the rest of the training repairs what the projection cost.

The same trained network is also binarized as in that paper, with dilations and erosions only, by projection
onto constant sets or (the windows) onto activable parameters.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import nn, runtime
from ..export import export, verify
from ..nn.fitting import accuracy, fit_classifier, quiet_torch, random_shift
from ..training.data import load_mnist
from .report import Report, curve_figure


@dataclass(frozen=True)
class Recipe:
    """Sizes and training of one classifier; ``channels`` 0 leaves the BiSEL out, ``shift`` is the fraction of
    images shifted by up to a pixel."""

    levels: int
    channels: int
    hidden: int
    epochs: int
    learning_rate: float = 2e-3
    batch_size: int = 128
    shift: float = 0.3
    kernel: int = 3
    label_smoothing: float = 0.05


RECIPES = {
    "mnist": Recipe(levels=1, channels=12, hidden=768, epochs=20, kernel=5),
    "fashion-mnist": Recipe(levels=4, channels=0, hidden=768, epochs=12, batch_size=256, shift=0.1),
}


def network(images: Tensor, recipe: Recipe) -> torch.nn.Module:
    """The classifier for uint8 ``images`` [N, 1, H, W]; weights of any sign, thresholds spread at the
    start."""
    free: dict[str, Any] = {"weight": "identity", "bias": "raw", "scale_init": 1.0}
    # Sorting thousands of weights per neuron at every step would take longer than the step.
    dense = {**free, "init": "signed", "support": "normal"}
    levels = nn.LevelSets.from_quantiles(images, recipe.levels)
    if recipe.channels == 0:
        inputs = recipe.levels * images[0].numel()
        return torch.nn.Sequential(
            levels,
            torch.nn.Flatten(),
            nn.DenseLUI(inputs, recipe.hidden, **dense),
            torch.nn.Linear(recipe.hidden, 10),
        )
    return nn.MorphologicalClassifier(
        levels,
        tuple(images.shape[1:]),
        10,
        channels=recipe.channels,
        hidden=recipe.hidden,
        kernel_size=recipe.kernel,
        bisel={**free, "bias_spread": 0.7, "lui": {"init": "signed", "bias_spread": 0.01}},
        dense=dense,
    )


def run(
    name: str,
    folder: Path,
    data: Path,
    *,
    seed: int = 0,
    steps: int | None = None,
    progress: bool = True,
) -> Report:
    """Train, harden, export, verify on the whole test set, and compare binarizations.

    Files go to ``folder``: the state of the smooth network, the packed file, the training curve. ``steps``
    shortens the training.

    Raises DataError if ``data`` does not hold the IDX files.
    """
    recipe = RECIPES[name]
    loaded = load_mnist(data)
    train, test = (loaded.x_train, loaded.y_train), (loaded.x_test, loaded.y_test)
    if steps is not None:
        train = (train[0][: steps * recipe.batch_size], train[1][: steps * recipe.batch_size])
        recipe = replace(recipe, epochs=math.ceil(steps * recipe.batch_size / len(train[0])))
    curve: list[float] = []
    start = time.perf_counter()
    with quiet_torch(seed):
        net = network(train[0], recipe)

        def after_epoch(epoch: int) -> None:
            curve.append(accuracy(net.eval(), test[0][:2000], test[1][:2000]))

        fit_classifier(
            net,
            *train,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            label_smoothing=recipe.label_smoothing,
            schedule=nn.Annealing(),
            augment=lambda images: random_shift(images, recipe.shift),
            after_epoch=after_epoch,
            progress=progress,
        )
        seconds = time.perf_counter() - start
        torch.save(net.state_dict(), folder / f"{name}.pt")
        return _evaluate(name, net, test, folder, recipe, seed, seconds, curve)


def _evaluate(
    name: str,
    net: torch.nn.Module,
    test: tuple[Tensor, Tensor],
    folder: Path,
    recipe: Recipe,
    seed: int,
    seconds: float,
    curve: list[float],
) -> Report:
    x, y = test
    hard = copy.deepcopy(net)
    hardening = nn.harden(hard)
    file = folder / f"{name}.bmorph"
    exported = export(hard, x[:64], file)
    checked = verify(hard, file, x[:1000])
    scores = runtime.load(file)(x.numpy())
    rows: list[tuple[str, float, str]] = [
        ("smooth network", accuracy(net, x, y), "as trained"),
        ("packed network", float((scores.argmax(1) == y.numpy()).mean()), _counts(hardening)),
    ]
    projections = {"papers' binarization, constant projection": {"": "constant"}}
    if recipe.channels:
        # The activable projection compares every S, which over thousands of inputs takes minutes.
        projections["papers' binarization, activable windows"] = {"": "constant", "bisel": "activable"}
    for title, projection in projections.items():
        twin = copy.deepcopy(net)
        paper = nn.harden(twin, "morphological", projection)
        rows.append((title, accuracy(twin, x, y), _counts(paper)))
    agreement = accuracy(net, x, torch.from_numpy(scores.argmax(1)))
    figure = curve_figure(
        {"annealed network, first 2000 test images": curve}, "epoch", "accuracy", folder / f"{name}.png"
    )
    return Report(
        f"{name}, seed {seed}, {recipe.epochs} epochs in {seconds:.0f} s on one thread",
        ("network", "test accuracy", "neurons"),
        [(label, f"{value:.2%}", note) for label, value, note in rows],
        notes=[
            f"smooth and packed choose the same class on {agreement:.2%} of the test images",
            f"packed against hard: {checked.mismatched_bits} bits differ on 1000 images; file of "
            f"{exported.file_bytes} bytes",
            "published figure: none found for this network (arXiv 2401.03830 has no table at hand)",
        ],
        data={
            "recipe": asdict(recipe),
            "seed": seed,
            "seconds": seconds,
            "accuracy": {label: value for label, value, _ in rows},
            "agreement": agreement,
            "mismatched_bits": checked.mismatched_bits,
            "curve": curve,
        },
        files=[file, figure],
    )


def _counts(report: nn.HardenReport) -> str:
    return ", ".join(f"{count} {status.lower()}" for status, count in report.statuses.items())
