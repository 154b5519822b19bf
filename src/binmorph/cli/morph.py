"""``binmorph morph``: chains of morphological operations on an image file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .. import morphology
from ..bits import BitArray
from .common import UsageError, add_threads, command, need

Cells: TypeAlias = Any
Operation: TypeAlias = Callable[[BitArray, Cells, int], Any]

OPERATIONS: dict[str, Operation] = {
    "erode": lambda x, cells, threads: morphology.binary_erosion(x, cells, threads=threads),
    "dilate": lambda x, cells, threads: morphology.binary_dilation(x, cells, threads=threads),
    "open": lambda x, cells, threads: morphology.binary_opening(x, cells, threads=threads),
    "close": lambda x, cells, threads: morphology.binary_closing(x, cells, threads=threads),
    "white-tophat": lambda x, cells, threads: morphology.white_tophat(x, cells, threads=threads),
    "black-tophat": lambda x, cells, threads: morphology.black_tophat(x, cells, threads=threads),
    "gradient": lambda x, cells, threads: morphology.gradient(x, cells, threads=threads),
    "majority": lambda x, cells, threads: morphology.majority(x, cells, threads=threads),
    "fill-holes": lambda x, cells, threads: morphology.binary_fill_holes(x, threads=threads),
    "thin": lambda x, cells, threads: morphology.thin(x, threads=threads),
    "skeletonize": lambda x, cells, threads: morphology.skeletonize(x, threads=threads),
    "invert": lambda x, cells, threads: ~x,
}
ELEMENTS = "disk:R, diamond:R, box:N, rect:HxW"


def element(text: str) -> Cells:
    """The cells that ``disk:3`` and the like stand for; UsageError for anything else."""
    kind, _, size = text.partition(":")
    try:
        if kind == "rect":
            height, width = (int(n) for n in size.split("x"))
            return morphology.rectangle(height, width)
        makers: dict[str, Callable[[int], Cells]] = {
            "disk": morphology.disk,
            "diamond": morphology.diamond,
            "box": lambda n: morphology.rectangle(n, n),
        }
        return makers[kind](int(size))
    except (KeyError, ValueError) as error:
        raise UsageError(f"--se {text}: not a structuring element; known: {ELEMENTS}") from error


def add(commands: Any) -> None:
    """Declare the command."""
    examples = (
        "binmorph morph open page.png --se disk:3 -o clean.png",
        "binmorph morph close page.tif open:box:3 thin --dark -o lines.tif",
    )
    made = command(commands, "morph", "clean an image by morphological operations", examples, execute)
    names = ", ".join(OPERATIONS)
    made.add_argument("op", metavar="OP", help=f"{names}; OP:ELEMENT for an element of its own")
    made.add_argument("image", metavar="IMAGE", help="PNG or TIFF, 1 or 8 bits; colours become grey")
    made.add_argument("more", metavar="OP", nargs="*", help="further operations, in this order")
    made.add_argument("--se", default="disk:1", metavar="ELEMENT", help=f"{ELEMENTS} (default disk:1)")
    made.add_argument("-o", "--output", required=True, metavar="FILE", help="where to write the result")
    made.add_argument(
        "--threshold", type=int, default=128, help="grey values from here on are light (default 128)"
    )
    made.add_argument("--dark", action="store_true", help="the dark pixels are the ones (ink on paper)")
    made.add_argument("--depth", type=int, choices=(1, 8), default=1, help="bits of the output (default 1)")
    add_threads(made, 1)


def _parse(text: str, default: str) -> tuple[Operation, Cells]:
    name, _, own = text.partition(":")
    if name not in OPERATIONS:
        raise UsageError(f"unknown operation {name!r}; known: {', '.join(OPERATIONS)}")
    return OPERATIONS[name], element(own or default)


def execute(args: argparse.Namespace) -> int:
    """Read, apply, write."""
    operations = [_parse(text, args.se) for text in (args.op, *args.more)]
    image_module = need("PIL.Image", "images", "reading and writing images")
    source, target = Path(args.image), Path(args.output)
    if not source.is_file():
        raise UsageError(f"{source}: no such file")
    if not target.parent.is_dir():
        raise UsageError(f"-o {target}: no such directory")
    try:
        with image_module.open(source) as opened:
            if (pages := getattr(opened, "n_frames", 1)) != 1:
                raise UsageError(f"{source}: holds {pages} images; give one at a time")
            if opened.mode[0] in "IF":  # their conversion cuts off what is brighter than 255
                raise UsageError(f"{source}: more than 8 bits a pixel ({opened.mode}); reduce it first")
            grey = np.asarray(opened.convert("L"))
    except OSError as error:
        raise UsageError(f"{source}: {error}") from error
    bits = BitArray.pack((grey >= args.threshold) != args.dark)
    for operation, cells in operations:
        bits = operation(bits, cells, args.threads)
    light = bits.unpack() != args.dark
    result = image_module.fromarray(light.astype(np.uint8) * np.uint8(255))
    try:
        (result if args.depth == 8 else result.convert("1")).save(target)
    except (OSError, ValueError) as error:
        raise UsageError(f"-o {target}: {error}") from error
    return 0
