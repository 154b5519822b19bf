"""The benchmark runner: every line has the fields that scripts read, and ours is called binmorph."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {"suite", "case", "system", "version", "threads", "median_ms", "min_ms", "runs"}


def test_lines_of_the_bisel_suite(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    command = [sys.executable, "-m", "binmorph.bench.run", "bisel", "--rounds", "1", "--json", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=240)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert all(set(line) == FIELDS and line["suite"] == "bisel" and line["runs"] == 1 for line in lines)
    cases = {line["case"] for line in lines}
    assert len(cases) == 8
    assert all(any(line["case"] == case and line["system"] == "binmorph" for line in lines) for case in cases)
    assert all(line["median_ms"] >= line["min_ms"] > 0 for line in lines)


def test_an_unknown_suite_is_refused() -> None:
    command = [sys.executable, "-m", "binmorph.bench.run", "none"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "bisel" in result.stderr
