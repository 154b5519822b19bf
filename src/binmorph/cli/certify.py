"""``binmorph certify``: which neurons of a torch network are exactly morphological."""

from __future__ import annotations

import argparse
from typing import Any

from .common import add_json, command, emit
from .models import MODEL_HELP, load_model


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph certify network.py:build",
        "binmorph certify network.py:build --inputs signs --json",
    )
    summary = "say which neurons of a float network are exactly erosions, dilations or counts"
    made = command(commands, "certify", summary, examples, execute)
    made.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    made.add_argument(
        "--inputs",
        choices=("bits", "signs"),
        default="bits",
        help="what each layer reads: {0, 1} (default) or {-1, 1}",
    )
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Cast every convolution and dense layer, with its batch normalisation, as threshold neurons."""
    model = load_model(args.model)
    from ..nn import cast

    report = cast(model.module, args.inputs)
    layers = [
        {"name": layer.name, "neurons": layer.neurons.shape[0], "n": layer.neurons.n, **layer.statuses}
        for layer in report.layers
    ]
    emit(args.json, str(report), {"inputs": args.inputs, "layers": layers})
    return 0
