"""Packed equals the oracle on every bit of every node: random graphs under every configuration."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input, random_neurons
from runtime_testing import (
    BORDERS,
    ISAS,
    LAYOUTS,
    assert_equals_oracle,
    binary_spec,
    bisel_graph,
    every_isa,
    every_layout,
    models,
    random_bits,
)

from binmorph import ir
from binmorph.runtime import PackedModel

BATCHES = (0, 1, 2, 63, 64, 65, 255, 256, 257, 300)
WIDTHS = (1, 7, 63, 64, 65, 127, 128, 129, 200)


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    """400 graphs, each under every instruction set and layout; threads and batches change with the graph."""
    rng = np.random.default_rng(seed)
    for number in range(20):
        graph = random_graph(rng, features=int(rng.integers(1, 140)))
        x = random_input(rng, graph, int(rng.integers(0, 5)))
        expected = evaluate(graph, x)
        for model in models(graph, threads=(1, 2, 5)[number % 3]):
            assert_equals_oracle(model, x, expected)


@pytest.mark.parametrize("images", BATCHES)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batch_sizes_and_threads(images: int, threads: int) -> None:
    rng = np.random.default_rng([images, threads])
    for _ in range(2):
        graph = random_graph(rng, side=6, channels=3, kernel=3, features=40)
        x = random_input(rng, graph, images)
        expected = evaluate(graph, x)
        for isa in ISAS[
            1:
        ]:  # the reference kernels are too slow for 300 images; `test_random_graphs` has them
            for layout in (*LAYOUTS, None):
                model = PackedModel(graph, threads=threads, isa=isa, layout=layout)
                assert_equals_oracle(model, x, expected)


@every_layout
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("height", [1, 2, 5])
def test_widths(width: int, height: int, layout: str) -> None:
    rng = np.random.default_rng([width, height])
    for border in BORDERS:
        kernel = (1, 3) if border != "valid" else (1, min(3, width))
        graph = bisel_graph(rng, (2, height, width), kernel, border)
        x = random_bits(rng, graph, 3)
        expected = evaluate(graph, x)
        for isa in ISAS:
            assert_equals_oracle(PackedModel(graph, threads=1, isa=isa, layout=layout), x, expected)


@pytest.mark.parametrize("border", [b for b in BORDERS if b != "valid"])
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((1, 1, 1), (1, 1)),
        ((1, 1, 1), (9, 9)),
        ((2, 1, 1), (2, 4)),
        ((2, 3, 2), (7, 6)),
        ((1, 1, 5), (5, 140)),
        ((1, 5, 1), (20, 3)),
        ((3, 2, 65), (5, 131)),
        ((1, 4, 130), (2, 70)),
        ((2, 33, 3), (67, 1)),
    ],
)
def test_kernels_larger_than_the_image(
    shape: tuple[int, int, int], kernel: tuple[int, int], border: str
) -> None:
    rng = np.random.default_rng(5)
    graph = bisel_graph(rng, shape, kernel, border)
    x = random_bits(rng, graph, 4)
    expected = evaluate(graph, x)
    for model in models(graph):
        assert_equals_oracle(model, x, expected)


@pytest.mark.parametrize("inputs", [1, 2, 63, 64, 65, 128, 1000, 5000])
def test_dense_widths(inputs: int) -> None:
    """Counters of every size: thresholds near 0, in the middle and near all inputs."""
    rng = np.random.default_rng(inputs)
    neurons = random_neurons(rng, (67,), inputs)
    nodes = (
        ir.PackBinary("pack", "input"),
        ir.ThresholdDense("a", "pack", neurons),
        ir.ThresholdDense("b", "a", random_neurons(rng, (8,), 67)),
        ir.Linear("y", "b", rng.normal(size=(3, 8)).astype(np.float32), np.zeros(3, np.float32)),
    )
    graph = ir.Graph(binary_spec(inputs), nodes, "y")
    x = random_bits(rng, graph, 5)
    x[0], x[1] = 0, 1
    expected = evaluate(graph, x)
    for model in models(graph):
        assert_equals_oracle(model, x, expected)


@every_isa
def test_many_channels(isa: str) -> None:
    """LUI neurons over more channels than a word has bits, on a single image and on a full block."""
    rng = np.random.default_rng(7)
    graph = bisel_graph(rng, (70, 3, 5), (2, 2), "replicate", outputs=5)
    for images in (1, 256) if isa != "reference" else (1, 3):
        x = random_bits(rng, graph, images)
        expected = evaluate(graph, x)
        for layout in LAYOUTS:
            assert_equals_oracle(PackedModel(graph, threads=2, isa=isa, layout=layout), x, expected)


@every_layout
def test_large_layers_are_split_over_threads(layout: str) -> None:
    """Layers big enough to wake the workers within one unit, on all cores and more."""
    rng = np.random.default_rng(8)
    graph = bisel_graph(rng, (8, 40, 70), (5, 5), "replicate", outputs=16)
    x = random_bits(rng, graph, 2)
    expected = evaluate(graph, x)
    for threads in (1, 2, 3, 8):
        assert_equals_oracle(PackedModel(graph, threads=threads, layout=layout), x, expected)


def test_pooling_of_every_kernel_and_stride() -> None:
    rng = np.random.default_rng(9)
    for _ in range(60):
        height, width = int(rng.integers(1, 9)), int(rng.integers(1, 200))
        kernel = int(rng.integers(1, height + 1)), int(rng.integers(1, min(width, 90) + 1))
        stride = int(rng.integers(1, 12)), int(rng.integers(1, 80))
        if rng.random() < 0.5:
            kernel, stride = (kernel[0], min(2, width)), (stride[0], 2)
        nodes = (ir.PackBinary("pack", "input"), ir.MaxPool("pool", "pack", kernel, stride))
        graph = ir.Graph(binary_spec(2, height, width), nodes, "pool")
        x = (rng.random((2, 2, height, width)) < 0.1).astype(np.uint8)
        expected = evaluate(graph, x)
        for model in models(graph):
            assert_equals_oracle(model, x, expected)


def test_values_outlive_their_last_reader_only() -> None:
    """Branches: values that are read late, twice or never, and an output in the middle of the graph."""
    rng = np.random.default_rng(10)
    for seed in range(40):
        rng = np.random.default_rng(100 + seed)
        graph = random_graph(rng, layers=8, side=7, kernel=3)
        x = random_input(rng, graph, 2)
        expected = evaluate(graph, x)
        for node in graph.nodes:
            part = ir.Graph(graph.input, graph.nodes, node.name)
            model = PackedModel(part, threads=1, layout=LAYOUTS[seed % 2])
            np.testing.assert_array_equal(model(x), expected[node.name])
