"""Counts and steps of a case's network, ready for a record."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_streams import random_stream_graph

from binmorph import ir
from binmorph.bench.counts import counts_of, step_records
from binmorph.bench.peaks import measure_peaks
from binmorph.cost import Level, load_tables


def test_counts_and_steps() -> None:
    graph = random_stream_graph(np.random.default_rng(1))
    counts = counts_of(graph, 2)
    assert all(value >= 0 for value in counts.values())
    for table in load_tables()["tables"]:
        start = f"energy.{table}."
        shares = sum(value for name, value in counts.items() if name.startswith(start + "share."))
        assert shares == pytest.approx(counts[start + "packed_compute"] + counts[start + "packed_memory"])
    x = np.zeros((2, *graph.input.shape), graph.input.dtype)
    steps = step_records(graph, x, rounds=3)
    assert steps[-1].name == "output"
    assert sum(step.counts.get("operations", 0) for step in steps) == counts["operations"]
    assert all(len(step.seconds) == 3 and min(step.seconds) > 0 for step in steps)


def test_a_step_that_loads_the_input() -> None:
    pool = ir.AvgPool("pool", "input", (2, 2), (1, 1))
    steps = step_records(
        ir.Graph(ir.InputSpec("float32", (2, 3, 3)), (pool,), "pool"), np.zeros((1, 2, 3, 3), np.float32), 1
    )
    assert [step.kernels for step in steps[:1]] == [("load",)]


def test_steps_of_a_batch_in_two_layouts() -> None:
    from oracle import random_graph

    graph = random_graph(np.random.default_rng(5))
    steps = step_records(graph, np.zeros((257, *graph.input.shape), graph.input.dtype), rounds=1)
    assert len({(step.name, step.kernels) for step in steps}) == len(steps)


def test_peaks() -> None:
    levels = (Level("L1", 16 << 10), Level("DRAM", None))
    peaks = measure_peaks(seconds=1e-4, levels=levels)
    assert set(peaks["bytes"]) == {"L1", "DRAM"}
    assert min(peaks["bytes"].values()) > 0
    assert min(peaks[name] for name in ("word_operations", "popcount_operations", "float_operations")) > 0
