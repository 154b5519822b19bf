"""The file of a run: what is written is read again, and what breaks a rule is an error that says where."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from binmorph.bench.record import (
    FORMAT,
    CaseRecord,
    RunRecord,
    SkippedRecord,
    SystemRecord,
    from_json,
    read,
    write,
)
from binmorph.errors import RecordError


def system(name: str, **changes: Any) -> SystemRecord:
    fields: dict[str, Any] = {
        "name": name,
        "version": "1.0",
        "settings": "1 thread",
        "status": "measured",
        "why": None,
        "seconds": (1e-3, 1.5e-3),
        "calls_per_round": 10,
        "kernel_seconds": (0.9e-3, 1.2e-3),
        "energy_joules": {"rapl:package-0": 0.25},
    }
    return SystemRecord(**{**fields, **changes})


def run() -> RunRecord:
    absent: dict[str, Any] = {
        "seconds": (),
        "calls_per_round": 0,
        "kernel_seconds": None,
        "energy_joules": None,
    }
    systems = (
        system("binmorph"),
        system("torch", kernel_seconds=None, energy_joules=None),
        system("larq", status="skipped", why="not installed", **absent),
        system("other", status="wrong", why="3 of 8 bits differ", **absent),
    )
    work = {"kind": "conv2d", "channels": 64, "kernel": [3, 3]}
    case = CaseRecord("layers", "L1", work, 1, 1, "hot", "torch", {"binary_macs": 64}, systems)
    cold = CaseRecord("layers", "L1", work, 1, 1, "cold", None, None, systems[:1])
    skipped = (SkippedRecord("layers", "difflogic", "not installed"),)
    return RunRecord(
        {"processor": "p"}, {"rounds": 2}, "2026-11-21T15:00:00+00:00", True, (case, cold), skipped
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write(run(), file)
    assert read(file) == run()
    assert json.loads(file.read_text("utf-8"))["format"] == FORMAT
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


CASE, SYSTEM = "cases.0", "cases.0.systems.0"
MALFORMED = [
    ("format", "binmorph-bench/9", "run.format"),
    ("complete", 1, "run.complete must be bool"),
    ("machine", None, "run.machine"),
    ("cases", {}, "run.cases must be list"),
    ("cases.1.cache", "hot", "names .* twice"),
    ("cases.1.cache", "warm", r"run.cases\[1\].cache must be one of hot, cold"),
    ("skipped.0", [], r"run.skipped\[0\] must be an object"),
    (f"{CASE}.batch", 0, "batch must be at least 1"),
    (f"{CASE}.threads", True, "threads must be int"),
    (f"{CASE}.baseline", "nobody", "none of its systems"),
    (f"{CASE}.work", {}, "work.kind"),
    (f"{CASE}.counts", {"macs": -1}, "counts.macs must be a number, 0 or more"),
    (f"{CASE}.extra", 1, "nobody knows: extra"),
    ("cases.0.systems.1.name", "binmorph", "different names"),
    (f"{SYSTEM}.status", "fast", "status must be one of"),
    (f"{SYSTEM}.seconds", [1.0, -1.0], "positive numbers"),
    (f"{SYSTEM}.seconds", [1.0, "2"], "positive numbers"),
    (f"{SYSTEM}.seconds", [], "if, and only if, it is measured"),
    (f"{SYSTEM}.calls_per_round", 0, "if, and only if, it is measured"),
    (f"{SYSTEM}.why", "reasons", "nothing else"),
    (f"{SYSTEM}.kernel_seconds", [1.0], "one number per round"),
    (f"{SYSTEM}.energy_joules", {"rapl": "much"}, "energy_joules.rapl must be a number"),
    ("cases.0.systems.2.why", None, "must give the reason"),
]


@pytest.mark.parametrize(("path", "value", "message"), MALFORMED)
def test_malformed_fields(path: str, value: Any, message: str) -> None:
    data = copy.deepcopy(json.loads(json.dumps(run().to_json())))
    *way, last = path.split(".")
    place = data
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    with pytest.raises(RecordError, match=message):
        from_json(data)


def test_missing_fields() -> None:
    data = json.loads(json.dumps(run().to_json()))
    for place, where in (
        (data, "run"),
        (data["cases"][0], r"run.cases\[0\]"),
        (data["skipped"][0], "skipped"),
    ):
        for name in list(place):
            value = place.pop(name)
            with pytest.raises(RecordError, match=rf"{where}.*\.{name} is missing"):
                from_json(data)
            place[name] = value


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": NaN}', '{"format": 1, "format": 2}', "[" * 100_000]
)
def test_files_that_are_no_record(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(text)
    with pytest.raises(RecordError, match=r"run\.json"):
        read(file)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordError, match=r"run\.json"):
        read(tmp_path / "run.json")
