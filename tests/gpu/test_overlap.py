"""Launches of a network overlap where device and driver can, and the bits stay the CPU's everywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from oracle import random_graph, random_input

from binmorph.runtime import DeviceModel, PackedModel


def network(seed: int):
    rng = np.random.default_rng([seed, 78])
    graph = random_graph(rng, convolutions=True)
    return graph, random_input(rng, graph, 3), len(DeviceModel(graph).plan(1).layouts[0].steps)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("descending", [0, 1])
def test_a_launch_starts_before_the_one_before_ends(emulator, seed, descending):
    """The emulated driver runs one only when all threads of the next one's first block wait for it."""
    emulator.set("descending", descending)
    graph, x, launches = network(seed)
    before = emulator.get("overlaps")
    np.testing.assert_array_equal(DeviceModel(graph)(x), PackedModel(graph, threads=1)(x))
    assert emulator.get("overlaps") - before >= launches - 1


def test_without_overlap_where_the_driver_refuses_it(emulator):
    graph, x, _ = network(0)
    emulator.set("cuGraphAddDependencies_v2", 801)
    before = emulator.get("overlaps")
    np.testing.assert_array_equal(DeviceModel(graph)(x), PackedModel(graph, threads=1)(x))
    assert emulator.get("overlaps") == before


def test_without_overlap_on_an_older_driver(emulator):
    code = (
        "import numpy as np, test_overlap as t; from binmorph.runtime import DeviceModel, PackedModel\n"
        "graph, x, _ = t.network(0)\n"
        "np.testing.assert_array_equal(DeviceModel(graph)(x), PackedModel(graph)(x))\n"
        "import ctypes, os; print(ctypes.CDLL(os.environ['BINMORPH_LIBCUDA']).emulator_get(b'overlaps'))"
    )
    folders = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "EMULATOR_VERSION": "12020", "PYTHONPATH": os.pathsep.join([*sys.path, *folders])},
        capture_output=True,
        text=True,
    )
    assert result.stdout == "0\n", result.stderr
