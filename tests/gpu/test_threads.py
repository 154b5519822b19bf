"""One model, many threads: every call gets memory of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from oracle import random_graph, random_input

from binmorph.runtime import DeviceModel, PackedModel


@pytest.mark.parametrize("busy", [0, 1])
def test_threads_share_a_model(busy, request):
    if busy:  # as if the device were behind: calls take new memory, then wait for the oldest
        request.getfixturevalue("emulator").set("busy", 1)
    rng = np.random.default_rng(12)
    graph = random_graph(rng, convolutions=True)
    model = DeviceModel(graph)
    batches = [random_input(rng, graph, 1 + i % 5) for i in range(48)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(model, batches))
    expected = PackedModel(graph, threads=1)
    for x, y in zip(batches, results, strict=True):
        np.testing.assert_array_equal(y, expected(x))
