"""Runs of tiny cases: what is measured, skipped and wrong, Ctrl-C, and what the command line makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binmorph.bench import record
from binmorph.bench.contest import Absent, Case, System, equal
from binmorph.bench.engine import Engine
from binmorph.bench.ratios import Ratio, ratio
from binmorph.cli import main

OPTIONS = {"rounds": 3, "round_seconds": 1e-5, "cold": False}
ANSWER = np.arange(4)


def system(name: str, output: Any = ANSWER, call: Any = lambda: None) -> System:
    return System(name, "1", call, lambda: output, kernel=lambda n: None)


def case(name: str = "case", call: Any = lambda: None) -> Case:
    made = Case(name, {"kind": "test"}, 1, 1, ("absent", "peer"))

    def fails() -> System:
        raise RuntimeError("no such layer")

    def absent() -> System:
        raise Absent("not here")

    check = equal(ANSWER)
    made.enter("binmorph", lambda: system("binmorph"), check)
    made.enter("peer", lambda: system("peer", call=call), check)
    made.enter("liar", lambda: system("liar", ANSWER + (ANSWER == 2)), check)
    made.enter("absent", absent, check)
    made.enter("broken", fails, check)
    return made


def test_what_is_measured_skipped_and_wrong() -> None:
    said: list[str] = []
    finished: list[record.CaseRecord] = []
    engine = Engine({**OPTIONS, "cold": True}, said.append)
    run = engine.run([("suite", case)], finished.append)
    assert run.complete
    assert [c.cache for c in finished] == ["hot", "cold"]
    hot = run.cases[0]
    assert hot.baseline == "peer"
    status = {s.name: s.status for s in hot.systems}
    assert status == {
        "binmorph": "measured",
        "peer": "measured",
        "liar": "wrong",
        "absent": "skipped",
        "broken": "skipped",
    }
    assert all(len(s.seconds) == 3 and len(s.kernel_seconds or ()) == 3 for s in hot.systems[:2])
    assert hot.systems[2].why == "1 of 4 values differ from the reference"
    assert {s.system: s.why for s in run.skipped} == {
        "absent": "not here",
        "broken": "RuntimeError: no such layer",
    }
    assert "WRONG suite: case: liar: 1 of 4 values differ from the reference" in said
    assert "SKIPPED suite: absent: not here" in said
    assert record.from_json(json.loads(record.dumps(run))) == run


def test_interrupt_keeps_the_rounds_that_were_finished() -> None:
    calls = 0

    def interrupts() -> None:
        nonlocal calls
        calls += 1
        if calls > 60:
            raise KeyboardInterrupt

    engine = Engine({**OPTIONS, "rounds": 1000, "round_seconds": 1e-9}, lambda text: None)
    jobs = [("suite", lambda: case("second", interrupts)), ("suite", lambda: case("third"))]
    run = engine.run(jobs, lambda case: None)
    assert not run.complete
    (kept,) = run.cases
    assert 0 < len(kept.systems[0].seconds) == len(kept.systems[1].seconds) < 1000
    assert record.from_json(json.loads(record.dumps(run))) == run


def test_interrupt_between_cases() -> None:
    def stops() -> Case:
        raise KeyboardInterrupt

    run = Engine(OPTIONS, lambda text: None).run([("a", case), ("a", stops)], lambda case: None)
    assert not run.complete
    assert len(run.cases) == 1


@pytest.mark.parametrize(
    ("figures", "stated"),
    [
        ((2.0, 2.5, 3.0), True),
        ((2.0, 3.0, 4.1), False),  # more than a factor of 2 apart
        ((0.9, 1.0, 1.2), False),  # which is faster is open
        ((0.97, 1.0, 1.03), True),  # they are even
        ((1.01, 1.2, 1.4), True),
    ],
)
def test_ratios_that_the_spread_swamps(figures: tuple[float, float, float], stated: bool) -> None:
    found = Ratio(*figures)
    assert found.stated == stated
    assert ("swamps" in str(found)) != stated


def test_ratios_are_taken_round_by_round() -> None:
    ours = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert ratio([3 * s for s in ours], ours) == Ratio(3.0, 3.0, 3.0)


def test_merge_of_runs(tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        runs.append(Engine(OPTIONS, lambda text: None).run([(name, case)], lambda case: None))
        record.write(runs[-1], tmp_path / f"{name}.json")
    files = [str(tmp_path / f"{name}.json") for name in ("a", "b")]
    assert main(["bench", "merge", *files, "--json", str(tmp_path / "both.json")]) == 0
    both = record.read(tmp_path / "both.json")
    assert [c.suite for c in both.cases] == ["a", "b"]
    assert both.complete
    assert main(["bench", "merge", files[0], files[0], "--json", str(tmp_path / "twice.json")]) == 2


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "list"]) == 0
    assert "layers" in capsys.readouterr().out
    for words in (["none"], ["list", "x"], ["compare", "x"], ["report"], ["bisel", "--float", "m.py:build"]):
        assert main(["bench", *words]) == 2
    assert main(["bench", "bisel", "--json", str(tmp_path / "none" / "x.json")]) == 2


BLOCKED = """
import sys
BLOCK = {"torch", "openvino", "onnx", "onnxruntime", "cv2", "scipy", "skimage", "tqdm", "matplotlib", "cupy"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCK:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from binmorph.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_any_peer(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    words = ["bench", "bisel", "--rounds", "1", "--threads", "1", "--json", str(file)]
    command = [sys.executable, "-c", BLOCKED, *words]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, env={**os.environ})
    assert result.returncode == 0, result.stderr
    assert "SKIPPED bisel: torch: No module named 'torch'" in result.stderr
    run = record.read(file)
    assert run.complete
    assert len(run.cases) == 8
    for made in run.cases:
        assert made.baseline is None
        assert {s.status for s in made.systems if s.name.startswith("binmorph")} == {"measured"}
        assert {s.status for s in made.systems if not s.name.startswith("binmorph")} == {"skipped"}


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = Path(__file__).resolve().parents[1] / "golden" / "v1" / "digits_like.bmorph"
    saved = tmp_path / "run.json"
    words = ["bench", str(file), "--quick", "--rounds", "1", "--batch", "3", "--threads", "1"]
    assert main([*words, "--json", str(saved)]) == 0
    (case,) = record.read(saved).cases
    assert (case.suite, case.batch) == ("model", 3)
    assert case.steps
