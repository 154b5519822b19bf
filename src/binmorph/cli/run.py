"""``binmorph run``: a packed file on an array of inputs."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from .common import UsageError, add_json, add_threads, command, emit, load_array


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph run net.bmorph images.npy",
        "binmorph run net.bmorph images.npy -o scores.npy --threads 2 --json",
    )
    made = command(commands, "run", "run a packed file on an array of inputs", examples, execute)
    made.add_argument("file", metavar="FILE", help="a .bmorph file")
    made.add_argument("input", metavar="INPUT.npy", help="inputs [N, C, H, W] or [N, K], float32 or uint8")
    made.add_argument("-o", "--output", metavar="OUT.npy", help="where to write the outputs")
    add_threads(made, None)
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Run the network, write or summarise its output."""
    from .. import runtime

    x = load_array(args.input)
    if args.output and not Path(args.output).parent.is_dir():
        raise UsageError(f"-o {args.output}: no such directory")
    net = runtime.load(args.file, threads=args.threads)
    start = time.perf_counter()
    y = np.asarray(net(x))
    seconds = time.perf_counter() - start
    data: dict[str, Any] = {
        "file": args.file,
        "images": len(x),
        "shape": list(y.shape),
        "dtype": str(y.dtype),
        "seconds": seconds,
        "isa": str(net.isa),
    }
    lines = [f"{len(x)} inputs in {seconds * 1e3:.3g} ms ({net.isa}): output {y.dtype} {y.shape}"]
    if y.ndim == 2 and y.dtype.kind == "f":
        classes = y.argmax(1)
        data["argmax"] = classes.tolist()
        counts = np.bincount(classes, minlength=y.shape[1]).tolist()
        lines.append("largest score: " + ", ".join(f"class {k}: {c}" for k, c in enumerate(counts) if c))
    if args.output:
        with open(args.output, "wb") as file:  # np.save would add .npy to another suffix
            np.save(file, y)
        data["output"] = args.output
        lines.append(f"written: {args.output}")
    emit(args.json, "\n".join(lines), data)
    return 0
