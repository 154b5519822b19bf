"""Larq Compute Engine as a peer: skipped with the way to have it, a process that fails, and, where
BINMORPH_BENCH_LARQ_PYTHON names a Python that has it, layers equal to their reference."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from binmorph.bench.contest import Absent, System, close, correlated
from binmorph.bench.measure import measure
from binmorph.bench.networks import descriptions
from binmorph.bench.networks.forms import Simulated, signed
from binmorph.bench.networks.sequential import weights
from binmorph.bench.peers import larq_model
from binmorph.bench.peers.larq_ops import LarqNetwork
from binmorph.bench.peers.numpy_ops import NumpyOps
from binmorph.bench.workloads.binary_layers import BinaryConv2d, BinaryDense
from binmorph.bench.workloads.network import random_images

HERE = pytest.mark.skipif(larq_model.PYTHON not in os.environ, reason=f"{larq_model.PYTHON} names no Python")
NAME = "larq-compute-engine"


def test_without_it_the_reason_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(larq_model.PYTHON, raising=False)
    monkeypatch.setattr(larq_model, "PACKAGE", "no_such_package")
    case = BinaryConv2d("L", 32, 8, 6).case(1, 1)
    assert {s.name: s.why for s in case.others}[NAME] == (
        "not installed; BINMORPH_BENCH_LARQ_PYTHON may name a Python with no_such_package and numpy 1"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [("error ValueError: no such operator", "ValueError: no such operator"), ("", "without a word")],
)
def test_a_process_that_fails_leaves_its_reason(
    answer: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nprint({answer!r})\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv(larq_model.PYTHON, str(script))
    with pytest.raises(Absent, match=why):
        LarqNetwork((1, 32, 4, 4)).system(NAME, 0, np.zeros((1, 32, 4, 4), np.float32), 1)


def test_a_system_in_another_process_is_timed_by_its_clock() -> None:
    asked: list[tuple[int, bool]] = []

    def clock(calls: int, cold: bool) -> float:
        asked.append((calls, cold))
        return 0.25 * calls

    system = System("far", "1", lambda: None, lambda: np.zeros(1), clock=clock)
    for cold in (False, True):
        timings, complete = measure([system], 3, 0.5, cold)
        assert complete
        assert timings["far"].seconds == [0.25] * 3
        assert asked[-3:] == [(1, True) if cold else (2, False)] * 3


@HERE
@pytest.mark.parametrize(
    ("channels", "outputs", "size", "kernel", "stride", "padding"),
    [(64, 40, 7, 3, 1, 1), (32, 33, 8, 3, 2, 1), (70, 5, 9, 1, 2, 0), (3, 64, 6, 5, 1, 0)],
)
def test_sums_equal_the_reference(
    channels: int, outputs: int, size: int, kernel: int, stride: int, padding: int
) -> None:
    rng = np.random.default_rng(channels)
    layer, limits = weights(rng, outputs, channels, kernel, kernel), rng.normal(size=channels)
    x = rng.normal(size=(2, channels, size, size)).astype(np.float32)
    network, ops = LarqNetwork(x.shape), NumpyOps(x)
    bits = network.signs(network.input(), limits.astype(np.float32))
    sums = network.sums(network.binary_conv(bits, *layer, stride, padding))
    expected = ops.conv(
        ops.signs(x, limits.astype(np.float32)), signed(layer[0]), None, stride, padding, pad_value=-1
    )
    np.testing.assert_array_equal(network.system(NAME, sums, x, 1).output(), expected)


@HERE
@pytest.mark.parametrize("name", ["mlp", "cnv", "resnete18_32"])
def test_networks_equal_the_reference(name: str) -> None:
    description = descriptions()[name]
    x = random_images(description, 2)
    network = LarqNetwork(x.shape)
    system = network.system(NAME, description.build(network), x, 2)
    expected = description.build(Simulated(NumpyOps(x)))
    check = close(expected) if description.exact else correlated(expected, 0.97)
    assert check(system.output()) is None
    assert system.clock is not None
    assert system.clock(2, False) > 0
    assert system.clock(1, True) > 0


@HERE
def test_it_takes_part_in_layers() -> None:
    for work in (BinaryConv2d("L", 32, 32, 6, chain=3), BinaryDense("L", 70, 9)):
        assert NAME in {system.name for system in work.case(1, 1).systems}
