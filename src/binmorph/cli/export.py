"""``binmorph export``: a torch network to a packed file."""

from __future__ import annotations

import argparse
from typing import Any

from ..exactness import FAMILIES, PROJECTIONS
from .common import UsageError, add_json, command, emit, load_array
from .models import MODEL_HELP, load_model


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph export model.pt --out net.bmorph",
        "binmorph export network.py:build --out net.bmorph --example images.npy",
        "binmorph export model.pt --out net.bmorph --lossless --calibrate images.npy",
    )
    made = command(
        commands, "export", "pack a torch network into a .bmorph file, and verify it", examples, execute
    )
    made.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    made.add_argument("--out", required=True, metavar="FILE", help="the .bmorph file to write")
    made.add_argument(
        "--example", metavar="NPY", help="example inputs [N, ...]; a recipe's model has its own"
    )
    made.add_argument(
        "--allow-float",
        action="append",
        metavar="NAME",
        help="a layer that may stay float (repeatable); then no other may, but for a last Linear",
    )
    made.add_argument(
        "--not-strict", action="store_true", help="report what cannot be packed instead of failing"
    )
    made.add_argument("--no-verify", action="store_true", help="publish without comparing with torch")
    made.add_argument(
        "--no-simplify", action="store_true", help="keep constants and complements as the layers have them"
    )
    made.add_argument("--family", choices=FAMILIES, default="popcount", help="what smooth neurons may become")
    made.add_argument(
        "--projection", choices=PROJECTIONS, default="constant", help="what inexact ones are replaced by"
    )
    made.add_argument(
        "--lossless",
        action="store_true",
        help="truth tables or integer weights, proved on all inputs, whichever costs less, for windows of "
        "up to 16 inputs that are no counts",
    )
    made.add_argument(
        "--calibrate",
        metavar="NPY",
        help="the same, and for more inputs integer weights of few bits, tried on these images [N, ...]",
    )
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Export; 1 if ``--not-strict`` found layers that cannot be packed."""
    model = load_model(args.model)
    example = load_array(args.example) if args.example else model.example
    if example is None:
        raise UsageError(f"{args.model}: give an example input with --example data.npy")
    from ..export import export

    report = export(
        model.module,
        example,
        args.out,
        strict=not args.not_strict,
        allow_float=args.allow_float,
        verify=not args.no_verify,
        family=args.family,
        projection=args.projection,
        simplify=not args.no_simplify,
        lossless=args.lossless,
        calibrate=load_array(args.calibrate) if args.calibrate else None,
    )
    emit(args.json, str(report), report.to_json())
    return 0 if report.path is not None else 1
