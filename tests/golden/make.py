"""Make the golden files of the current major version, once: ``python tests/golden/make.py`` from the root."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from oracle import evaluate, random_input, random_neurons

from binmorph import format as bm_format
from binmorph import ir

FOLDER = Path(__file__).parent / "v1"


def digits_like() -> ir.Graph:
    rng = np.random.default_rng(31)
    nodes: tuple[ir.AnyNode, ...] = (
        ir.LevelSets("levels", "input", np.array([[64, 128.5]], np.float32)),
        ir.Bisel("open", "levels", (3, 3), "replicate", *bisel(rng, 3, 2, 9)),
        ir.MaxPool("pool", "open", (2, 2), (2, 2)),
        ir.Bisel("edge", "pool", (2, 3), "zeros", *bisel(rng, 4, 3, 6)),
        ir.Bisel("side", "pool", (3, 1), "valid", *bisel(rng, 2, 3, 3)),
        ir.Flatten("flat", "edge"),
        ir.ThresholdDense("dense", "flat", random_neurons(rng, (12,), 64)),
        ir.Linear(
            "head",
            "dense",
            rng.normal(size=(5, 12)).astype(np.float32),
            rng.normal(size=5).astype(np.float32),
        ),
    )
    return ir.Graph(ir.InputSpec("uint8", (1, 8, 8)), nodes, "head", "binmorph golden")


def bisel(rng: np.random.Generator, outputs: int, channels: int, n: int) -> tuple[ir.Neurons, ir.Neurons]:
    return random_neurons(rng, (outputs, channels), n), random_neurons(rng, (outputs,), channels)


def vector() -> ir.Graph:
    rng = np.random.default_rng(21)
    nodes = (
        ir.PackBinary("pack", "input"),
        ir.ThresholdDense("dense", "pack", random_neurons(rng, (3,), 70)),
    )
    return ir.Graph(ir.InputSpec("float32", (70,)), nodes, "dense", "binmorph golden")


def tables() -> ir.Graph:
    """What 1.2 brought: truth tables, and calibrated neurons."""
    rng = np.random.default_rng(41)
    dense = random_neurons(rng, (3,), 18)
    status = np.array([ir.Status.CALIBRATED, ir.Status.POPCOUNT, ir.Status.CALIBRATED], np.uint8)
    tried = status == ir.Status.CALIBRATED
    dense = replace(
        dense,
        status=status,
        margin=np.where(tried, np.nan, 0.5),
        distance=np.where(tried, 0.25, 0.0),
    )
    channels = np.array([[0, 1], [1, 0]], np.int32)
    table, known = rng.random((2, 2**8)) < 0.4, np.array([ir.Status.LOSSLESS, ir.Status.EROSION], np.uint8)
    nodes = (
        ir.PackBinary("pack", "input"),
        ir.TruthTable("table", "pack", (2, 2), "replicate", channels, table, known),
        ir.Flatten("flat", "table"),
        ir.ThresholdDense("dense", "flat", dense),
    )
    return ir.Graph(ir.InputSpec("uint8", (2, 3, 3)), nodes, "dense", "binmorph golden")


def main() -> None:
    for graph, name in ((digits_like(), "digits_like"), (vector(), "vector"), (tables(), "tables")):
        path = FOLDER / f"{name}.bmorph"
        if path.exists():
            print(f"{path} exists and stays: golden files are never changed")
            continue
        x = random_input(np.random.default_rng(22), graph, 16)
        values = evaluate(graph, x)
        for node in graph.nodes:
            print(name, node.name, values[node.name].mean())
        np.savez_compressed(FOLDER / f"{name}.npz", input=x, **values)
        print(path, bm_format.save(graph, path), "bytes")


if __name__ == "__main__":
    main()
