"""Runs cases one after the other, and turns what was measured into a record."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median
from typing import Any

from .contest import Case, System
from .machine import machine_card
from .measure import measure
from .meters import find_meters, joules_per_call
from .record import CaseRecord, RunRecord, SkippedRecord, SystemRecord

MakeCase = Callable[[], Case]
METER_SECONDS = 1.0  # of calls in a row for each meter
PINNING = "none: the system's scheduler places threads on the cores that the process may use"


class Engine:
    """Collects the cases of a run; :attr:`record` is what there is so far."""

    def __init__(
        self, options: dict[str, Any], say: Callable[[str], None], peaks: dict[str, Any] | None = None
    ) -> None:
        self._options, self._say = {**options, "pinning": PINNING}, say
        self._started = datetime.now().astimezone().isoformat(timespec="seconds")
        self._meters, absent = find_meters(file=options.get("meter"))
        self._options["meter"] = None if options.get("meter") is None else str(options["meter"])
        for meter, why in absent.items():
            say(f"ABSENT energy meter {meter}: {why}")
        self._machine = {**machine_card(), "meters": absent, "peaks": peaks}
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
                    self._joules(system, timings[system.name].seconds, cold),
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
                case.profile() if case.profile is not None and not cold else (),
            )
            self._cases.append(record)
            finished(record)
            if not complete:
                break
        return complete

    def _joules(self, system: System, seconds: list[float], cold: bool) -> dict[str, float] | None:
        """Measured energy of hot calls."""
        if cold or not self._meters:
            return None
        return joules_per_call(system.call, max(1, round(METER_SECONDS / median(seconds))), self._meters)


def _tuple(values: list[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values)


def say(message: str) -> None:
    """To stderr, so that stdout stays clean for results."""
    print(message, file=sys.stderr, flush=True)
