"""One model, many threads; many models, loaded and dropped; the GIL; forked children."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input
from runtime_testing import LAYOUTS, bisel_graph, limits_memory, random_bits

from binmorph import ir
from binmorph.errors import DomainError
from binmorph.runtime import PackedModel, load

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs work(0) .. work(count - 1) at once; the first failure is raised here."""
    start = threading.Barrier(count)

    def body(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(body, number) for number in range(count)]:
            future.result()


@pytest.mark.parametrize("threads", [1, 3])
def test_32_threads_share_one_model(threads: int) -> None:
    """Different batches at once, through planes, rows, workers and traces, equal to the same runs in turn."""
    rng = np.random.default_rng(threads)
    graph = bisel_graph(rng, (2, 6, 70), (3, 3), "replicate")
    model = PackedModel(graph, threads=threads)
    batches = [random_bits(rng, graph, n) for n in (0, 1, 2, 3, 7, 100, 257, 300)]
    expected = [model.trace(x) for x in batches]
    for x, values in zip(batches[:5], expected, strict=False):
        np.testing.assert_array_equal(values["dense"], evaluate(graph, x)["dense"])

    def work(number: int) -> None:
        order = np.random.default_rng(number).integers(0, len(batches), 300)
        for run, i in enumerate(order):
            if run % 10 == 0:
                for name, value in model.trace(batches[i]).items():
                    assert value.tobytes() == expected[i][name].tobytes()
            else:
                assert model(batches[i]).tobytes() == expected[i]["dense"].tobytes()

    in_threads(32, work)


def test_errors_in_some_threads_leave_the_others_alone() -> None:
    rng = np.random.default_rng(3)
    graph = bisel_graph(rng, (1, 5, 9), (3, 3), "ones")
    model = PackedModel(graph, threads=4)
    good = random_bits(rng, graph, 40)
    bad = good.copy()
    bad[31, 0, 2, 2] = 7
    expected = model(good)

    def work(number: int) -> None:
        for _ in range(100):
            if number % 2:
                assert model(good).tobytes() == expected.tobytes()
            else:
                with pytest.raises(DomainError, match=r"input\[31\]: element 20 is 7"):
                    model(bad)

    in_threads(8, work)


def test_models_come_and_go_while_others_run() -> None:
    rng = np.random.default_rng(4)
    graphs = [random_graph(rng, side=8) for _ in range(6)]
    inputs = [random_input(rng, graph, 5) for graph in graphs]
    expected = [evaluate(g, x)[g.output] for g, x in zip(graphs, inputs, strict=True)]
    shared = PackedModel(graphs[0], threads=3)

    def work(number: int) -> None:
        for turn in range(40):
            i = (number + turn) % len(graphs)
            own = PackedModel(graphs[i], threads=1 + turn % 4, layout=(None, *LAYOUTS)[turn % 3])
            np.testing.assert_array_equal(own(inputs[i]), expected[i])
            del own
            if turn % 8 == 0:
                load(GOLDEN / "digits_like.bmorph", threads=2)
            np.testing.assert_array_equal(shared(inputs[0]), expected[0])

    in_threads(12, work)


def ticks_during(work: Callable[[], object]) -> tuple[float, int]:
    """Seconds that ``work`` takes, and how often another Python thread got its turn meanwhile."""
    count, stop = 0, threading.Event()

    def tick() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.001)

    counter = threading.Thread(target=tick)
    counter.start()
    time.sleep(0.01)
    before, start = count, time.perf_counter()
    work()
    seconds, ticks = time.perf_counter() - start, count - before
    stop.set()
    counter.join()
    return seconds, ticks


def test_the_gil_is_released_during_a_run() -> None:
    rng = np.random.default_rng(5)
    graph = bisel_graph(rng, (8, 64, 64), (7, 7), "replicate", outputs=4)
    model = PackedModel(graph, threads=1, isa="reference", layout="row-packed")
    images = 1
    while True:
        x = random_bits(rng, graph, images)
        for call in (model, model.trace):
            seconds, ticks = ticks_during(lambda call=call, x=x: call(x))
            if seconds < 0.2:
                break
            assert ticks > 20, f"{ticks} turns in {seconds:.2f} s"
        else:
            return
        images *= 2


def test_the_gil_is_released_while_planning() -> None:
    inputs, outputs = 40_000, 2_000
    masks = np.ones((outputs, inputs), np.bool_)
    one = np.ones(outputs)
    neurons = ir.Neurons(
        masks,
        np.zeros_like(masks),
        np.full(outputs, inputs // 2, np.int32),
        np.zeros(outputs, np.bool_),
        np.full(outputs, ir.Status.POPCOUNT, np.uint8),
        one,
        0 * one,
    )
    nodes = (ir.PackBinary("pack", "input"), ir.ThresholdDense("dense", "pack", neurons))
    from binmorph import _core
    from binmorph.runtime.build import build_core_graph

    core = build_core_graph(ir.Graph(ir.InputSpec("uint8", (inputs,)), nodes, "dense"))
    seconds, ticks = ticks_during(lambda: _core.Model(core, threads=1, layout="batch-sliced"))
    assert ticks > 50 * seconds, f"{ticks} turns in {seconds:.2f} s"


FORK = """
import os, signal, sys
import numpy as np
from binmorph import ir
from binmorph.runtime import PackedModel
spec = ir.InputSpec("float32", (1, 8, 70))
levels = ir.LevelSets("levels", "input", np.array([[0.25, 0.5]], np.float32))
model = PackedModel(ir.Graph(spec, (levels,), "levels"), threads=4)
x = np.random.default_rng(0).random((100, 1, 8, 70), dtype=np.float32)
expected = model(x)
for _ in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a hang must end
        same = np.array_equal(model(x), expected)
        del model
        fresh = PackedModel(ir.Graph(spec, (levels,), "levels"), threads=4)
        same = same and np.array_equal(fresh(x), expected)
        del fresh
        sys.stdout.flush()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(model(x), expected)
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_runs_and_drops_its_parents_model() -> None:
    process = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120)
    assert process.stdout == "done\n", process.stderr


THREAD_LIMIT = """
import resource
import numpy as np
from binmorph import ir
from binmorph.errors import MemoryLimitError
from binmorph.runtime import PackedModel
levels = ir.LevelSets("levels", "input", np.array([[0.5]], np.float32))
graph = ir.Graph(ir.InputSpec("float32", (1, 1, 1)), (levels,), "levels")
one = PackedModel(graph, threads=1)
# Stacks of 8 MiB: the space ends long before a thousand threads.
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    PackedModel(graph, threads=1024)
except MemoryLimitError as error:
    assert "load the model with fewer threads" in str(error), error
else:
    raise SystemExit("no error")
few = PackedModel(graph, threads=3)
assert few(np.ones((9, 1, 1, 1), np.float32)).all()
print("done")
"""


@limits_memory
def test_threads_that_the_system_refuses() -> None:
    process = subprocess.run(
        [sys.executable, "-c", THREAD_LIMIT], capture_output=True, text=True, timeout=120
    )
    assert process.stdout == "done\n", process.stderr
