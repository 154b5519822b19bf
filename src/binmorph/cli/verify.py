"""``binmorph verify``: a packed file against its torch network, bit for bit."""

from __future__ import annotations

import argparse
from typing import Any

from .common import add_json, add_threads, command, emit, load_array, note
from .models import MODEL_HELP, load_model


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph verify net.bmorph model.pt",
        "binmorph verify net.bmorph network.py:build images.npy --json result.json",
    )
    summary = "compare every packed layer of a file with its torch network, bit for bit"
    made = command(commands, "verify", summary, examples, execute)
    made.add_argument("file", metavar="FILE", help="a .bmorph file")
    made.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    made.add_argument(
        "inputs", metavar="INPUTS.npy", nargs="?", help="default: the recipe's test set, or random inputs"
    )
    made.add_argument("--device", default="cpu", help="where the packed network runs (default cpu)")
    add_threads(made, None)
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Verify; 0 only if everything is equal."""
    model = load_model(args.model)
    inputs: Any = load_array(args.inputs) if args.inputs else model.example
    from ..export import verify

    if inputs is None:
        import numpy as np

        from .. import format as file_format
        from ..export.verification import random_inputs

        inputs = random_inputs(file_format.load(args.file), np.random.default_rng(0))
        note(f"no inputs given: {len(inputs)} random ones")
    report = verify(model.module, args.file, inputs, device=args.device, threads=args.threads)
    emit(args.json, str(report), report.to_json())
    return 0 if report.equal else 1
