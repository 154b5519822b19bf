"""The suite for machines with a GPU, tried on the emulated driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("part", ["layers", "morphology"])
def test_parts_write_measurements(emulator, tmp_path, part):
    command = [sys.executable, "-m", f"benchmarks.gpu_suite.{part}", str(tmp_path), str(ROOT), "--dry-run"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [json.loads(line) for line in (tmp_path / f"{part}.jsonl").read_text().splitlines()]
    assert len(lines) >= 4
    for line in lines:
        assert line["suite"] == part
        assert line["system"].startswith("binmorph-cuda")
        assert line["median_ms"] >= line["min_ms"] > 0


def test_the_runner_goes_on_after_a_failure(tmp_path, monkeypatch):
    sys.path.insert(0, str(ROOT))
    from benchmarks.gpu_suite import __main__ as suite

    monkeypatch.setattr(suite, "PARTS", (("no_such_part", 20), ("part", 20)))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["suite", str(tmp_path), "--root", str(ROOT), "--dry-run"])
    assert suite.main() == 1
    summary = json.loads((tmp_path / "suite.json").read_text())["summary"]
    assert summary["no_such_part"]["status"] == "failed with exit code 1"
    assert "No module named" in summary["no_such_part"]["output"]
    assert summary["part"]["status"] == "ok"
    assert (tmp_path / "table.txt").exists()
