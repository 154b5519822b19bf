"""Memory: limits are kept, impossible sizes are refused and never crash, nothing grows."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle import random_graph, random_input
from runtime_testing import bisel_graph, limits_memory, random_bits

from binmorph import BinmorphError, ir
from binmorph.errors import MemoryLimitError
from binmorph.runtime import PackedModel

HUGE = {
    "plain": (2**13, 2**13, 2**10),
    "long row": (1, 1, 2**31 - 1),
    "many channels": (2**31 - 1, 1, 1),
    "deep": (2**20, 2**8, 2**8),
}


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")


def test_max_memory_is_refused_one_byte_below_the_need() -> None:
    rng = np.random.default_rng(1)
    for threads in (1, 3):
        for layout in ("row-packed", "batch-sliced"):
            graph = random_graph(rng, side=9)
            plan = PackedModel(graph, threads=threads, layout=layout).plan()
            need = plan.layouts[0].arena_bytes * threads
            x = random_input(rng, graph, 3)
            PackedModel(graph, threads=threads, layout=layout, max_memory=need)(x)
            for limit in (need - 1, 1, 0):
                with pytest.raises(
                    MemoryLimitError, match=f"needs {need // threads} bytes .* the limit is {limit} in"
                ):
                    PackedModel(graph, threads=threads, layout=layout, max_memory=limit)
    assert issubclass(MemoryLimitError, MemoryError)


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("layout", [None, "row-packed", "batch-sliced"])
def test_huge_but_legal_shapes(name: str, layout: str | None) -> None:
    """Gigabytes to terabytes of arena: planned, or refused with a typed error, before anything is touched."""
    before = resident() if Path("/proc/self/statm").exists() else 0
    spec = ir.InputSpec("uint8", HUGE[name])
    pack = ir.PackBinary("pack", "input")
    candidates: list[tuple[ir.AnyNode, ...]] = [
        (pack,),
        (pack, ir.Flatten("flat", "pack")),
        (pack, ir.MaxPool("pool", "pack", (1, 1), (1, 1))),
    ]
    if HUGE[name][0] == 1:
        levels = np.arange(32, dtype=np.float32)[None]
        candidates.append((ir.LevelSets("levels", "input", levels),))
        rng = np.random.default_rng(2)
        candidates.append(bisel_graph(rng, (1, 3, 70), (3, 65), "ones").nodes[:2])
    for nodes in candidates:
        try:
            graph = ir.Graph(spec, nodes, nodes[-1].name)
            PackedModel(graph, threads=1, layout=layout)
        except (BinmorphError, MemoryError):
            pass
    if before:
        assert resident() - before < 200 << 20


def test_an_arena_of_terabytes_is_refused() -> None:
    graph = ir.Graph(ir.InputSpec("uint8", (2**12, 2**12, 2**12)), (ir.PackBinary("pack", "input"),), "pack")
    with pytest.raises(MemoryLimitError, match=r"if this machine's [0-9]+ bytes suffice"):
        PackedModel(graph, threads=1, layout="batch-sliced")


@limits_memory
def test_outputs_that_do_not_fit_are_a_memory_error() -> None:
    """Inside a limit on the address space, so that the attempt cannot hurt the machine."""
    script = """
import resource
import numpy as np
from binmorph import ir
from binmorph.runtime import PackedModel
levels = ir.LevelSets("levels", "input", np.zeros((1, 4096), np.float32))
model = PackedModel(ir.Graph(ir.InputSpec("uint8", (1, 64, 64)), (levels,), "levels"), threads=2)
x = np.ones((200, 1, 64, 64), np.uint8)
assert model(x[:2]).all()
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for _ in range(3):
    for call in (model, model.trace):
        try:
            call(x)
        except MemoryError:
            continue
        raise SystemExit("no error")
    assert model(x[:2]).all()
for size in range(9, 16):
    try:
        spec = ir.InputSpec("uint8", (1 << size, 1 << size, 8))
        PackedModel(ir.Graph(spec, (ir.PackBinary("p", "input"),), "p"), threads=4, layout="batch-sliced")
    except MemoryError:
        continue
print("done")
"""
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert process.stdout == "done\n", process.stderr


@needs_proc
@limits_memory
def test_ten_thousand_runs_hold_no_more_memory() -> None:
    rng = np.random.default_rng(3)
    graph = bisel_graph(rng, (1, 8, 70), (3, 3), "replicate")
    x = random_bits(rng, graph, 3)
    model = PackedModel(graph, threads=2)
    for _ in range(500):
        model(x)
        model.trace(x)
    gc.collect()
    before = resident()
    for _ in range(10_000):
        model(x)
    assert resident() - before < 1 << 20


@needs_proc
@limits_memory
def test_errors_and_models_leave_nothing_behind() -> None:
    rng = np.random.default_rng(4)
    graph = bisel_graph(rng, (2, 30, 70), (3, 3), "replicate", outputs=8)
    bad = np.full((2, *graph.input.shape), 2, np.uint8)

    def cycle(times: int) -> None:
        for _ in range(times):
            model = PackedModel(graph, threads=3)
            for _ in range(3):
                with pytest.raises(ValueError, match="reads only 0 and 1"):
                    model(bad)

    cycle(50)
    gc.collect()
    before = resident()
    cycle(300)
    gc.collect()
    assert resident() - before < 4 << 20
