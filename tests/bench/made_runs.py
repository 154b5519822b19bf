"""Records of runs for tests: real counts and profiles of small networks, made-up times of made-up peers."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracle import random_graph
from oracle_streams import random_stream_graph

from binmorph import ir
from binmorph.bench.counts import counts_of, step_records
from binmorph.bench.record import CaseRecord, RunRecord, SkippedRecord, StepRecord, SystemRecord

PEERS = ("torch", "torch-nchw", "openvino-float", "openvino-int8", "openvino-binary", "onnxruntime-float")
MACHINE: dict[str, Any] = {
    "processor": "Made-up processor",
    "cores": 2,
    "isas": ["generic", "x86_avx2"],
    "isa": "x86_avx2",
    "memory_bytes": 8 << 30,
    "clock_mhz": 3000.0,
    "system": "Linux x86_64",
    "python": "3.11.7",
    "binmorph": "0.1.0",
    "packages": {"numpy": "2.4.6"},
    "peaks": {
        "isa": "x86_avx2",
        "word_operations": 7.3e10,
        "popcount_operations": 5.5e10,
        "float_operations": 1.17e11,
        "bytes": {"L1": 2.0e11, "L2": 1.1e11, "L3": 4e10, "DRAM": 1.2e10},
    },
    "meters": {"rapl": "no RAPL zones", "nvml": "no driver"},
}


def system(
    rng: np.random.Generator, name: str, seconds: float, rounds: int = 20, **more: Any
) -> SystemRecord:
    times = tuple(float(t) for t in seconds * (1 + 0.05 * rng.random(rounds)))
    kernel = tuple(0.9 * t for t in times) if name.startswith("binmorph") else None
    made = {"version": "1", "settings": "best", "status": "measured", "why": None, "calls_per_round": 10}
    made |= {"kernel_seconds": kernel, "energy_joules": None, **more}
    return SystemRecord(name=name, seconds=times, **made)


def skipped(name: str, status: str = "skipped", why: str = "not installed") -> SystemRecord:
    return SystemRecord(name, "", "", status, why, (), 0, None, None)


def case(
    rng: np.random.Generator,
    suite: str,
    name: str,
    seconds: float,
    graph: ir.Graph,
    batch: int = 1,
    steps: tuple[StepRecord, ...] = (),
    **work: Any,
) -> CaseRecord:
    systems = [system(rng, "binmorph", seconds), system(rng, "binmorph-generic", 4 * seconds)]
    systems += [system(rng, peer, seconds * (1.3 + 5 * i**2)) for i, peer in enumerate(PEERS)]
    systems += [skipped("larq-compute-engine"), skipped("openvino-wrong", "wrong", "3 of 10 values differ")]
    made = {"kind": "made-up", **work}
    counts = counts_of(graph, batch)
    return CaseRecord(suite, name, made, batch, 1, "hot", "openvino-binary", counts, tuple(systems), steps)


def run(layers: int = 5, networks: int = 2) -> RunRecord:
    rng = np.random.default_rng(0)
    cases = [
        case(
            rng,
            "layers",
            f"L{i} {64 * i}->64 3x3 @14",
            2e-5 * (i + 1),
            random_graph(rng),
            64 if i == 3 else 1,
        )
        for i in range(layers)
    ]
    for i in range(networks):
        graph = random_stream_graph(rng, steps=20)
        x = np.zeros((1, *graph.input.shape), graph.input.dtype)
        steps = step_records(graph, x, rounds=3)
        known = {"accuracy": 0.9 + 0.05 * i, "file_bytes": 7e4 * (i + 1)}
        cases.append(case(rng, "networks", f"network {i}", 1e-3, graph, 1, steps, **known))
    left = (SkippedRecord("layers", "larq-compute-engine", "not installed <no wheel>"),)
    return RunRecord(MACHINE, {"rounds": 20}, "2026-11-21T12:00:00+00:00", True, tuple(cases), left)
