"""Writes the table of learned operators in docs/experiments.md: python -m benchmarks.experiments

The runs are the lines that `binmorph experiment operators...` left in benchmarks/results/operators. With
--check nothing is written; the exit code says whether the document has the figures of the runs.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.generated import between, command
from binmorph.experiments.elements import ELEMENTS
from binmorph.experiments.published import dgmm

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "experiments.md"
RUNS = ROOT / "benchmarks" / "results" / "operators"
BEGIN, END = "<!-- operators: python -m benchmarks.experiments -->", "<!-- end of operators -->"
DATA = ("disks", "mnist", "inverted mnist")
FIGURES = ("smooth", "hard", "refined")
HEAD = """\
| images | operator | element | seeds | smooth | binarized | refined | least refined | published smooth | \
published binarized | seconds |
|---|---|---|---|---|---|---|---|---|---|---|"""

Runs = dict[tuple[str, str], list[dict[str, Any]]]


def read(data: str) -> Runs:
    """(operator, element) -> its runs, one a seed, in the order of the file."""
    cells: Runs = defaultdict(list)
    for line in (RUNS / f"operators-{data.replace(' ', '-')}.jsonl").read_text("utf-8").splitlines():
        run = json.loads(line)
        cells[run["operator"], run["element"]].append(run)
    return cells


def section() -> str:
    """A sentence that counts, and the table: published elements first."""
    lines, reached, published_cells, smooth, kept = [HEAD], 0, 0, 0, 0
    for data in DATA:
        for (operator, element), runs in sorted(
            read(data).items(), key=lambda cell: cell[0][1] not in ELEMENTS[:3]
        ):
            middle = {name: statistics.median(run[name] for run in runs) for name in FIGURES}
            least, seconds = min(run["refined"] for run in runs), sum(run["seconds"] for run in runs)
            published = dgmm(data, operator, element)
            shown = ("", "") if published is None else tuple(f"{figure:.4g}" for figure in published)
            figures = (*(f"{middle[name]:.4f}" for name in FIGURES), f"{least:.4f}", *shown, f"{seconds:.0f}")
            lines.append(f"| {' | '.join((data, operator, element, str(len(runs)), *figures))} |")
            if published is not None:
                published_cells += 1
                reached += middle["refined"] >= published[1]
            if middle["smooth"] >= 0.99:
                smooth += 1
                kept += middle["refined"] >= 0.99
    summary = (
        f"{reached} of {published_cells} cells with a published figure reach the published binarized DICE; "
        f"of the {smooth} cells whose smooth network reaches 0.99, {kept} do refined."
    )
    return summary + "\n\n" + "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return command(
        "experiments",
        __doc__.split("\n")[0],
        DOCUMENT,
        lambda: between(DOCUMENT, BEGIN, END, section()),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
