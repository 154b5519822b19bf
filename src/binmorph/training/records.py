"""What a run leaves behind: a log of JSON lines, and a picture of its loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Log:
    """JSON lines in ``path``: what was run, one line per epoch, what came out; written as a whole each time,
    so that the file of a resumed run tells all of it."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path, self.header = path, header

    def write(self, lines: list[dict[str, Any]]) -> None:
        self.path.write_text("".join(json.dumps(line) + "\n" for line in (self.header, *lines)), "utf-8")


def draw_curve(history: list[dict[str, Any]], title: str, path: Path) -> bool:
    """Loss, in parts of epochs where the log has them, and test accuracy per epoch as a PNG; False without
    matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    epochs = [line["epoch"] for line in history]
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    left = figure.subplots()
    times, losses = [], []
    for line in history:
        parts = line.get("losses", [line["loss"]])
        times += [line["epoch"] - 1 + (i + 1) / len(parts) for i in range(len(parts))]
        losses += parts
    left.plot(times, losses, color="C0", label="training loss")
    left.set(title=title, xlabel="epoch", ylabel="training loss")
    right = left.twinx()
    right.plot(epochs, [100 * line["test_accuracy"] for line in history], color="C1", marker=".")
    right.set_ylabel("test accuracy, %", color="C1")
    figure.savefig(path, dpi=120)
    return True
