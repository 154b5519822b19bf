"""Counts times a published table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .counts import Counts
from .shares import Shares
from .tables import Table


@dataclass(frozen=True)
class Energy:
    """Energy proxies of a batch in picojoules under one table, for the packed network and its float twin.

    ``packed_bytes`` and ``float_bytes`` say how many bytes each memory of the table moves; ``shares`` are the
    packed picojoules with memory, by kind of step.
    """

    table: str
    title: str
    packed_compute_pj: float
    packed_memory_pj: float
    packed_bytes: dict[str, int]
    float_compute_pj: float
    float_memory_pj: float
    float_bytes: dict[str, int]
    shares: Shares

    @property
    def ratio_compute(self) -> float:
        """Float over packed, arithmetic only."""
        return self.float_compute_pj / max(self.packed_compute_pj, 1e-30)

    @property
    def ratio_total(self) -> float:
        """Float over packed, arithmetic and memory."""
        packed = self.packed_compute_pj + self.packed_memory_pj
        return (self.float_compute_pj + self.float_memory_pj) / max(packed, 1e-30)

    def to_json(self) -> dict[str, Any]:
        """Everything, marked as a proxy."""
        ratios = {"ratio_compute": self.ratio_compute, "ratio_total": self.ratio_total}
        return {**asdict(self), "shares": self.shares.to_json(), **ratios, "kind": "proxy"}


def compute_pj(work: Counts, pj: Mapping[str, float]) -> float:
    """Arithmetic of the packed network; the assumptions are in the data file."""
    logic = work.word_ops + 2 * work.popcounts + work.table_lookups
    return (
        logic * pj["int32_add"]
        + work.float_adds * pj["float32_add"]
        + work.float_muls * pj["float32_mul"]
        + work.int_macs * (pj["int8_mul"] + pj["int32_add"])
    )


def float_compute_pj(work: Counts, pj: Mapping[str, float]) -> float:
    """Arithmetic of the float twin."""
    return work.float_macs * (pj["float32_add"] + pj["float32_mul"])


def memory_pj(moved: Mapping[str, int], table: Table) -> float:
    """Bytes per memory, in 64-bit accesses."""
    return sum(moved[level.name] / 8 * table.pj[level.name] for level in table.levels)
