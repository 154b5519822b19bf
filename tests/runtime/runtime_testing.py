"""Models under every configuration of this machine, compared with the oracle on every node."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from oracle import evaluate, random_neurons

from binmorph import _core, ir
from binmorph.runtime import PackedModel

ISAS = [name for name, supported in _core.isas().items() if supported]
LAYOUTS = ("row-packed", "batch-sliced")
BORDERS = ir.BORDERS

every_isa = pytest.mark.parametrize(
    "isa",
    [
        pytest.param(name, marks=pytest.mark.skipif(not has, reason=f"this machine lacks {name}: NOT tested"))
        for name, has in _core.isas().items()
    ],
)
limits_memory = pytest.mark.skipif(
    sys.platform != "linux" or "san.so" in os.environ.get("LD_PRELOAD", ""),
    reason="measures or limits the memory of a process, which sanitizers multiply",
)
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


def models(graph: ir.Graph, threads: int = 1) -> Iterator[PackedModel]:
    """One model per instruction set and layout."""
    for isa in ISAS:
        for layout in LAYOUTS:
            yield PackedModel(graph, threads=threads, isa=isa, layout=layout)


def assert_equals_oracle(
    model: PackedModel, x: np.ndarray[Any, Any], expected: dict[str, Any] | None = None
) -> None:
    """Every node of the trace and the output, bit for bit, with the stated dtypes and shapes."""
    graph = model.graph
    expected = evaluate(graph, x) if expected is None else expected
    values = model.trace(x)
    assert list(values) == [node.name for node in graph.nodes]
    for node in graph.nodes:
        assert_same_bits(values[node.name], expected[node.name], f"{node.name} under {model!r}")
    assert_same_bits(model(x), expected[graph.output], f"output of {model!r}")


def assert_same_bits(actual: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], where: str = "") -> None:
    assert actual.dtype == expected.dtype, where
    assert actual.shape == expected.shape, where
    if actual.tobytes() != expected.tobytes():  # floats too: same rounding, same sign of zero
        at = np.argwhere(actual.view(np.uint8) != np.ascontiguousarray(expected).view(np.uint8))[0]
        raise AssertionError(f"differs at {at.tolist()}: {where}")


def binary_spec(*shape: int, dtype: str = "uint8") -> ir.InputSpec:
    return ir.InputSpec(dtype, shape)


def bisel_graph(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    border: str,
    outputs: int = 3,
    dtype: str = "uint8",
) -> ir.Graph:
    """pack_binary, one BiSEL with random neurons, flatten and dense neurons on top."""
    bise = random_neurons(rng, (outputs, shape[0]), kernel[0] * kernel[1])
    node = ir.Bisel("bisel", "pack", kernel, border, bise, random_neurons(rng, (outputs,), shape[0]))
    kind = node.infer(ir.ValueType("bits", shape))
    dense = ir.ThresholdDense("dense", "flat", random_neurons(rng, (9,), kind.size))
    nodes = (ir.PackBinary("pack", "input"), node, ir.Flatten("flat", "bisel"), dense)
    return ir.Graph(binary_spec(*shape, dtype=dtype), nodes, "dense")


def random_bits(rng: np.random.Generator, graph: ir.Graph, n: int) -> np.ndarray[Any, Any]:
    """A {0, 1} batch, from nearly empty to nearly full images."""
    density = rng.random((n,) + (1,) * len(graph.input.shape))
    return (rng.random((n, *graph.input.shape)) < density).astype(graph.input.dtype)
