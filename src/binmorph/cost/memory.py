"""Which memory a working set fits, and what a network moves through each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True)
class Level:
    """A memory and how many bytes it holds; None for one that holds everything."""

    name: str
    bytes: int | None


@dataclass(frozen=True)
class Transfer:
    """What a step moves: its weights, and the values of one image that it reads and writes, in bytes."""

    weights: int
    values: int


def machine_levels(folder: Path = CACHES) -> tuple[Level, ...]:
    """The data caches of this machine's first core, smallest first, and "DRAM".

    Only DRAM where the system does not tell (the folder is Linux's)."""
    levels = []
    for index in sorted(folder.glob("index*")):
        try:
            kind = (index / "type").read_text().strip()
            number = int((index / "level").read_text())
            size = re.fullmatch(r"(\d+)([KMG]?)", (index / "size").read_text().strip())
        except (OSError, ValueError):
            continue
        if kind != "Instruction" and size is not None:
            levels.append(Level(f"L{number}", int(size[1]) * UNITS[size[2]]))
    return (*sorted(levels, key=lambda level: level.bytes or 0), Level("DRAM", None))


def smallest_level(working_set: int, levels: Sequence[Level]) -> str:
    """The first of ``levels`` that holds ``working_set`` bytes."""
    return next(level.name for level in levels if level.bytes is None or working_set <= level.bytes)


def bytes_per_level(
    steps: Sequence[Transfer], levels: Sequence[Level], images: int, units: int
) -> list[dict[str, int]]:
    """Per step, bytes that come from (or go to) each level for a batch of ``images`` that runs in ``units``.

    Calls follow one another, so between two uses of a weight all other weights and the largest values pass
    by: weights come from the smallest level that holds those together, once per unit. A value is read soon
    after it was written: it stays in the smallest level that holds it with the step's weights and its other
    values. What a step reads again while it runs is not counted.
    """
    network = sum(step.weights for step in steps) + max((step.values for step in steps), default=0)
    weights_from = smallest_level(network, levels)
    moved = []
    for step in steps:
        part = {level.name: 0 for level in levels}
        part[weights_from] += step.weights * units
        part[smallest_level(step.weights + step.values, levels)] += step.values * images
        moved.append(part)
    return moved


def add_levels(parts: Iterable[dict[str, int]], levels: Sequence[Level]) -> dict[str, int]:
    """The sum over all steps."""
    parts = list(parts)
    return {level.name: sum(part[level.name] for part in parts) for level in levels}
