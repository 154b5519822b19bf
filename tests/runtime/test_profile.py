"""A profile runs the network as a call does, and has a time for every step that works."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_graph, random_input
from runtime_testing import assert_same_bits, binary_spec, bisel_graph

from binmorph import ir
from binmorph.errors import DTypeError, ShapeError
from binmorph.runtime import PackedModel


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("layout", [None, "row-packed", "batch-sliced"])
def test_profiles_of_both_layouts(layout: str | None, threads: int) -> None:
    rng = np.random.default_rng(1)
    graph = bisel_graph(rng, (2, 12, 14), (3, 3), "replicate")
    model = PackedModel(graph, threads=threads, layout=layout)
    for images in (0, 1, 300):
        x = rng.integers(0, 2, (images, 2, 12, 14), np.uint8)
        y, layouts = model._core.profile(x)
        assert_same_bits(y, model(x))
        blocks, singles = model._core.schedule(images)
        ran = [name for name, count in (("batch-sliced", blocks), ("row-packed", singles)) if count]
        assert [name for name, _, _ in layouts] == ran
        times = model.profile(x, rounds=2)
        keys = {s.key for p in model.plan().layouts if p.layout in ran for s in p.steps if s.kernels}
        assert set(times) == {*keys, "output", ""}
        assert all(len(part) == 2 and min(part) >= 0 for part in times.values())
        for i, total in enumerate(times[""]):
            assert total == pytest.approx(sum(part[i] for key, part in times.items() if key))
        assert images == 0 or times[""][0] > 0


@pytest.mark.parametrize("seed", range(10))
def test_the_output_is_that_of_a_call(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    model = PackedModel(graph, threads=1)
    x = random_input(rng, graph, 3)
    assert_same_bits(model._core.profile(x)[0], model(x))


def test_bad_arguments() -> None:
    spec = binary_spec(1, 4, 4)
    model = PackedModel(ir.Graph(spec, (ir.PackBinary("p", "input"),), "p"), threads=1)
    with pytest.raises(ShapeError, match="rounds"):
        model.profile(np.zeros((1, 1, 4, 4), np.uint8), rounds=0)
    with pytest.raises(ShapeError, match="expected"):
        model.profile(np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(DTypeError):
        model.profile(np.zeros((1, 1, 4, 4), np.float64))
