"""The published energies per operation, with their sources, from ``energy_tables.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

from .memory import Level


def load_tables() -> dict[str, Any]:
    """The data file: assumptions, and per table its citation and picojoules with a confidence each."""
    text = resources.files(__package__).joinpath("energy_tables.json").read_text("utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables


@dataclass(frozen=True)
class Table:
    """Picojoules per operation and per 64-bit access, and the memories that the table knows."""

    name: str
    title: str
    pj: dict[str, float]
    levels: tuple[Level, ...]


def tables() -> tuple[Table, ...]:
    """Every table of the data file."""
    return tuple(
        Table(
            name,
            table["title"],
            {key: float(entry["value"]) for key, entry in table["pj"].items()},
            tuple(Level(level["name"], level["bytes"]) for level in table["levels"]),
        )
        for name, table in load_tables()["tables"].items()
    )
