"""The shapes of the CPU's kernel tests as lines of text, for the checks of the device's kernels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from emulation import ROOT

sys.path.append(str(ROOT / "tests" / "kernels"))
from shapes import CHANNELS, WIDTHS, Shape, pools, sum_convolutions, threshold_convolutions

SHAPED = ("dense", "elements", "morphology", "numbers", "packing", "tiles", "windows")
"""Checks of kernels that the CPU has too: chains and products of warpgroups are tried on their own."""


def _window(shape: Shape) -> list[int]:
    """ConvGeometry from its height on; the border last, 1 for ones."""
    channels, *extent = shape["image"]
    kernel, pads = shape["kernel_size"], shape["padding"]
    stride, dilation = shape.get("stride", (1, 1)), shape.get("dilation", (1, 1))
    sizes = zip(extent, kernel, stride, dilation, (pads[:2], pads[2:]), strict=True)
    out = [(n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, d, p in sizes]
    size = [*extent, channels, *out, shape["out_channels"], shape.get("groups", 1)]
    return [*size, *kernel, *stride, *dilation, pads[0], pads[2], int(shape.get("pad_bit", False))]


def _lines() -> Iterator[tuple[str, list[int]]]:
    for width in WIDTHS:
        yield "width", [width]
    for channels in CHANNELS:
        yield "channels", [channels]
    for shapes in threshold_convolutions().values():
        yield from (("threshold", _window(shape)) for shape in shapes)
    for shapes in sum_convolutions().values():
        yield from (("sum", _window(shape)) for shape in shapes)
    for most_padding in (0, 3):
        for size, kernel, stride, padding in pools(np.random.default_rng(1), most_padding):
            yield "pool", [*size, *kernel, *stride, *padding]


def write(file: Path) -> Path:
    file.write_text("".join(f"{kind} {' '.join(map(str, numbers))}\n" for kind, numbers in _lines()), "utf-8")
    return file
