"""Costs by the plan: the kernels that run, the values that move, the memories that hold them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracle import random_graph
from oracle_streams import random_stream_graph

from binmorph import _core, ir
from binmorph.cost import Counts, Level, Shares, cost, machine_levels, step_kind
from binmorph.cost.memory import Transfer, bytes_per_level, smallest_level
from binmorph.cost.methods import as_run
from binmorph.runtime import PackedModel

LEVELS = (Level("near", 100), Level("middle", 1000), Level("far", None))


@pytest.mark.parametrize("seed", range(8))
def test_steps_add_up_to_the_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_stream_graph(rng) if seed % 2 else random_graph(rng)
    model = PackedModel(graph, threads=1)
    for batch in (1, 300):
        result = model.cost(batch)
        counts = sum((step.counts for step in result.steps), Counts())
        assert counts == result.total
        assert sorted(name for step in result.steps for name in step.nodes) == sorted(result.nodes)
        for level, size in result.moved.items():
            assert size == sum(step.moved[level] for step in result.steps)
        for energy in result.energy:
            total = energy.packed_compute_pj + energy.packed_memory_pj
            assert energy.shares.total == pytest.approx(total)
        json.dumps(result.to_json())
        assert result.form.startswith("kernels, ")


def test_keys_are_those_of_the_profile() -> None:
    rng = np.random.default_rng(3)
    graph = random_stream_graph(rng)
    model = PackedModel(graph, threads=1)
    x = np.zeros((1, *graph.input.shape), graph.input.dtype)
    times = model.profile(x, rounds=1)
    assert {step.key for step in model.cost().steps if step.key} == set(times) - {"", "output"}


def test_what_is_fused_does_not_move() -> None:
    sums = ir.CountConv2d(
        "sums",
        "bits",
        kernel=(1, 1),
        stride=(1, 1),
        dilation=(1, 1),
        padding=(0, 0),
        groups=1,
        border="zeros",
        factor=1,
        plus_weights=np.ones((64, 64), bool),
        minus_weights=np.zeros((64, 64), bool),
        constant=np.zeros((1, 64), np.int32),
    )
    scale = ir.Affine("scale", "sums", np.ones(64, np.float32), np.zeros(64, np.float32))
    sign = ir.LevelSets("sign", "scale", np.zeros((64, 1), np.float32))
    nodes = (ir.PackBinary("bits", "input"), sums, scale, sign)
    graph = ir.Graph(ir.InputSpec("uint8", (64, 10, 10)), nodes, "sign")
    apart, fused = cost(graph), PackedModel(graph, threads=1).cost()
    step = next(step for step in fused.steps if "sums" in step.nodes)
    assert step.nodes == ("sums", "scale", "sign")
    assert step.kind == step_kind(graph, step.nodes) == "binary with float epilogue"
    weights = apart.total.weight_bytes
    assert sum(step.moved.values()) == 2 * 800 + weights  # bits in, bits out
    alone = sum(sum(part.moved.values()) for part in apart.steps if part.name in step.nodes)
    assert alone == 2 * 800 + weights + 4 * 25600  # and two images of numbers, both ways
    assert fused.total.elementwise_ace == 6400 * 1024


def test_levels_hold_working_sets() -> None:
    assert [smallest_level(size, LEVELS) for size in (0, 100, 101, 1000, 1001)] == [
        "near", "near", "middle", "middle", "far",
    ]  # fmt: skip
    steps = [Transfer(weights=60, values=30), Transfer(weights=60, values=300)]
    moved = bytes_per_level(steps, LEVELS, images=10, units=2)
    assert moved == [{"near": 300, "middle": 120, "far": 0}, {"near": 0, "middle": 120 + 3000, "far": 0}]


def test_machine_levels(tmp_path: Path) -> None:
    caches = [
        ("1", "Data", "32K"),
        ("1", "Instruction", "32K"),
        ("2", "Unified", "1024K"),
        ("3", "Unified", "8M"),
    ]
    for i, (level, kind, size) in enumerate(caches):
        folder = tmp_path / f"index{i}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(text + "\n")
    (tmp_path / "index9").mkdir()  # a cache that says nothing
    expected = (Level("L1", 32 << 10), Level("L2", 1 << 20), Level("L3", 8 << 20), Level("DRAM", None))
    assert machine_levels(tmp_path) == expected
    assert machine_levels(tmp_path / "none") == (Level("DRAM", None),)


def test_tables_replace_population_counts() -> None:
    work = Counts(binary_macs=6400, word_ops=200, popcounts=100)
    assert as_run(work, ["threshold_conv2d_u64_u64__x86_avx512_popcnt"]) == work
    lookups = as_run(work, ["pack", "threshold_conv2d_u64_u64__x86_avx512_permb"])
    assert lookups == Counts(binary_macs=6400, word_ops=100, table_lookups=400)
    names = [name for _, name, _, _ in _core.kernels.list_kernels()]
    if _core.isas()["x86_avx512"]:  # the names that the rule goes by exist
        assert any(name.endswith("_lutp") for name in names)
        assert any(name.endswith("_permb") for name in names)


def test_shares() -> None:
    shares = Shares({"binary": 6.0, "binary with float epilogue": 2.0, "float": 1.0, "integer": 1.0})
    assert shares.float_share == pytest.approx(0.2)
    assert shares.float_share_at_most == pytest.approx(0.4)
    assert shares.bound == pytest.approx(5)
    assert Shares({"binary": 1.0}).bound is None
    assert Shares({}).float_share == 0
