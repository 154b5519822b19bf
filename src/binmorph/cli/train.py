"""``binmorph train``: train a recipe and save the network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import UsageError, add_json, command, emit, need, note, positive
from .models import save_digits

DIGITS = "digits"


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph train list",
        "binmorph train digits --out model.pt",
        "binmorph train two_value_05_digits --out sparse.pt --seed 3",
        "binmorph train binary_mnist --data mnist --out mnist.pt",
        "torchrun --nproc-per-node 4 -m binmorph.cli train resnete18_cifar10 --data cifar10 --out net.pt "
        "--device cuda",
    )
    made = command(commands, "train", "train a recipe, harden it, pack it", examples, execute)
    made.add_argument("recipe", metavar="RECIPE", help="a name that 'binmorph train list' prints")
    made.add_argument("--data", metavar="DIR", help="folder of the data set's own files; digits need none")
    made.add_argument("--out", metavar="FILE", help="the .pt file to write; log, curve, .bmorph go beside it")
    made.add_argument("--seed", type=int, default=0, help="default: 0")
    made.add_argument("--epochs", type=positive, help="default: the recipe's")
    made.add_argument("--batch", type=positive, help="images per step (default: the recipe's)")
    made.add_argument("--rate", type=float, help="highest learning rate (default: the recipe's)")
    made.add_argument(
        "--start",
        metavar="FILE",
        help="begin with the weights of this .pt of the same recipe or the step before",
    )
    made.add_argument(
        "--teacher", metavar="FILE", help="learn from the scores of this .pt, of any recipe, too"
    )
    made.add_argument("--limit", type=positive, metavar="N", help="only the first N images, for a trial")
    made.add_argument(
        "--watch", type=positive, metavar="N", help="between epochs, test on the first N images only"
    )
    made.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="default: cpu")
    made.add_argument("--bfloat16", action="store_true", help="train in bfloat16; evaluation stays float32")
    made.add_argument("--resume", action="store_true", help="go on from the checkpoint beside FILE")
    made.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """List, or train and save the hard network."""
    need("torch", "train", "training")
    from ..training.recipes import RECIPES

    if args.recipe == "list":
        summaries = {DIGITS: "morphological network on scikit-learn's 8x8 digits"}
        summaries |= {name: recipe.summary for name, recipe in RECIPES.items()}
        width = max(map(len, summaries))
        lines = [f"{name:<{width}}  {text}" for name, text in summaries.items()]
        emit(args.json, "\n".join(lines), {"recipes": summaries})
        return 0
    if args.recipe != DIGITS and args.recipe not in RECIPES:
        raise UsageError(f"unknown recipe {args.recipe!r}; 'binmorph train list' prints all")
    if args.out is None:
        raise UsageError("--out FILE is needed")
    out = Path(args.out)
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: no such directory")
    return _digits(args, out) if args.recipe == DIGITS else _recipe(args, out)


def _recipe(args: argparse.Namespace, out: Path) -> int:
    from ..training.data import LOADERS
    from ..training.loop import Settings
    from ..training.recipes import RECIPES
    from ..training.run import load_state, teacher_scores, train

    source = RECIPES[args.recipe].data[0]
    for module in ("tqdm", *(("sklearn",) if source == "digits" else ())):
        need(module, "demo", f"the recipe {args.recipe}")
    if args.data is None and source != "digits":
        raise UsageError(f"{args.recipe} needs --data DIR, the folder with the files of {source}")
    data = LOADERS[source](Path(args.data or ".")).limited(args.limit)
    from tqdm import tqdm

    def bar(steps: range) -> Any:
        return tqdm(steps, unit="step", leave=False, disable=args.quiet)

    settings = Settings(
        args.seed,
        args.epochs,
        args.batch,
        args.rate,
        load_state(Path(args.start), args.recipe) if args.start else None,
        teacher_scores(Path(args.teacher), data) if args.teacher else None,
        args.watch,
        args.device,
        args.bfloat16,
        resume=args.resume,
    )
    outcome = train(args.recipe, data, out, settings, bar, (lambda text: None) if args.quiet else note)
    done = outcome.finished
    if done is None:
        return 0
    packed = f"packed {done.accuracy_packed:.2%}" if done.accuracy_packed is not None else "not packed"
    lines = [
        f"test accuracy: smooth {done.accuracy_smooth:.2%}, hard {done.accuracy_hard:.2%}, {packed}",
        f"density {done.density:.2%}; {done.file_bytes} bytes packed"
        if not done.problem
        else f"not packed: {done.problem}",
        *([str(done.sharpness)] if done.sharpness else []),
        f"trained in {outcome.seconds:.1f} s; written: {out}",
    ]
    data_json = {"recipe": args.recipe, "seconds": outcome.seconds, "file": str(out), **done.to_json()}
    emit(args.json, "\n".join(lines), {**data_json, "history": outcome.history})
    return 0


def _digits(args: argparse.Namespace, out: Path) -> int:
    for module in ("sklearn", "tqdm"):
        need(module, "demo", "training on digits")
    from ..nn import recipes

    epochs = args.epochs or 60
    trained = recipes.train_digits(seed=args.seed, progress=not args.quiet, epochs=epochs)
    network = trained.hard
    config = {
        "levels": network.levels.values.shape[1],
        "channels": network.bisel.bise.shape[0],
        "hidden": network.classifier.in_features,
        "seed": args.seed,
        "epochs": epochs,
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
