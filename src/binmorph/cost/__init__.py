"""Counts of a network's work, bytes per memory level, and energy *proxies*: counts times published tables."""

from __future__ import annotations

from .counts import Counts
from .energy import Energy
from .kinds import node_kind, step_kind
from .memory import Level, machine_levels
from .network import Cost, cost
from .nodes import count_node, diagram_size, neuron_bits
from .shares import Shares
from .tables import load_tables

__all__ = [
    "Cost",
    "Counts",
    "Energy",
    "Level",
    "Shares",
    "cost",
    "count_node",
    "diagram_size",
    "load_tables",
    "machine_levels",
    "neuron_bits",
    "node_kind",
    "step_kind",
]
