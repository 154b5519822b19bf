"""The plan says what runs: registered kernels of the chosen instruction set, an arena, a schedule by cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from oracle import random_graph, random_neurons
from runtime_testing import ISAS, binary_spec, bisel_graph, every_isa

from binmorph import _core, ir
from binmorph.errors import IsaError
from binmorph.runtime import PackedModel

ORDER = list(_core.isas())  # from the least to the most capable
KERNELS = {name: (op, isa) for op, name, isa, _ in _core.kernels.list_kernels()}


def best_isa(op: str, isa: str) -> str:
    """The instruction set of the kernel that must run for ``op``: the best one not above ``isa``."""
    return max(
        (k for o, k in KERNELS.values() if o == op and ORDER.index(k) <= ORDER.index(isa)), key=ORDER.index
    )


def assert_plan_is_true(model: PackedModel, isa: str) -> None:
    plan = model.plan()
    assert plan.isa == model.isa == isa
    for layout in plan.layouts:
        assert [step.node for step in layout.steps] == [node.name for node in model.graph.nodes]
        for step in layout.steps:
            assert step.kernels or step.op == "flatten"
            for kernel in step.kernels:
                op, kernel_isa = KERNELS[kernel]
                assert kernel_isa == best_isa(op, isa), f"{kernel} runs under {isa}"
            assert step.offset % 64 == 0
            assert step.offset + step.bytes <= layout.arena_bytes


@every_isa
def test_every_kernel_is_registered_and_of_the_chosen_isa(isa: str) -> None:
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(40):
        model = PackedModel(random_graph(rng), threads=1, isa=isa)
        assert_plan_is_true(model, isa)
        seen |= {KERNELS[k][0] for layout in model.plan().layouts for s in layout.steps for k in s.kernels}
    assert len(seen) >= 12  # nearly every operation had its turn


SUBPROCESS = """
import json, sys
import numpy as np
from binmorph import _core, ir
from binmorph.runtime import PackedModel
values = np.array([[0.25, 0.5]], np.float32)
nodes = (ir.LevelSets("levels", "input", values), ir.MaxPool("pool", "levels", (2, 2), (2, 2)))
model = PackedModel(ir.Graph(ir.InputSpec("float32", (1, 9, 70)), nodes, "pool"), threads=1)
y = model(np.random.default_rng(0).random((3, 1, 9, 70), dtype=np.float32))
kernels = [k for layout in model.plan().layouts for step in layout.steps for k in step.kernels]
json.dump({"isa": _core.default_isa(), "kernels": kernels, "bits": int(y.sum())}, sys.stdout)
"""


def forced(isa: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BINMORPH_FORCE_ISA": isa}
    command = [sys.executable, "-c", SUBPROCESS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_force_isa() -> None:
    bits = set()
    for isa in [*ISAS, ""]:  # an empty variable asks for nothing
        process = forced(isa)
        assert process.returncode == 0, process.stderr
        found = json.loads(process.stdout)
        assert found["isa"] == (isa or ISAS[-1])
        for kernel in found["kernels"]:
            op, kernel_isa = KERNELS[kernel]
            assert kernel_isa == best_isa(op, found["isa"])
        bits.add(found["bits"])
    assert len(bits) == 1


@pytest.mark.parametrize("isa", ["sse9", "AVX2", "x86_avx2 ", *(name for name in ORDER if name not in ISAS)])
def test_unknown_or_missing_isa(isa: str) -> None:
    process = forced(isa)
    assert process.returncode == 1
    assert "binmorph.errors.IsaError" in process.stderr
    graph = random_graph(np.random.default_rng(2))
    with pytest.raises(IsaError, match="unknown instruction set" if isa not in ORDER else "does not have"):
        PackedModel(graph, isa=isa)


def test_an_argument_beats_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = random_graph(np.random.default_rng(3))
    monkeypatch.setenv("BINMORPH_FORCE_ISA", "reference")
    assert PackedModel(graph, threads=1).isa == "reference"
    assert PackedModel(graph, threads=1, isa="generic").isa == "generic"
    monkeypatch.setenv("BINMORPH_FORCE_ISA", "nonsense")
    assert PackedModel(graph, threads=1, isa="generic").isa == "generic"
    with pytest.raises(IsaError, match="unknown instruction set 'nonsense'"):
        PackedModel(graph)


def test_values_share_memory_only_when_they_do_not_live_together() -> None:
    rng = np.random.default_rng(4)
    for _ in range(30):
        graph = random_graph(rng, layers=8)
        model = PackedModel(graph, threads=1)
        number = {node.name: i for i, node in enumerate(graph.nodes)}
        for layout in model.plan().layouts:
            steps = layout.steps
            last = dict(number)
            for i, node in enumerate(graph.nodes):
                last[node.input] = i
            last[graph.output] = len(steps)
            for i, a in enumerate(steps):
                for b in steps[i + 1 : last[a.node] + 1]:
                    alias = not b.kernels  # a flatten that does nothing
                    apart = a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
                    assert apart or alias, f"{a.node} is overwritten by {b.node}\n{model.plan()}"


def test_plan_prints_and_serialises() -> None:
    model = PackedModel(bisel_graph(np.random.default_rng(5), (1, 4, 5), (3, 3), "zeros"), threads=1)
    text, plan = str(model.plan()), model.plan()
    for layout in plan.layouts:
        for step in layout.steps:
            assert step.node in text
            assert all(kernel in text for kernel in step.kernels)
    assert json.loads(json.dumps(plan.to_json()))["threads"] == 1


def test_the_plan_says_what_else_was_weighed() -> None:
    """Where several kernels of the instruction set can run a node, the one that runs costs least."""
    rng = np.random.default_rng(8)
    neurons = random_neurons(rng, (128,), 64 * 9)
    window = ((3, 3), (1, 1), (1, 1), (1, 1), 1, "ones")
    conv = ir.ThresholdConv2d("conv", "pack", *window, neurons, np.zeros((1, 128), np.int32))
    graph = ir.Graph(binary_spec(64, 9, 9), (ir.PackBinary("pack", "input"), conv), "conv")
    for isa in ISAS:
        plan = PackedModel(graph, threads=1, isa=isa).plan()
        step = plan.layouts[0].steps[1]
        assert isa == "reference" or step.rivals
        for name, cost in step.rivals:
            assert cost >= step.cost
            assert name in str(plan)


def test_schedule() -> None:
    rng = np.random.default_rng(6)
    small = bisel_graph(rng, (1, 8, 8), (3, 3), "replicate")
    model = PackedModel(small, threads=1)
    schedule = model._core.schedule
    assert schedule(0) == (0, 0)
    assert schedule(1) == (0, 1)
    assert schedule(39 * 256 + 200) == (40, 0)  # the last block is nearly full
    assert schedule(39 * 256 + 1) == (39, 1)  # the last one would be nearly empty
    for images in range(0, 1000, 13):
        blocks, singles = schedule(images)
        assert images <= 256 * blocks + singles < images + 256
    assert PackedModel(small, threads=1, layout="row-packed")._core.schedule(600) == (0, 600)
    assert PackedModel(small, threads=1, layout="batch-sliced")._core.schedule(600) == (3, 0)
    pool = ir.MaxPool("pool", "pack", (2, 2), (2, 2))
    pooled = ir.Graph(binary_spec(1, 28, 28), (ir.PackBinary("pack", "input"), pool), "pool")
    assert PackedModel(pooled, threads=1)._core.schedule(256) == (1, 0)  # moves alone have costs, too
    large = bisel_graph(rng, (8, 200, 300), (3, 3), "replicate")
    assert [layout.layout for layout in PackedModel(large, threads=1).plan().layouts] == ["row-packed"]


def test_an_image_too_large_for_planes_is_planned_in_rows() -> None:
    """2^31 pixels: the word offsets of planes would not fit, those of rows do."""
    rng = np.random.default_rng(7)
    spec = ir.InputSpec("uint8", (1, 2**15, 2**16))
    nodes = bisel_graph(rng, (1, 4, 5), (3, 3), "zeros").nodes[:2]
    model = PackedModel(ir.Graph(spec, nodes, "bisel"), threads=1)
    assert [layout.layout for layout in model.plan().layouts] == ["row-packed"]
