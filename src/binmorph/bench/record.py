"""What a run of benchmarks leaves: one JSON file, format ``binmorph-bench/1``, read strictly.

A run has a machine card, the options it was called with, and cases. A case is one piece of work that several
systems did in turn; a system has its seconds per call, one number per round in the order of the rounds, so
that rounds of different systems can be compared pairwise. Nothing is left out: outliers are there, systems
that were skipped or gave a wrong result are there with the reason.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import RecordError
from ..format import atomic
from .strict import Fields, parse

FORMAT = "binmorph-bench/1"
STATUSES = ("measured", "skipped", "wrong")
CACHES = ("hot", "cold")


@dataclass(frozen=True)
class SystemRecord:
    """One contestant of a case.

    Attributes:
        name: unique within the case; ours are "binmorph" and "binmorph-...".
        version: of what ran, with the instruction set for ours.
        settings: the options it ran with, as words.
        status: "measured"; "skipped" (not installed, does not fit); "wrong" (its output is not the
            reference's, so it was not timed).
        why: the reason, if not measured.
        seconds: per round, seconds per call from Python; empty if not measured.
        calls_per_round: calls that each of ``seconds`` is the mean of.
        kernel_seconds: the same inside the compiled call, without Python; None where it was not taken.
        energy_joules: measured energy per call by meter, such as {"rapl:package-0": 0.01}; None if no meter.
    """

    name: str
    version: str
    settings: str
    status: str
    why: str | None
    seconds: tuple[float, ...]
    calls_per_round: int
    kernel_seconds: tuple[float, ...] | None
    energy_joules: dict[str, float] | None


@dataclass(frozen=True)
class StepRecord:
    """One step of our plan for the case's network.

    Attributes:
        name: the node that it begins with.
        kind: one of :data:`binmorph.cost.kinds.KINDS`, or "output" for handing the result over.
        kernels: what runs.
        counts: "operations" on words and numbers in the reference form, and "moved.LEVEL", bytes per memory
            of the machine, both for the batch.
        seconds: per round of a profile, which reads a clock around every step.
    """

    name: str
    kind: str
    kernels: tuple[str, ...]
    counts: dict[str, float]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class CaseRecord:
    """One piece of work, done by every system.

    Attributes:
        suite: the name of its suite.
        name: unique within suite, batch, threads and cache.
        work: {"kind": ..., fields of its shape}.
        batch: images per call.
        threads: of every system.
        cache: "hot" (the same data again and again) or "cold" (caches evicted before each call).
        baseline: the system that ours is compared with first; None if none could run.
        counts: operations of the work by name, as :mod:`binmorph.cost` counts them; None if not counted.
        systems: in the order in which they ran.
        steps: of our network, where the case is one; otherwise none.
    """

    suite: str
    name: str
    work: dict[str, Any]
    batch: int
    threads: int
    cache: str
    baseline: str | None
    counts: dict[str, float] | None
    systems: tuple[SystemRecord, ...]
    steps: tuple[StepRecord, ...] = ()

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """What names the case among all runs."""
        return self.suite, self.name, self.batch, self.threads, self.cache


@dataclass(frozen=True)
class SkippedRecord:
    """A system that a whole suite had to do without."""

    suite: str
    system: str
    why: str


@dataclass(frozen=True)
class RunRecord:
    """A run: ``started`` is ISO 8601 with its offset from UTC; ``complete`` is false after Ctrl-C."""

    machine: dict[str, Any]
    options: dict[str, Any]
    started: str
    complete: bool
    cases: tuple[CaseRecord, ...]
    skipped: tuple[SkippedRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, ready for ``json.dump``."""
        return {"format": FORMAT, **asdict(self)}


def dumps(run: RunRecord) -> str:
    """As JSON text."""
    return json.dumps(run.to_json(), allow_nan=False, separators=(",", ":"))


def write(run: RunRecord, path: str | os.PathLike[str]) -> None:
    """Write ``run``; the file appears whole or not at all."""
    atomic.write(path, f"{dumps(run)}\n".encode())


def read(path: str | os.PathLike[str]) -> RunRecord:
    """Read a file that :func:`write` wrote.

    Raises:
        RecordError: the file is no such record; the message names the field and what it should be.
    """
    try:
        return from_json(parse(Path(path).read_text("utf-8")))
    except (UnicodeDecodeError, RecordError) as error:
        raise RecordError(f"{path}: {error}; expected what 'binmorph bench --json' writes") from error


def from_json(data: Any) -> RunRecord:
    """The run in ``data``, as :meth:`RunRecord.to_json` gives it. Raises RecordError."""
    fields = Fields(data, "run")
    if fields.take("format", str) != FORMAT:
        raise RecordError(f"run.format is {data['format']!r}, this version reads {FORMAT!r}")
    run = RunRecord(
        machine=fields.take("machine", dict),
        options=fields.take("options", dict),
        started=fields.take("started", str),
        complete=fields.take("complete", bool),
        cases=fields.many("cases", _case),
        skipped=fields.many("skipped", _skipped),
    )
    fields.end()
    keys = [case.key for case in run.cases]
    if len(set(keys)) != len(keys):
        raise RecordError(f"run.cases names {next(key for key in keys if keys.count(key) > 1)} twice")
    return run


def _case(data: Any, where: str) -> CaseRecord:
    fields = Fields(data, where)
    case = CaseRecord(
        suite=fields.take("suite", str),
        name=fields.take("name", str),
        work=fields.take("work", dict),
        batch=fields.positive("batch"),
        threads=fields.positive("threads"),
        cache=fields.one_of("cache", CACHES),
        baseline=fields.take("baseline", str, None),
        counts=fields.numbers("counts"),
        systems=fields.many("systems", _system),
        steps=fields.many("steps", _step),
    )
    fields.end()
    if not isinstance(case.work.get("kind"), str):
        raise RecordError(f"{where}.work.kind must name the kind of work")
    names = [system.name for system in case.systems]
    if len(set(names)) != len(names):
        raise RecordError(f"{where}.systems must have different names, got {names}")
    if case.baseline is not None and case.baseline not in names:
        raise RecordError(f"{where}.baseline is {case.baseline!r}, which is none of its systems")
    return case


def _system(data: Any, where: str) -> SystemRecord:
    fields = Fields(data, where)
    system = SystemRecord(
        name=fields.take("name", str),
        version=fields.take("version", str),
        settings=fields.take("settings", str),
        status=fields.one_of("status", STATUSES),
        why=fields.take("why", str, None),
        seconds=fields.seconds("seconds") or (),
        calls_per_round=fields.take("calls_per_round", int),
        kernel_seconds=fields.seconds("kernel_seconds", optional=True),
        energy_joules=fields.numbers("energy_joules"),
    )
    fields.end()
    measured = system.status == "measured"
    if measured != bool(system.seconds) or measured != (system.calls_per_round > 0):
        raise RecordError(
            f"{where}: a system has seconds and calls_per_round if, and only if, it is measured"
        )
    if measured == (system.why is not None):
        raise RecordError(f"{where}.why must give the reason of what is not measured, and nothing else")
    if system.kernel_seconds is not None and len(system.kernel_seconds) != len(system.seconds):
        raise RecordError(f"{where}.kernel_seconds must have one number per round, as seconds has")
    return system


def _step(data: Any, where: str) -> StepRecord:
    fields = Fields(data, where)
    step = StepRecord(
        name=fields.take("name", str),
        kind=fields.take("kind", str),
        kernels=tuple(map(str, fields.take("kernels", list))),
        counts=fields.numbers("counts") or {},
        seconds=fields.seconds("seconds") or (),
    )
    fields.end()
    return step


def _skipped(data: Any, where: str) -> SkippedRecord:
    record: SkippedRecord = Fields(data, where).build(SkippedRecord)
    return record
