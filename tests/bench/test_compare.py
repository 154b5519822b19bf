"""Regressions by ratio and spread; machines are not mixed up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from binmorph.bench.compare import compare
from binmorph.bench.record import CaseRecord, RunRecord, SystemRecord, write
from binmorph.cli import main
from binmorph.errors import RecordError

MACHINE = {"processor": "one", "cores": 2, "isas": ["generic"], "system": "Linux x86_64"}


def times(seconds: float, spread: float = 0.02) -> tuple[float, ...]:
    return tuple(float(t) for t in seconds * np.linspace(1, 1 + spread, 11))


def system(name: str, seconds: tuple[float, ...], version: str = "1") -> SystemRecord:
    return SystemRecord(name, version, "", "measured", None, seconds, 1, None, None)


def run(ours: tuple[float, ...], peer: tuple[float, ...] | None = None, version: str = "1") -> RunRecord:
    systems = [system("binmorph", ours)]
    if peer is not None:
        systems.append(system("torch", peer, version))
    baseline = None if peer is None else "torch"
    case = CaseRecord("layers", "L1", {"kind": "layer"}, 1, 1, "hot", baseline, None, tuple(systems))
    return RunRecord(MACHINE, {}, "2026-11-21T12:00:00+00:00", True, (case,), ())


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (run(times(1.0)), run(times(1.05)), "same"),  # within the tolerance
        (run(times(1.0)), run(times(1.2)), "SLOWER"),
        (run(times(1.2)), run(times(1.0)), "faster"),
        (run(times(1.0, 0.5)), run(times(1.2, 0.5)), "same"),  # spreads overlap
        (run(times(1.0)), run(times(1.2, 2.0)), "open"),
        (run(times(1.0), times(5.0)), run(times(1.2), times(6.0)), "same"),  # a slow day of the machine
        (run(times(1.0), times(5.0)), run(times(1.2), times(5.0)), "SLOWER"),
        (run(times(1.0), times(5.0)), run(times(1.2), times(6.0), "2"), "SLOWER"),  # another baseline
    ],
)
def test_the_rule(before: RunRecord, after: RunRecord, verdict: str) -> None:
    found = compare(before, after)
    assert [change.verdict for change in found.changes] == [verdict]
    assert len(found.regressions) == (verdict == "SLOWER")
    assert verdict in str(found)
    assert "layers: L1, batch 1, 1 thread: binmorph" in str(found)


def test_wrong_results_and_lonely_cases() -> None:
    before = run(times(1.0))
    case = before.cases[0]
    wrong = SystemRecord("binmorph", "1", "", "wrong", "3 bits differ", (), 0, None, None)
    found = compare(before, replace(before, cases=(replace(case, systems=(wrong,)),)))
    assert [change.verdict for change in found.regressions] == ["WRONG"]
    found = compare(before, replace(before, cases=(replace(case, name="L2"),)))
    assert found.changes == ()
    assert "only before: layers: L1" in str(found)
    assert "only after: layers: L2" in str(found)


def test_other_machines_are_refused_unless_asked_for() -> None:
    before, after = run(times(1.0)), replace(run(times(1.2)), machine={**MACHINE, "processor": "other"})
    with pytest.raises(RecordError, match="processor is 'one' and 'other'"):
        compare(before, after)
    assert compare(before, after, any_machine=True).regressions


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / name) for name in ("before.json", "after.json", "other.json")]
    write(run(times(1.0)), files[0])
    write(run(times(1.5)), files[1])
    write(replace(run(times(1.5)), machine={**MACHINE, "cores": 4}), files[2])
    assert main(["bench", "compare", files[0], files[1]]) == 1
    assert "SLOWER" in capsys.readouterr().out
    assert main(["bench", "compare", files[1], files[0]]) == 0
    assert main(["bench", "compare", files[0], files[2]]) == 2
    assert main(["bench", "compare", files[0], files[2], "--any-machine"]) == 1
