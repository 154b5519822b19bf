"""The processor of the same machine: its kernel tests, and the suites of the CPU."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from binmorph.bench.record import RunRecord, read

from .part import Part
from .pytest_files import run_files

TESTS = 0.4
SUITES = (("layers", 0.25), ("bisel", 0.15), ("morphology", 0.15))
"""Of the time of the part."""


def _lines(run: RunRecord) -> str:
    """One line per measurement, as the other parts write them."""
    lines = [
        {
            "suite": case.suite,
            "case": f"{case.name} batch {case.batch}",
            "system": system.name,
            "version": system.version,
            "threads": case.threads,
            "median_ms": 1e3 * statistics.median(system.seconds),
            "min_ms": 1e3 * min(system.seconds),
            "runs": len(system.seconds),
        }
        for case in run.cases
        for system in case.systems
        if system.status == "measured"
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def main() -> int:
    """Write cpu.jsonl; 0 if the kernel tests pass."""
    part = Part.from_arguments("cpu")
    tests = sorted((part.root / "tests/kernels").glob("test_*.py"))
    options = ["-k", "test_bindings"] if part.dry else []
    found = run_files(part.root, tests, min(8, os.cpu_count() or 1), TESTS * part.seconds, options)
    (part.out / "cpu.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    file = part.out / "cpu.jsonl"
    file.write_text("", "utf-8")
    for suite, of_part in SUITES[1:2] if part.dry else SUITES:
        limit = (0.5 if part.dry else of_part) * part.seconds
        saved = part.out / f"cpu-{suite}.json"
        command = [sys.executable, "-m", "binmorph.cli", "bench", suite, "--json", str(saved)]
        command += ["--rounds", "1" if part.dry else "10", "--threads", "1"]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
            print(f"  suite {suite}: exit code {result.returncode} {result.stderr[-300:]}")
        except subprocess.TimeoutExpired:
            print(f"  suite {suite}: stopped after {limit:.0f} s")
        if saved.exists():  # the cases that were finished
            file.write_text(file.read_text("utf-8") + _lines(read(saved)), "utf-8")
    return 1 if found["status"] == "failed" else 0


if __name__ == "__main__":
    sys.exit(main())
