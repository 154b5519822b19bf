"""Colours and sizes that all figures share, and matplotlib set up."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .numbers import with_unit

OURS, OTHER = "#1f4e96", "#9aa3af"
PEERS = {
    "binmorph-": "#7fa3d9",
    "torchlogix": "#5f9ea0",
    "torch": "#d9731a",
    "openvino": "#3a8a4f",
    "onnxruntime": "#7a5ab5",
    "larq": "#b5495b",
    "opencv": "#b5495b",
    "scipy": "#b08d2c",
    "skimage": "#5f9ea0",
    "leptonica": "#8c6d5a",
}
KIND_COLOURS = {
    "binary": "#1f4e96",
    "binary with float epilogue": "#7fa3d9",
    "integer": "#3a8a4f",
    "float": "#d9731a",
    "layout": "#b9bfc9",
}


@dataclass(frozen=True)
class Figure:
    """A plot as SVG text, with what it shows and what a reader must know."""

    title: str
    svg: str
    note: str


def colour(system: str) -> str:
    """Of a system's bars: one per library."""
    if system == "binmorph":
        return OURS
    return next((value for start, value in PEERS.items() if system.startswith(start)), OTHER)


@contextmanager
def plotting() -> Iterator[Any]:
    """``matplotlib`` with our settings, without a display, and as it was before afterwards."""
    import matplotlib as mpl

    settings = {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#6b7480",
        "svg.hashsalt": "binmorph",
        "svg.fonttype": "none",  # as paths the letters would be most of the page
        "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],  # Verdana is as wide, so nothing shifts
    }
    with mpl.rc_context(settings):
        yield mpl


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> Any:
    """A figure in inches and its axes as a list."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(rows, columns, squeeze=False, **options)
    return canvas, list(axes.flat)


def log_axis(axis: Any, unit: str) -> None:
    """Make ``axis`` (of x or y) logarithmic, with few labels that carry the unit."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: with_unit(value, unit)))
    axis.set_minor_formatter(NullFormatter())


def svg(canvas: Any) -> str:
    """The figure as an element for HTML: without XML head, and the same text for the same data."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
