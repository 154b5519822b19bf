"""What every experiment returns: a table, notes, plain data, and the files it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..pictures import new_figure


@dataclass(frozen=True)
class Report:
    """``rows`` of strings under ``columns``; ``data`` holds the same unrounded, ready for ``json.dump``."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    data: dict[str, Any] = field(default_factory=dict)
    files: Sequence[Path] = ()

    def __str__(self) -> str:
        """A Markdown table with its title and notes."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = [
            "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in table
        ]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        written = [f"written: {path}" for path in self.files]
        return "\n".join([self.title, "", *lines, "", *self.notes, *written])

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for ``json.dump``."""
        return {"title": self.title, **self.data, "files": [str(path) for path in self.files]}


def curve_figure(curves: dict[str, list[float]], x: str, y: str, path: Path) -> Path:
    """Draw named curves over 1, 2, 3 ... and write a PNG; BinmorphError without matplotlib."""
    figure = new_figure()(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for name, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, label=name)
    axis.set(xlabel=x, ylabel=y)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110, format="png")
    return path
