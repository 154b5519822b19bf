"""``binmorph train``: train a recipe and save the network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import UsageError, add_json, command, emit, need, positive
from .models import save_digits


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph train digits --out model.pt",
        "binmorph train digits --out model.pt --seed 3 --json",
    )
    made = command(commands, "train", "train a recipe and save the network for export", examples, execute)
    made.add_argument(
        "recipe", choices=("digits",), metavar="RECIPE", help="digits: scikit-learn's 8x8 digits"
    )
    made.add_argument("--out", required=True, metavar="FILE", help="the .pt file to write")
    made.add_argument("--seed", type=int, default=0, help="default: 0")
    made.add_argument("--epochs", type=positive, default=60, help="default: 60")
    made.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Train and save the hard network, whose state keeps the float parameters too."""
    for module in ("torch", "sklearn", "tqdm"):
        need(module, "demo", "training on digits")
    out = Path(args.out)
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: no such directory")
    from ..nn import recipes

    trained = recipes.train_digits(seed=args.seed, progress=not args.quiet, epochs=args.epochs)
    network = trained.hard
    config = {
        "levels": network.levels.values.shape[1],
        "channels": network.bisel.bise.shape[0],
        "hidden": network.classifier.in_features,
        "seed": args.seed,
        "epochs": args.epochs,
    }
    save_digits(network, config, out)
    accuracy = {"smooth": trained.accuracy_smooth, "hard": trained.accuracy_hard}
    report = (
        f"accuracy: smooth {accuracy['smooth']:.2%}, hard {accuracy['hard']:.2%} on the test set\n"
        f"{trained.report}\ntrained in {trained.seconds:.1f} s; written: {out}"
    )
    data = {
        "recipe": args.recipe,
        "config": config,
        "accuracy": accuracy,
        "statuses": trained.report.statuses,
        "train_seconds": trained.seconds,
        "file": str(out),
    }
    emit(args.json, report, data)
    return 0
