"""Runs cases one after the other, and turns what was measured into a record."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from .contest import Case
from .machine import machine_card
from .measure import measure
from .record import CaseRecord, RunRecord, SkippedRecord, SystemRecord

MakeCase = Callable[[], Case]
PINNING = "none: the system's scheduler places threads on the cores that the process may use"


class Engine:
    """Collects the cases of a run; :attr:`record` is what there is so far."""

    def __init__(self, options: dict[str, Any], say: Callable[[str], None]) -> None:
        self._options, self._say = {**options, "pinning": PINNING}, say
        self._started = datetime.now().astimezone().isoformat(timespec="seconds")
        self._machine = machine_card()
        self._cases: list[CaseRecord] = []
        self._skipped: dict[tuple[str, str], SkippedRecord] = {}
        self.complete = False

    @property
    def record(self) -> RunRecord:
        """The run up to now."""
        return RunRecord(
            self._machine,
            self._options,
            self._started,
            self.complete,
            tuple(self._cases),
            tuple(self._skipped.values()),
        )

    def run(self, jobs: Iterable[tuple[str, MakeCase]], finished: Callable[[CaseRecord], None]) -> RunRecord:
        """Every (suite, maker of a case); ``finished`` is called after each. Ctrl-C ends the run: what was
        measured stays, and :attr:`complete` stays false."""
        try:
            for suite, make in jobs:
                case = make()
                self._announce(suite, case)
                if not self._measure(suite, case, finished):
                    return self.record
        except KeyboardInterrupt:
            return self.record
        self.complete = True
        return self.record

    def _announce(self, suite: str, case: Case) -> None:
        for other in case.others:
            known = self._skipped.get((suite, other.name))
            if other.status == "wrong":
                self._say(f"WRONG {suite}: {case.name}: {other.name}: {other.why}")
            elif known is None or known.why != other.why:
                self._say(f"SKIPPED {suite}: {other.name}: {other.why}")
                record = SkippedRecord(suite, other.name, other.why or "")
                self._skipped.setdefault((suite, other.name), record)

    def _measure(self, suite: str, case: Case, finished: Callable[[CaseRecord], None]) -> bool:
        """Whether all rounds ran."""
        complete = True
        for cache in ("hot", "cold") if self._options["cold"] else ("hot",):
            cold = cache == "cold"
            rounds = min(self._options["rounds"], 15) if cold else self._options["rounds"]
            timings, complete = measure(case.systems, rounds, self._options["round_seconds"], cold)
            if not all(timing.seconds for timing in timings.values()):
                return False
            measured = [
                SystemRecord(
                    system.name,
                    system.version,
                    system.settings,
                    "measured",
                    None,
                    tuple(timings[system.name].seconds),
                    timings[system.name].calls_per_round,
                    _tuple(timings[system.name].kernel),
                    None,
                )
                for system in case.systems
            ]
            record = CaseRecord(
                suite,
                case.name,
                case.work,
                case.batch,
                case.threads,
                cache,
                case.baseline,
                case.counts,
                (*measured, *case.others),
            )
            self._cases.append(record)
            finished(record)
            if not complete:
                break
        return complete


def _tuple(values: list[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values)


def say(message: str) -> None:
    """To stderr, so that stdout stays clean for results."""
    print(message, file=sys.stderr, flush=True)
