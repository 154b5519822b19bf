"""Suites are data: one JSON file each, beside this one.

    {"title": ..., "about": ..., "work": [{"kind": ..., "batches": [1, 64], "threads": ["one", "all"], ...}]}

An entry has the fields of its kind (:mod:`binmorph.bench.workloads`); a list in the place of a value stands
for one piece of work per value. ``batches`` defaults to [1], ``threads`` to ["one"]; "all" means the option
``--threads``. ``"full": true`` marks work that runs only with ``--full``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ...errors import RecordError
from ..strict import Fields, parse
from ..workloads import Workload, kinds

THREADS = ("one", "all")


@dataclass(frozen=True)
class Job:
    """One case to be: a piece of work with a batch and a number of threads."""

    suite: str
    work: Workload
    batch: int
    threads: int


@dataclass(frozen=True)
class Entry:
    """Pieces of work that share batches and threads."""

    works: tuple[Workload, ...]
    batches: tuple[int, ...]
    threads: tuple[str, ...]
    full: bool


@dataclass(frozen=True)
class Suite:
    """``about`` says what is compared, and how."""

    name: str
    title: str
    about: str
    entries: tuple[Entry, ...]

    def jobs(self, threads: int, full: bool = False) -> Iterator[Job]:
        """Every case, where "all" means ``threads``."""
        for entry in self.entries:
            if entry.full and not full:
                continue
            counts = sorted({1 if word == "one" else threads for word in entry.threads})
            for work, batch, count in itertools.product(entry.works, entry.batches, counts):
                yield Job(self.name, work, batch, count)


def names() -> list[str]:
    """All suites of this package."""
    files = (resource.name for resource in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(".json") for name in files if name.endswith(".json"))


def load(name: str) -> Suite:
    """The suite ``name``. Raises RecordError if its data break a rule, or there is none."""
    if name not in names():
        raise RecordError(f"there is no suite {name!r}; there are {', '.join(names())}")
    return from_json(name, parse(resources.files(__name__).joinpath(f"{name}.json").read_text("utf-8")))


def from_json(name: str, data: Any) -> Suite:
    """The suite in ``data``. Raises RecordError."""
    fields = Fields(data, name)
    suite = Suite(name, fields.take("title", str), fields.take("about", str), fields.many("work", _entry))
    fields.end()
    return suite


def _entry(data: Any, where: str) -> Entry:
    if not isinstance(data, dict):
        raise RecordError(f"{where} must be an object")
    fields = {"batches": [1], "threads": ["one"], "full": False, **data}
    kind, batches, threads, full = (fields.pop(n, None) for n in ("kind", "batches", "threads", "full"))
    if kind not in kinds():
        raise RecordError(f"{where}.kind must be one of {', '.join(kinds())}, got {kind!r}")
    if not isinstance(batches, list) or not all(type(n) is int and n > 0 for n in batches):
        raise RecordError(f"{where}.batches must be a list of positive numbers, got {batches!r}")
    if not isinstance(threads, list) or not all(word in THREADS for word in threads):
        raise RecordError(f"{where}.threads must be a list of {' and '.join(THREADS)}, got {threads!r}")
    if not isinstance(full, bool):
        raise RecordError(f"{where}.full must be true or false, got {full!r}")
    choices = [value if isinstance(value, list) else [value] for value in fields.values()]
    works = tuple(
        Fields(dict(zip(fields, values, strict=True)), where).build(kinds()[kind])
        for values in itertools.product(*choices)
    )
    return Entry(works, tuple(batches), tuple(threads), full)
