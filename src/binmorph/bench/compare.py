"""Two runs of one machine: what became slower, beyond the spread of either.

The rule, for each of our systems that both runs measured on the same case. With t the medians of the rounds,
r = t(after) / t(before):

- slower: r is above 1.1, and the 10th percentile after is above the 90th percentile before, so that the two
  spreads do not even touch;
- and, where both runs timed the case's baseline in the same version, our ratio to it grew by more than 1.1 as
  well: a machine that runs everything slower today is no regression;
- faster: the same the other way round. Everything else is "same".

A case whose own spread is too wide to state a ratio (:mod:`.ratios`) is "open": measure again. A result that
became wrong is "WRONG", and a regression, too. A case that is in one run alone is listed, and is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RecordError
from .ratios import WIDEST, percentile
from .record import CaseRecord, RunRecord, SystemRecord
from .report.numbers import median, title, with_unit

TOLERANCE = 1.1
MACHINE = ("processor", "cores", "isas", "system")


@dataclass(frozen=True)
class Change:
    """One system of one case in both runs; ``against_baseline`` is how our ratio to it changed, if known."""

    case: str
    system: str
    before: float | None
    after: float | None
    against_baseline: float | None
    verdict: str

    def __str__(self) -> str:
        times = [with_unit(time, "s") if time is not None else "-" for time in (self.before, self.after)]
        ratio = f"{self.after / self.before:.2f}x" if self.before and self.after else ""
        baseline = f"{self.against_baseline:.2f}x beside the baseline" if self.against_baseline else ""
        cells = (f"{self.verdict:<8}", f"{self.case}: {self.system}", " -> ".join(times), ratio, baseline)
        return "  ".join(cell for cell in cells if cell)


@dataclass(frozen=True)
class Comparison:
    """Every change, and what is in one of the runs alone."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def regressions(self) -> list[Change]:
        """What became slower, or wrong."""
        return [change for change in self.changes if change.verdict in ("SLOWER", "WRONG")]

    def __str__(self) -> str:
        order = ("WRONG", "SLOWER", "open", "faster", "same")
        lines = [str(c) for c in sorted(self.changes, key=lambda change: order.index(change.verdict))]
        lines += [f"only before: {name}" for name in self.only_before]
        lines += [f"only after: {name}" for name in self.only_after]
        counts = ", ".join(f"{sum(c.verdict == v for c in self.changes)} {v}" for v in order)
        return "\n".join([*lines, counts])


def compare(before: RunRecord, after: RunRecord, any_machine: bool = False) -> Comparison:
    """Compare two runs by the rule above.

    Raises:
        RecordError: the runs are of different machines, and ``any_machine`` is false.
    """
    differ = [key for key in MACHINE if before.machine.get(key) != after.machine.get(key)]
    if differ and not any_machine:
        key = differ[0]
        raise RecordError(
            f"the runs are of different machines: {key} is {before.machine.get(key)!r} and "
            f"{after.machine.get(key)!r}; --any-machine compares them all the same"
        )
    old, new = ({case.key: case for case in run.cases} for run in (before, after))
    changes = [change for key in new if key in old for change in _changes(old[key], new[key])]
    return Comparison(
        tuple(changes),
        tuple(f"{case.suite}: {title(case)}" for key, case in old.items() if key not in new),
        tuple(f"{case.suite}: {title(case)}" for key, case in new.items() if key not in old),
    )


def _changes(old: CaseRecord, new: CaseRecord) -> list[Change]:
    name, changes = f"{new.suite}: {title(new)}", []
    systems = {system.name: system for system in old.systems}
    for system in new.systems:
        known = systems.get(system.name)
        if not system.name.startswith("binmorph") or known is None or not known.seconds:
            continue
        if system.status == "wrong":
            changes.append(Change(name, system.name, median(known.seconds), None, None, "WRONG"))
        elif system.seconds:
            beside = _against_baseline(old, new, known, system)
            verdict = _verdict(known.seconds, system.seconds, beside)
            times = median(known.seconds), median(system.seconds)
            changes.append(Change(name, system.name, *times, beside, verdict))
    return changes


def _against_baseline(
    old: CaseRecord, new: CaseRecord, before: SystemRecord, after: SystemRecord
) -> float | None:
    """How our ratio to the baseline grew; None without a baseline of one version in both runs."""
    first, second = (next((s for s in case.systems if s.name == old.baseline), None) for case in (old, new))
    if first is None or second is None or not (first.seconds and second.seconds):
        return None
    if first.version != second.version:
        return None
    grown = median(after.seconds) / median(before.seconds)
    return grown * median(first.seconds) / median(second.seconds)


def _verdict(before: Sequence[float], after: Sequence[float], beside: float | None) -> str:
    low, high = ([percentile(seconds, share) for seconds in (before, after)] for share in (0.1, 0.9))
    if any(top > WIDEST * bottom for bottom, top in zip(low, high, strict=True)):
        return "open"
    change = median(after) / median(before)
    if change > TOLERANCE and low[1] > high[0] and (beside is None or beside > TOLERANCE):
        return "SLOWER"
    if change < 1 / TOLERANCE and high[1] < low[0] and (beside is None or beside < 1 / TOLERANCE):
        return "faster"
    return "same"
