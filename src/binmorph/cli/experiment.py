"""``binmorph experiment``: the papers' experiments, each with a seed, a table and figures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import UsageError, add_json, command, emit, need, positive

OPERATORS = {"operators": "disks", "operators-mnist": "mnist", "operators-inverted-mnist": "inverted mnist"}
CLASSIFIERS = ("mnist", "fashion-mnist")
NAMES = (*OPERATORS, "noisy-sticks", *CLASSIFIERS)


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph experiment operators --operator opening --element disk --seeds 0 1 2",
        "binmorph experiment operators-mnist --data mnist/ --out results/",
        "binmorph experiment noisy-sticks --steps 500",
        "binmorph experiment fashion-mnist --data fashion-mnist/",
    )
    summary = "re-run an experiment of Aouad and Talbot beside its published figures"
    made = command(commands, "experiment", summary, examples, execute)
    made.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    made.add_argument("--data", metavar="DIR", help="folder of the IDX files of MNIST or Fashion-MNIST")
    made.add_argument("--out", default=".", metavar="DIR", help="where figures and networks go (default .)")
    made.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N", help="default: 0")
    made.add_argument("--steps", type=positive, help="training steps, to shorten or lengthen the training")
    made.add_argument("--operator", action="append", metavar="NAME", help="only this operator (repeatable)")
    made.add_argument("--element", action="append", metavar="NAME", help="only this element (repeatable)")
    made.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Run the experiment once per seed (tables of operators: all seeds together)."""
    for module, extra in (("torch", "train"), ("tqdm", "train"), ("matplotlib", "demo")):
        need(module, extra, "an experiment")
    folder, data = Path(args.out), Path(args.data) if args.data else None
    if not folder.is_dir():
        raise UsageError(f"--out {folder}: no such directory")
    reports = _run(args, folder, data)
    emit(args.json, "\n\n".join(map(str, reports)), {"reports": [report.to_json() for report in reports]})
    return 0


def _run(args: argparse.Namespace, folder: Path, data: Path | None) -> list[Any]:
    from ..experiments import classification, noisy_sticks, table

    shared: dict[str, Any] = {"progress": not args.quiet}
    if args.steps:
        shared["steps"] = args.steps
    if args.name in OPERATORS:
        chosen = {"operators": args.operator, "elements": args.element}
        shared.update({name: words for name, words in chosen.items() if words}, seeds=args.seeds)
        return [table.run(OPERATORS[args.name], folder, data, **shared)]
    if args.operator or args.element:
        raise UsageError(f"{args.name}: --operator and --element belong to {', '.join(OPERATORS)}")
    if args.name == "noisy-sticks":
        return [noisy_sticks.run(folder, seed=seed, **shared) for seed in args.seeds]
    if data is None:
        raise UsageError(f"{args.name}: name the folder of its IDX files with --data")
    return [classification.run(args.name, folder, data, seed=seed, **shared) for seed in args.seeds]
