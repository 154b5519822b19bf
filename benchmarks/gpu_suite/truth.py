"""Every bit on the device against the CPU: the GPU tests, then random networks as long as time allows."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from binmorph.runtime import DeviceModel, PackedModel

from .part import Part
from .pytest_files import run_files

NETWORKS, TESTS = 0.2, 0.7
"""Of the time of the part."""


def run_tests(part: Part) -> dict[str, object]:
    """The checks of single kernels, and tests/gpu, on what the environment names."""
    files = [part.root / "tests/cuda/test_on_device.py", *sorted((part.root / "tests/gpu").glob("test_*.py"))]
    files = [file for file in files if file.name != "test_suite.py"]
    options = ["-k", "test_packed_images_stay_packed or test_plan_names or test_ranks"] if part.dry else []
    return run_files(
        part.root, files, 6, TESTS * part.seconds, options, BINMORPH_TEST_GPU="" if part.dry else "hardware"
    )


def run_networks(part: Part) -> dict[str, object]:
    """Random networks, larger than those of the tests, with every kernel."""
    sys.path.insert(0, str(part.root / "tests"))
    from oracle import random_graph, random_input
    from oracle_streams import random_stream_graph

    wrong, seed, begin = [], 0, time.time()
    while time.time() - begin < (3 if part.dry else NETWORKS * part.seconds) and len(wrong) < 10:
        rng = np.random.default_rng([seed, 99])
        wide = {} if part.dry or seed % 2 else {"channels": 24, "side": 40, "features": 700}
        if seed % 4 == 3:
            graph = random_stream_graph(rng)
        else:
            graph = random_graph(rng, convolutions=seed % 4 != 0, tables=True, **wide)
        x = random_input(rng, graph, int(rng.integers(1, 5 if part.dry else 70)))
        expected = PackedModel(graph)(x)
        for isa in ("cuda_wgmma", "cuda_mma", "cuda_simt"):
            if not np.array_equal(DeviceModel(graph, isa=isa)(x), expected):
                wrong.append({"seed": seed, "isa": isa, "nodes": [f"{n.name} {n.op}" for n in graph.nodes]})
        seed += 1
    print(f"  {seed} random networks, {len(wrong)} wrong results")
    return {"networks": seed, "wrong": wrong}


def main() -> int:
    """Write truth.json; 0 if every bit was right."""
    part = Part.from_arguments("truth")
    found: dict[str, object] = {"networks": run_networks(part)}
    (part.out / "truth.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    found["tests"] = run_tests(part)
    (part.out / "truth.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    tests = found["tests"]
    assert isinstance(tests, dict)
    return 0 if not found["networks"]["wrong"] and not str(tests["status"]).startswith("failed") else 1  # type: ignore[index]


if __name__ == "__main__":
    sys.exit(main())
