"""The processor of the same machine: its kernel tests, and the suites of the CPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from .part import Part

SUITES = (("layers", 40), ("bisel", 25), ("morphology", 25))


def main() -> int:
    """Write cpu.jsonl; 0 if the kernel tests pass."""
    part = Part.from_arguments("cpu")
    wrong = 0
    if importlib.util.find_spec("pytest") is not None:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        command += ["-o", "addopts=--import-mode=importlib", str(part.root / "tests/kernels")]
        if importlib.util.find_spec("xdist") is not None:
            command += ["-n", str(min(8, os.cpu_count() or 1))]
        if part.dry:
            command += ["-k", "test_bindings"]
        result = subprocess.run(command, cwd=part.root, capture_output=True, text=True)
        print("  " + "\n  ".join(result.stdout.strip().splitlines()[-3:]))
        wrong = result.returncode
    file = part.out / "cpu.jsonl"
    file.write_text("", "utf-8")
    for suite, limit in SUITES[1:2] if part.dry else SUITES:
        lines = part.out / f"{suite}.tmp"
        command = [sys.executable, "-m", "binmorph.bench.run", suite, "--json", str(lines)]
        command += ["--rounds", "1" if part.dry else "10"]
        environment = {**os.environ, "BINMORPH_BENCH_SIZES": "512" if part.dry else "512,2048"}
        try:
            result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit)
            print(f"  suite {suite}: exit code {result.returncode} {result.stderr[-300:]}")
        except subprocess.TimeoutExpired:
            print(f"  suite {suite}: stopped after {limit} s")
        if lines.exists():
            file.write_text(file.read_text("utf-8") + lines.read_text("utf-8"), "utf-8")
            lines.unlink()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
