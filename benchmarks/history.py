"""Writes docs/benchmark-history.md from the runs in benchmarks/results: python -m benchmarks.history

``benchmarks/results/MACHINE/RELEASE.json`` is what ``binmorph bench --json`` wrote, one file per machine and
release, its name beginning with a digit. With --check nothing is written; the exit code says whether the page
is what the runs give.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.generated import command
from binmorph.bench.ratios import ratio
from binmorph.bench.record import CaseRecord, RunRecord, read
from binmorph.bench.report.numbers import median, ours, title, with_unit

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmark-history.md"
HEAD = """\
# Benchmark history

Made by `python -m benchmarks.history` from `benchmarks/results`; do not edit. Times are medians of calls from
Python, hot caches; in brackets how many times longer the case's baseline took in the same rounds, where the
spread allows to say so. Compare releases within a machine, never milliseconds across machines.
"""


def page(results: Path = ROOT / "benchmarks" / "results") -> str:
    """The page's text. Raises RecordError for a file that is no run."""
    parts = [HEAD]
    for folder in sorted(path for path in results.iterdir() if path.is_dir()):
        runs = {path.stem: read(path) for path in sorted(folder.glob("[0-9]*.json"))}
        if runs:
            parts.append("\n".join(_machine(folder.name, runs)) + "\n")
    return "\n".join(parts)


def _machine(name: str, runs: dict[str, RunRecord]) -> Iterator[str]:
    card = list(runs.values())[-1].machine
    yield f"## {name}"
    yield ""
    yield f"{card.get('processor')}, {card.get('cores')} cores, {card.get('isa')}, {card.get('system')}."
    by_run = {release: {case.key: case for case in run.cases} for release, run in runs.items()}
    cases = {key: case for found in by_run.values() for key, case in found.items() if case.cache == "hot"}
    for suite in dict.fromkeys(case.suite for case in cases.values()):
        yield ""
        yield f"### {suite}"
        yield ""
        yield f"| case | baseline | {' | '.join(runs)} |"
        yield "|---|---|" + "---|" * len(runs)
        for key, case in cases.items():
            if case.suite == suite:
                cells = [_cell(found.get(key)) for found in by_run.values()]
                yield f"| {title(case)} | {case.baseline or ''} | {' | '.join(cells)} |"


def _cell(case: CaseRecord | None) -> str:
    system = ours(case) if case is not None else None
    if case is None or system is None:
        return ""
    text = with_unit(median(system.seconds), "s")
    peer = next((s for s in case.systems if s.name == case.baseline and s.seconds), None)
    if peer is None:
        return text
    found = ratio(peer.seconds, system.seconds)
    return f"{text} ({found.median:.2g}x)" if found.stated else f"{text} (spread)"


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return command("history", __doc__.split("\n")[0], PAGE, page, arguments)


if __name__ == "__main__":
    sys.exit(main())
