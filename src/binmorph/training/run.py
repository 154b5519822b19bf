"""A recipe from beginning to end: what ``binmorph train`` does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import DataError
from .data import Data
from .descent import fit_by_descent
from .finish import Finished, finish
from .loop import Settings, fit
from .recipe import Recipe
from .recipes import RECIPES
from .records import Log, draw_curve
from .workers import Workers

MODEL = "binmorph-model/1"
EXAMPLES = 64  # test images kept in a model file, for export and verification


@dataclass(frozen=True)
class Outcome:
    """``finished`` is None in all worker processes but the first."""

    finished: Finished | None
    history: list[dict[str, Any]]
    seconds: float


def train(
    name: str,
    data: Data,
    out: Path,
    settings: Settings,
    bar: Callable[[range], Any] = iter,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Train the recipe ``name``, harden and pack it.

    Writes, beside ``out`` (the .pt file of the hardened network) and with its name, .checkpoint behind every
    epoch, .jsonl (the log), .png (the loss curve, if matplotlib is there) and .bmorph (the packed network, if
    the exporter takes it). The threads of torch are the caller's to choose; results may depend on them.
    """
    recipe, workers = RECIPES[name], Workers(settings.device)
    settings = replace(settings, device=workers.device, checkpoint=out.with_suffix(".checkpoint"))
    start = time.perf_counter()
    header = {
        "recipe": name,
        "seed": settings.seed,
        "epochs": settings.epochs or recipe.epochs,
        "batch": settings.batch or recipe.batch,
        "workers": workers.count,
        "bfloat16": settings.bfloat16,
        "rate": settings.rate or recipe.rate,
        "started": settings.start is not None,
        "taught": settings.teacher is not None,
        "torch": torch.__version__,
    }
    log = Log(out.with_suffix(".jsonl"), header)

    def report(line: dict[str, Any]) -> None:
        log.write(run_history)
        say(f"epoch {line['epoch']}: loss {line['loss']:.4f}, test accuracy {line['test_accuracy']:.2%}")

    run_history: list[dict[str, Any]] = []
    method = fit_by_descent if recipe.descent else fit
    run = method(recipe, data, settings, workers, report, bar, run_history)
    finished = None
    if workers.first:
        finished = finish(recipe, run.network, data, out.with_suffix(".bmorph"))
        save(name, recipe, finished, data, out)
        log.write([*run.history, {"finished": finished.to_json()}])
        draw_curve(run.history, name, out.with_suffix(".png"))
    workers.close()
    return Outcome(finished, run.history, time.perf_counter() - start)


def save(name: str, recipe: Recipe, finished: Finished, data: Data, path: Path) -> None:
    """Write the hardened network: tensors and plain values only, so that loading runs no code."""
    saved = {
        "format": MODEL,
        "recipe": name,
        "config": {"image": list(data.image), "classes": data.classes},
        "state": finished.hard.state_dict(),
        "example": recipe.inputs(data.x_test[:EXAMPLES]),
    }
    torch.save(saved, path)


def load_state(path: Path, name: str) -> dict[str, Any]:
    """The state of a network of the recipe ``name``, or of the one before it, that :func:`save` wrote;
    DataError if it is none."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise many types
        raise DataError(f"{path}: not a model file ({type(error).__name__})") from error
    names = [known for known in (name, RECIPES[name].before) if known is not None]
    if not isinstance(saved, dict) or saved.get("format") != MODEL or saved.get("recipe") not in names:
        raise DataError(f"{path}: not a model of the recipe {' or '.join(names)}")
    return dict(saved["state"])


def restore(saved: dict[str, Any]) -> torch.nn.Module:
    """The network of what :func:`save` wrote; KeyError, ValueError, RuntimeError if it does not fit."""
    image, classes = [int(n) for n in saved["config"]["image"]], int(saved["config"]["classes"])
    nothing = torch.zeros((1, *image), dtype=torch.uint8)  # level sets are part of the state
    none = torch.zeros(1, dtype=torch.int64)
    network = RECIPES[saved["recipe"]].network(Data(nothing, none, nothing, none, classes))
    network.load_state_dict(saved["state"])
    return network.eval()


def teacher_scores(path: Path, data: Data, batch: int = 500) -> torch.Tensor:
    """Scores [N, classes] that the network in ``path``, of any recipe for the same images, gives the training
    images; DataError if it is none."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        recipe, network = RECIPES[saved["recipe"]], restore(saved)
        with torch.no_grad():
            return torch.cat([network(recipe.inputs(x)) for x in data.x_train.split(batch)])
    except Exception as error:  # damaged files raise many types
        raise DataError(f"{path}: no teacher for these images ({type(error).__name__}: {error})") from error
