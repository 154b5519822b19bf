"""Convolutions whose masks have few ones run on lists of taps, and equal the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import evaluate, random_neurons
from runtime_testing import ISAS, assert_equals_oracle

from binmorph import ir
from binmorph.runtime import PackedModel

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def graph_of(
    rng: np.random.Generator,
    density: float,
    *,
    two_value: bool,
    groups: int = 1,
    border: str = "zeros",
    ternary: bool = False,
    outputs: int = 70,
) -> ir.Graph:
    """Bits of 64 channels, a convolution with border classes where taps fall outside, and a sign."""
    window = ((3, 3), (1, 1), (1, 1), (1, 1), groups, border)
    n, classes = 64 // groups * 9, 9 if border == "zeros" else 1
    plus = rng.random((outputs, n)) < density
    constant = rng.integers(-9, 9, (classes, outputs)).astype(np.int32)
    conv: ir.AnyNode
    if two_value:
        total = rng.integers(-9, 9, (classes, 1)).astype(np.int32)
        floats = (rng.normal(size=outputs).astype(np.float32) for _ in range(2))
        conv = ir.TwoValueConv2d("conv", "bits", *window, 2, plus, constant, total, *floats)
    else:
        minus = ~plus & (rng.random(plus.shape) < density) if ternary else np.zeros_like(plus)
        conv = ir.CountConv2d("conv", "bits", *window, 1, plus, minus, constant)
    levels = rng.normal(size=(64, 1)).astype(np.float32)
    threshold = rng.normal(size=(outputs, 1)).astype(np.float32)
    nodes = (ir.LevelSets("bits", "input", levels), conv, ir.LevelSets("sign", "conv", threshold))
    return ir.Graph(ir.InputSpec("float32", (64, 12, 12)), nodes, "sign")


def kernels_of(model: PackedModel) -> list[str]:
    return [name for layout in model.plan().layouts for step in layout.steps for name in step.kernels]


@pytest.mark.parametrize("two_value", [True, False])
@pytest.mark.parametrize("border", ["zeros", "ones", "replicate"])
def test_sparse_convolutions_equal_the_oracle(two_value: bool, border: str) -> None:
    rng = np.random.default_rng(31)
    for groups, ternary in ((1, False), (2, True)):
        graph = graph_of(rng, 0.02, two_value=two_value, groups=groups, border=border, ternary=ternary)
        x = rng.normal(size=(2, 64, 12, 12)).astype(np.float32)
        expected = evaluate(graph, x)
        for isa in ISAS:
            for threads in (1, 2):
                assert_equals_oracle(PackedModel(graph, threads=threads, isa=isa), x, expected)


def test_density_chooses_the_kernel() -> None:
    rng = np.random.default_rng(32)
    for two_value in (True, False):
        sparse, dense = (
            kernels_of(PackedModel(graph_of(rng, density, two_value=two_value, outputs=256), threads=1))
            for density in (0.005, 0.5)
        )
        assert any(name.startswith("sparse_conv2d") for name in sparse)
        assert not any(name.startswith("sparse_conv2d") for name in dense)


def thresholds_of(rng: np.random.Generator, density: float, border: str, ternary: bool) -> ir.Graph:
    """Threshold neurons of few taps, by border classes where taps fall outside."""
    outputs, n, classes = 256, 64 * 9, 9 if border == "zeros" else 1
    plus = rng.random((outputs, n)) < density
    minus = ~plus & (rng.random(plus.shape) < density) if ternary else np.zeros_like(plus)
    threshold = np.clip((plus.sum(1) - minus.sum(1)) // 2, 0, plus.sum(1)).astype(np.int32)
    neurons = replace(random_neurons(rng, (outputs,), n), plus=plus, minus=minus, threshold=threshold)
    offset = rng.integers(-2, 3, (classes, outputs)).astype(np.int32)
    offset[0] = 0
    window = ((3, 3), (1, 1), (1, 1), (1, 1), 1, border)
    conv = ir.ThresholdConv2d("conv", "bits", *window, neurons, offset)
    spec = ir.InputSpec("uint8", (64, 12, 12))
    return ir.Graph(spec, (ir.PackBinary("bits", "input"), conv), "conv")


@pytest.mark.parametrize("border", ["zeros", "ones", "replicate"])
def test_sparse_thresholds_equal_the_oracle(border: str) -> None:
    rng = np.random.default_rng(33)
    for ternary in (False, True):
        graph = thresholds_of(rng, 0.02, border, ternary)
        x = rng.integers(0, 2, (2, 64, 12, 12)).astype(np.uint8)
        expected = evaluate(graph, x)
        for isa in ISAS:
            for threads in (1, 2):
                model = PackedModel(graph, threads=threads, isa=isa)
                assert_equals_oracle(model, x, expected)
                assert isa == "reference" or any(k.startswith("sparse_threshold") for k in kernels_of(model))
    dense = kernels_of(PackedModel(thresholds_of(rng, 0.5, border, False), threads=1))
    assert not any(name.startswith("sparse_threshold") for name in dense)
