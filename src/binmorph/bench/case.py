"""What a suite is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    """One contestant: ``call`` does the work once; ``version`` names what was run."""

    name: str
    version: str
    call: Callable[[], object]


@dataclass(frozen=True)
class Case:
    """Systems that do the same work, checked against the reference when the case was made.

    ``baseline`` names the system that the others are compared with.
    """

    name: str
    systems: tuple[System, ...]
    baseline: str
    threads: int = 1


Suite = Callable[[int], Iterator[Case]]
"""Makes its cases for a number of threads, one after the other."""
