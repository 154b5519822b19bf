"""Pictures of learned structuring elements: PNG by matplotlib, and text for terminals.

Blue (``#``) taps are counted when they are one, red (``-``) taps when they are zero, white (``.``) ones are
ignored.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import ir
from .errors import BinmorphError

Array = npt.NDArray[Any]
PLUS, MINUS, NONE, GAP, CONSTANT = (
    (31, 78, 150),
    (196, 60, 52),
    (255, 255, 255),
    (200, 200, 200),
    (228, 228, 228),
)
MAX_ROWS, MAX_COLUMNS = 32, 16


def operation(neurons: ir.Neurons, index: tuple[int, ...]) -> str:
    """One neuron in a word: "0", "1", "dilation", "erosion", "or", "and" (signed literals) or ">= k of n";
    "not" marks a complemented output."""
    literals = int(neurons.plus[index].sum() + neurons.minus[index].sum())
    signed, inverted = bool(neurons.minus[index].any()), bool(neurons.invert[index])
    needed = int(neurons.threshold[index] + neurons.minus[index].sum())
    if needed <= 0 or needed > literals:
        return "1" if (needed <= 0) ^ inverted else "0"
    if needed == 1:
        word = "or" if signed else "dilation"
    elif needed == literals:
        word = "and" if signed else "erosion"
    else:
        word = f">= {needed} of {literals}"
    return f"not {word}" if inverted else word


_SYMBOLS = {"dilation": "\u2295", "erosion": "\u2296", "or": "\u2228", "and": "\u2227", "not": "\u00ac"}


def symbol(neurons: ir.Neurons, index: tuple[int, ...]) -> str:
    """:func:`operation` in a few characters: the circled plus and minus of dilation and erosion, or k/n."""
    words = operation(neurons, index).replace(">= ", "\u2265").replace(" of ", "/").split()
    return "".join(_SYMBOLS.get(word, word) for word in words)


def text_element(plus: npt.NDArray[np.bool_], minus: npt.NDArray[np.bool_]) -> list[str]:
    """Rows of "#", "-" and "." for one element, bool [kh, kw] each."""
    symbols = np.where(plus, "#", np.where(minus, "-", "."))
    return [" ".join(row) for row in symbols]


def text_elements(node: ir.Bisel, limit: int) -> str:
    """Text art of the first ``limit`` outputs of a layer: one line of elements per output, inputs side by
    side."""
    blocks = []
    outputs, channels = node.bise.shape
    for o in range(min(outputs, limit)):
        columns = []
        for c in range(min(channels, MAX_COLUMNS)):
            masks = (m[o, c].reshape(node.kernel) for m in (node.bise.plus, node.bise.minus))
            art = [operation(node.bise, (o, c)), *text_element(*masks)]
            width = max(map(len, art))
            columns.append([line.ljust(width) for line in art])
        joined = operation(node.lui, (o,)).replace("dilation", "union").replace("erosion", "intersection")
        more = f" (first {MAX_COLUMNS} of {channels} inputs)" if channels > MAX_COLUMNS else ""
        title = f"output {o}: {joined} of{more}" if channels > 1 else f"output {o}"
        rows = ["    ".join(parts).rstrip() for parts in zip(*columns, strict=True)]
        blocks.append("\n".join([f"  {title}", *(f"    {row}" for row in rows)]))
    if outputs > limit:
        blocks.append(f"  ... and {outputs - limit} more outputs")
    return "\n".join(blocks)


class _Elements(NamedTuple):
    """What is drawn of a layer: masks bool [O, C, h, w], a label per output, and per element where each is a
    neuron of its own."""

    plus: Array
    minus: Array
    labels: list[str]
    symbols: list[list[str]] | None


def _elements(node: ir.AnyNode, graph: ir.Graph) -> _Elements | None:
    """The elements of a layer, or None if it has none."""
    if isinstance(node, ir.Bisel):
        shape = (*node.bise.shape, *node.kernel)
        labels = [operation(node.lui, (o,)) for o in range(shape[0])] if shape[1] > 1 else [""] * shape[0]
        labels = [w.replace("dilation", "union").replace("erosion", "intersection") for w in labels]
        symbols = [[symbol(node.bise, (o, c)) for c in range(shape[1])] for o in range(shape[0])]
        return _Elements(node.bise.plus.reshape(shape), node.bise.minus.reshape(shape), labels, symbols)
    if isinstance(node, ir.ThresholdDense):
        before = next((n for n in graph.nodes if n.name == node.input), None)
        if isinstance(
            before, ir.Flatten
        ):  # the inputs are pixels: show each neuron as the images it looks at
            shape = (node.neurons.shape[0], *graph.type_of(before.input).shape)
            labels = [operation(node.neurons, (o,)) for o in range(shape[0])]
            return _Elements(
                node.neurons.plus.reshape(shape), node.neurons.minus.reshape(shape), labels, None
            )
    return None


def mosaic(plus: Array, minus: Array, room: int = 1) -> npt.NDArray[np.uint8]:
    """Elements [O, C, h, w] as one RGB image: a row per output, a column per input, one pixel between them
    and ``room`` pixels below each."""
    outputs, channels, height, width = plus.shape
    image = np.empty((outputs * (height + room) + 1, channels * (width + 1) + 1, 3), np.uint8)
    image[:] = GAP
    for o in range(outputs):
        for c in range(channels):
            cell = np.empty((height, width, 3), np.uint8)
            cell[:] = NONE if (plus[o, c].any() or minus[o, c].any()) else CONSTANT
            cell[plus[o, c]], cell[minus[o, c]] = PLUS, MINUS
            top, left = o * (height + room) + 1, c * (width + 1) + 1
            image[top : top + height, left : left + width] = cell
    return image


class _Drawing:
    """One layer on one axis. Layers with few inputs lie on their side: wide pictures, not tall ones."""

    def __init__(self, node: ir.AnyNode, elements: _Elements) -> None:
        plus, minus, labels, symbols = elements
        self.outputs, self.channels, self.h, self.w = plus.shape
        self.name, self.labels, self.symbols = node.name, labels[:MAX_ROWS], symbols
        self.flat = self.channels <= 4 and self.outputs > self.channels
        plus, minus = plus[:MAX_ROWS, :MAX_COLUMNS], minus[:MAX_ROWS, :MAX_COLUMNS]
        self.shown = plus.shape[:2]
        self.room = 1 if symbols is None else 1 + self.h // 2
        order = (1, 0, 2, 3) if self.flat else (0, 1, 2, 3)
        self.image = mosaic(plus.transpose(order), minus.transpose(order), self.room)
        rows, columns = self.image.shape[:2]
        self.height = min(max(9.0 * rows / columns, 1.0), 24.0) + (2.0 if self.flat else 0.8)

    def draw(self, axis: Any) -> None:
        """Image, title, one label per output, and below each element what its neuron does."""
        cut = f", first {self.shown[0]} shown" if self.outputs > self.shown[0] else ""
        title = f"{self.name}: {self.outputs} outputs x {self.channels} inputs, {self.h}x{self.w}{cut}"
        outputs = [f"{o} {label}".rstrip() for o, label in enumerate(self.labels)]
        inputs = [f"input {c}" if self.flat else str(c) for c in range(self.shown[1])]
        across, down = (outputs, inputs) if self.flat else (inputs, outputs)
        x, y = self._centres(len(across), self.w, 1), self._centres(len(down), self.h, self.room)
        axis.imshow(self.image, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_yticks(y, down, fontsize=7)
        axis.set_xticks(x, across, fontsize=7, rotation=90 if self.flat else 0)
        axis.tick_params(length=0)
        legend = "blue: counted when 1, red: counted when 0, gray: none counted"
        if self.symbols is not None:
            legend += "; \u2295 dilation, \u2296 erosion, \u2228 or, \u2227 and, "
            legend += "\u2265k/n at least k of n, \u00ac not"
            for o, c in np.ndindex(*self.shown):
                row, column = (c, o) if self.flat else (o, c)
                below = y[row] + (self.h + self.room - 1) / 2
                axis.text(x[column], below, self.symbols[o][c], fontsize=6, ha="center", va="center")
        axis.set_xlabel(legend, fontsize=8)

    @staticmethod
    def _centres(count: int, size: int, room: int) -> Array:
        return np.arange(count) * (size + room) + (size + 1) / 2


def new_figure() -> Any:
    """matplotlib's ``Figure`` class, without a screen; BinmorphError if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise BinmorphError("pictures need matplotlib; pip install 'binmorph[demo]'") from error
    matplotlib.use("Agg", force=False)
    from matplotlib.figure import Figure

    return Figure


def picture(graph: ir.Graph, path: str | os.PathLike[str], layers: list[str] | None = None) -> Path:
    """Write one PNG of the elements of ``layers`` (default: every layer that has some); large layers are cut.

    Raises:
        BinmorphError: no layer has structuring elements, or matplotlib is missing.
    """
    chosen = [n for n in graph.nodes if layers is None or n.name in layers]
    parts = [(node, elements) for node in chosen if (elements := _elements(node, graph)) is not None]
    if not parts:
        raise BinmorphError("no layer has structuring elements to draw")
    drawn = [_Drawing(node, elements) for node, elements in parts]
    heights = [d.height for d in drawn]
    figure = new_figure()(figsize=(10, sum(heights)), layout="constrained")
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, drawing in zip(axes, drawn, strict=True):
        drawing.draw(axis)
    target = Path(path)
    figure.savefig(target, dpi=110, format="png", bbox_inches="tight")
    return target


def pictures(graph: ir.Graph, folder: str | os.PathLike[str]) -> list[Path]:
    """One PNG per layer that has structuring elements, ``elements-LAYER.png`` in ``folder``."""
    names = [node.name for node in graph.nodes if _elements(node, graph) is not None]
    safe = {name: "".join(ch if ch.isalnum() or ch in "-_." else "_" for ch in name) for name in names}
    return [picture(graph, Path(folder) / f"elements-{safe[name]}.png", [name]) for name in names]
