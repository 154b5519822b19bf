"""``binmorph info``: what is in a packed file, and what this machine can run it on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import ir
from ..cost import cost
from ..devices import describe_devices, device_report
from ..formula_page import page
from ..pictures import picture, text_elements
from ..summary import describe_graph, table
from .common import UsageError, add_json, add_threads, command, emit

SMALL = 9  # elements up to this size are drawn as text


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph info net.bmorph",
        "binmorph info net.bmorph --picture elements.png",
        "binmorph info net.bmorph --formula network.html",
        "binmorph info net.bmorph --plan --threads 2",
        "binmorph info net.bmorph --json",
        "binmorph info --device",
    )
    made = command(
        commands,
        "info",
        "show layers, certificates and structuring elements of a packed file",
        examples,
        execute,
    )
    made.add_argument("file", metavar="FILE", nargs="?", help="a .bmorph file")
    made.add_argument(
        "--device", action="store_true", help="show the processor and the GPUs, and why one cannot be used"
    )
    made.add_argument("--picture", metavar="PNG", help="draw the structuring elements to this file")
    made.add_argument(
        "--formula", metavar="HTML", help="write the network as formulas with pictures to this page"
    )
    made.add_argument(
        "--elements",
        type=int,
        default=8,
        metavar="N",
        help="outputs per layer shown as text (default 8; 0: none)",
    )
    made.add_argument(
        "--plan", action="store_true", help="load the file and print layouts and kernels chosen here"
    )
    add_threads(made, None)
    add_json(made)


def _elements(graph: ir.Graph, limit: int) -> list[str]:
    parts = []
    for node in graph.nodes:
        if isinstance(node, ir.Bisel) and limit > 0 and max(node.kernel) <= SMALL:
            parts.append(f"{node.name}: elements (#: counted when 1, -: counted when 0)")
            parts.append(text_elements(node, limit))
    return parts


def execute(args: argparse.Namespace) -> int:
    """Show the file."""
    from .. import format as file_format

    if args.device:
        if args.file is not None:
            raise UsageError("--device is about this machine: leave the file out")
        found = describe_devices()
        emit(args.json, device_report(found), found)
        return 0
    if args.file is None:
        raise UsageError("name a .bmorph file, or ask for --device")
    if args.elements < 0:
        raise UsageError("--elements must not be negative")
    path = Path(args.file)
    graph = file_format.load(path)
    layers, size, costs = describe_graph(graph), path.stat().st_size, cost(graph)
    spec = graph.input
    total = costs.total
    lines = [
        f"{path}: {size} bytes, made by {graph.producer or 'an unnamed producer'}",
        f"input: {spec.dtype} ({', '.join(map(str, spec.shape))}) per image; output: {graph.output}",
        table(layers),
        f"per image: {total.binary_macs} binary MACs as {total.word_ops} word operations and "
        f"{total.popcounts} population counts; {total.float_adds} float additions",
        *_elements(graph, args.elements),
    ]
    data: dict[str, Any] = {
        "file": str(path),
        "file_bytes": size,
        "producer": graph.producer,
        "input": {"dtype": spec.dtype, "shape": list(spec.shape)},
        "output": graph.output,
        "layers": [layer.to_json() for layer in layers],
        "cost": costs.to_json(),
    }
    if args.plan:
        from .. import runtime

        net = runtime.load(path, threads=args.threads)
        plan = net.plan()
        lines += ["plan:", str(plan)]
        data["plan"] = plan.to_json()
    if args.picture:
        data["picture"] = str(picture(graph, args.picture))
        lines.append(f"picture: {data['picture']}")
    if args.formula:
        target = Path(args.formula)
        if not target.parent.is_dir():
            raise UsageError(f"--formula {target}: no such directory")
        target.write_text(page(graph, path.name), "utf-8")
        data["formula"] = str(target)
        lines.append(f"formulas: {target}")
    emit(args.json, "\n".join(lines), data)
    return 0
