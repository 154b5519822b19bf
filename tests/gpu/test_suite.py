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
    assert (tmp_path / "parts" / "part.log").exists()
    assert summary["no_such_part"]["status"] == "failed with exit code 1"
    assert "No module named" in summary["no_such_part"]["output"]
    assert summary["part"]["status"] == "ok"
    assert (tmp_path / "table.txt").exists()


_SLOW = """
import json, pathlib, sys, time
print("so far so good", flush=True)
line = {"suite": "slow", "case": "a", "system": "b", "median_ms": 1.0}
with open(pathlib.Path(sys.argv[1]) / "slow.jsonl", "w") as file:
    file.write(json.dumps(line) + "\\n" + '{"suite": "slow", "ca')
    file.flush()
    time.sleep(60)
"""


@pytest.fixture
def slow_suite(tmp_path, monkeypatch):
    """A suite whose first part never ends, and how it is called."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.gpu_suite import __main__ as suite

    folder = tmp_path / "fake_parts"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "slow.py").write_text(_SLOW)
    (folder / "quick.py").write_text("print('here')")
    monkeypatch.setattr(suite, "PARTS", (("slow", 2), ("quick", 20)))
    monkeypatch.setattr(suite, "TOTAL", 22)
    monkeypatch.setattr(suite, "PACKAGE", "fake_parts")
    monkeypatch.setattr(suite, "LOOK_SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["suite", str(tmp_path / "out"), "--root", str(ROOT)])
    return suite


def test_a_part_that_takes_too_long_leaves_what_it_measured(slow_suite, tmp_path):
    assert slow_suite.main() == 1
    found = json.loads((tmp_path / "out" / "suite.json").read_text())
    assert found["summary"]["slow"]["status"] == "stopped after 2 s"
    assert found["summary"]["slow"]["output"] == "so far so good\n"
    assert found["summary"]["quick"]["status"] == "ok"
    assert [m["case"] for m in found["measurements"]] == ["a"]
    assert "1000.00 us" in (tmp_path / "out" / "table.txt").read_text()


def test_a_suite_that_is_killed_leaves_what_it_measured(slow_suite, tmp_path, monkeypatch):
    """The files are written while a part runs."""
    seen: list[dict] = []
    replace = slow_suite.replace

    def remember(file: Path, text: str) -> None:
        replace(file, text)
        if file.name == "suite.json":
            seen.append(json.loads(file.read_text()))

    monkeypatch.setattr(slow_suite, "replace", remember)
    slow_suite.main()
    under_way = [found for found in seen if found["summary"]["slow"] == {"status": "under way"}]
    assert any(found["measurements"] for found in under_way)


def test_goals_stand_beside_the_figures():
    sys.path.insert(0, str(ROOT))
    from benchmarks.gpu_suite.goals import goals_of

    def line(case: str, system: str, milliseconds: float, rate: str = "") -> dict[str, object]:
        return {"case": case, "system": system, "median_ms": milliseconds, "rate": rate}

    case = "L1 64->64 3x3 @56 batch 64"
    measurements = [
        line(case, "binmorph-cuda_wgmma", 2.0, "40.0 TOPS"),
        line(case, "torch-cuda", 11.0),
        line(case, "torch-cuda-fp8", 9.0),
        line(case, "cudnn-int8", 10.0),
        line("body batch 1", "binmorph-device", 0.040),
        line("erosion 3x3 4096^2", "binmorph-cuda", 1.0, "17 Gpx/s, 86 % of the copy rate"),
    ]
    peaks = [
        {"kind": "b1", "operands": "random", "tops": 100.0},
        {"kind": "b1", "operands": "zeros", "tops": 500.0},
    ]
    lines = [str(goal).split() for goal in goals_of(measurements, peaks)]
    ends = {" ".join(words) for words in lines}
    assert "peak of 1-bit products, A in shared memory 100.0 TOPS" in ends
    assert f"{case} 5.5 x cuDNN float16 goal: >= 6, missed" in ends
    assert f"{case} 4.5 x best of 8 bits goal: >= 4, met" in ends
    assert f"{case} 40.0 % of the peak goal: >= 30, met" in ends
    assert "body batch 1, device 40.0 us goal: <= 45, met" in ends
    assert "body batch 1024 unmeasured M images/s goal: >= 1.8" in ends
    assert "erosion 3x3 4096^2 86.0 % of the copy rate goal: >= 85, met" in ends
    assert "erosion 3x3 4096^2 unmeasured x CuPy goal: >= 50" in ends


def test_parts_share_the_time_that_is_there(tmp_path, monkeypatch):
    """Nine minutes at most, whatever hangs; what a part leaves is the next one's."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.gpu_suite import __main__ as suite

    limits: dict[str, float] = {}
    now, took = [1000.0], {"machine": 0.0}  # all others hang

    def run_part(
        part: str, out: Path, root: Path, dry: bool, limit: float, look: object
    ) -> dict[str, object]:
        limits[part] = limit
        now[0] += took.get(part, limit)
        return {"status": "ok"}

    monkeypatch.setattr(suite, "run_part", run_part)
    monkeypatch.setattr(suite.time, "time", lambda: now[0])
    monkeypatch.setattr(suite, "TOTAL", 520)
    command = ["suite", str(tmp_path), "--root", str(ROOT), "--start", "880"]  # the build took 120 s
    monkeypatch.setattr(sys, "argv", command)
    assert suite.main() == 0
    assert now[0] - 880 == pytest.approx(520)
    shares = dict(suite.PARTS)
    assert limits["hopper"] / limits["truth"] > shares["hopper"] / shares["truth"]
    assert limits["cpu"] > 30


def test_nothing_is_taken_from_the_network():
    """Machines with a GPU have no network: waiting for one takes the time of measurements."""
    script = (ROOT / "benchmarks/gpu_suite/run.sh").read_text()
    installs = [line for line in script.splitlines() if "${pip[@]}" in line]
    assert installs
    assert all("--no-index" in line for line in installs)


@pytest.mark.parametrize(
    ("body", "status"), [("time.sleep(60)", "some files stopped: no time"), ("assert False", "failed")]
)
def test_a_test_file_without_time_is_no_failure(tmp_path, body, status):
    sys.path.insert(0, str(ROOT))
    from benchmarks.gpu_suite.pytest_files import run_files

    (tmp_path / "test_it.py").write_text(f"import time\ndef test_it():\n    {body}\n")
    limit = 3.0 if "sleep" in body else 60.0
    assert run_files(tmp_path, [tmp_path / "test_it.py"], 1, limit)["status"] == status
