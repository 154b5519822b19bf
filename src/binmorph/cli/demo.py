"""``binmorph demo``: the whole way once, in under two minutes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .common import add_json, add_threads, command, emit, need, note


def add(commands: Any) -> None:
    """Declare the command."""
    examples = ("binmorph demo", "binmorph demo --json out.json --out-dir demo-1 --seed 1")
    summary = "train on handwritten digits, pack, verify every bit, time against PyTorch, draw"
    made = command(commands, "demo", summary, examples, execute)
    made.add_argument("--out-dir", default="binmorph-demo", metavar="DIR", help="default: binmorph-demo")
    made.add_argument("--seed", type=int, default=0, help="default: 0")
    add_threads(made, 1)
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Run the demo; 1 if any packed bit differs."""
    for module in ("torch", "sklearn", "matplotlib", "tqdm"):
        need(module, "demo", "the demo")
    from ..demo import run_demo

    result = run_demo(Path(args.out_dir), seed=args.seed, threads=args.threads, say=note)
    emit(args.json, str(result), result.to_json())
    return 0 if result.ok else 1
