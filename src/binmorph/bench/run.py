"""Runs one suite: python -m binmorph.bench.run bisel --json out.json

Prints a table and, with --json FILE, one JSON line per measurement:
{"suite", "case", "system", "version", "threads", "median_ms", "min_ms", "runs"}.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from . import suites
from .case import Case
from .machine import machine_card
from .measure import Timing, measure


def _names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(suites.__path__))


def _print_case(case: Case, timings: dict[str, Timing]) -> None:
    ours = timings["binmorph"]
    print(f"\n{case.name}, {case.threads} thread{'s' if case.threads > 1 else ''}")
    for system in case.systems:
        timing = timings[system.name]
        median, least = 1e3 * timing.median_ms, 1e3 * timing.min_ms
        line = f"  {system.name:<28}{median:>10.2f} us median {least:>10.2f} us min"
        if system.name != "binmorph":
            low, middle, high = timing.ratio_to(ours)
            line += f"   binmorph is {middle:.1f}x faster (p10 {low:.1f}, p90 {high:.1f})"
        print(line, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m binmorph.bench.run", description=__doc__.split("\n")[0])
    parser.add_argument("suite", choices=_names())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write one JSON line per measurement")
    parser.add_argument("--threads", type=int, default=1, help="threads of every system (default 1)")
    parser.add_argument("--rounds", type=int, default=40, help="interleaved rounds per case (default 40)")
    options = parser.parse_args(arguments)

    print(json.dumps(machine_card()))
    module = importlib.import_module(f"{suites.__name__}.{options.suite}")
    lines = []
    for case in module.cases(options.threads):
        timings = measure(case, rounds=options.rounds)
        _print_case(case, timings)
        for system in case.systems:
            timing = timings[system.name]
            lines.append(
                {
                    "suite": options.suite,
                    "case": case.name,
                    "system": system.name,
                    "version": system.version,
                    "threads": case.threads,
                    "median_ms": timing.median_ms,
                    "min_ms": timing.min_ms,
                    "runs": len(timing.seconds),
                }
            )
        if options.json:
            options.json.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
