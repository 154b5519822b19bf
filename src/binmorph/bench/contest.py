"""Who takes part in a case: systems that do the same work, each checked against the reference first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .record import StepRecord, SystemRecord

Array = npt.NDArray[Any]
Check = Callable[[Array], str | None]
"""Says what is wrong with an output; None if nothing is."""


class Absent(Exception):
    """A system cannot take part: it is not installed, or the work does not fit it. The text says why."""


@dataclass(frozen=True)
class System:
    """One contestant.

    Attributes:
        name: unique within the case; ours are "binmorph" and "binmorph-...".
        version: of what runs.
        call: does the work once, from Python.
        output: the result of the work, as an array to check.
        settings: the options it runs with.
        kernel: ``kernel(n)`` does the work n times in one call into compiled code; None if that cannot be.
        clock: ``clock(n, cold)`` does n calls and says their seconds, for a system in a process of its own;
            cold: one call, behind an eviction there.
    """

    name: str
    version: str
    call: Callable[[], object]
    output: Callable[[], Array]
    settings: str = ""
    kernel: Callable[[int], object] | None = None
    clock: Callable[[int, bool], float] | None = None


@dataclass
class Case:
    """A piece of work and the systems that do it. ``work`` has its kind and shape; ``preferred`` names
    baselines, best first; ``counts`` are operations by name; ``profile`` times the steps of our
    network, where the work is one."""

    name: str
    work: dict[str, Any]
    batch: int
    threads: int
    preferred: tuple[str, ...]
    counts: dict[str, float] | None = None
    profile: Callable[[], tuple[StepRecord, ...]] | None = None
    systems: list[System] = field(default_factory=list)
    others: list[SystemRecord] = field(default_factory=list)  # skipped and wrong ones

    @property
    def baseline(self) -> str | None:
        """The first preferred system that takes part."""
        names = {system.name for system in self.systems}
        return next((name for name in self.preferred if name in names), None)

    def enter(self, name: str, make: Callable[[], System], check: Check) -> None:
        """Make the system ``name``, check its output, and let it take part; or note why it does not."""
        try:
            system = make()
            wrong = check(system.output())
        except (Absent, ImportError) as reason:
            self._leave_out(name, "", "", "skipped", str(reason))
        except Exception as error:  # a library that fails must not end the run
            status = "wrong" if name.startswith("binmorph") else "skipped"  # ours must not fail
            self._leave_out(name, "", "", status, f"{type(error).__name__}: {error}"[:300])
        else:
            if wrong is None:
                self.systems.append(system)
            else:
                self._leave_out(name, system.version, system.settings, "wrong", wrong)

    def _leave_out(self, name: str, version: str, settings: str, status: str, why: str) -> None:
        self.others.append(SystemRecord(name, version, settings, status, why, (), 0, None, None))


def equal(expected: Array) -> Check:
    """Every value is the reference's."""

    def check(found: Array) -> str | None:
        if found.shape != expected.shape:
            return f"its output has shape {found.shape}, the reference {expected.shape}"
        differ = int(np.count_nonzero(found != expected))
        return f"{differ} of {expected.size} values differ from the reference" if differ else None

    return check


def same_shape(expected: Array) -> Check:
    """For another function of the same input."""

    def check(found: Array) -> str | None:
        if found.shape != expected.shape:
            return f"its output has shape {found.shape}, the packed network's {expected.shape}"
        return None

    return check


def close(expected: Array, relative: float = 1e-3) -> Check:
    """Values differ by roundings: by no more than ``relative`` of the largest."""

    def check(found: Array) -> str | None:
        if found.shape != expected.shape:
            return f"its output has shape {found.shape}, the reference {expected.shape}"
        off = float(np.abs(found - expected).max()) / max(float(np.abs(expected).max()), 1e-30)
        return None if off <= relative else f"its output is off by {off:.2g} of the largest value"

    return check


def correlated(expected: Array, least: float) -> Check:
    """For what rounds on purpose (int8) or turns single signs (float sums in another order)."""

    def check(found: Array) -> str | None:
        if found.shape != expected.shape:
            return f"its output has shape {found.shape}, the reference {expected.shape}"
        r = float(np.corrcoef(found.reshape(-1), expected.reshape(-1))[0, 1])
        return (
            None if r >= least else f"its output correlates with the reference by {r:.3f}, less than {least}"
        )

    return check
