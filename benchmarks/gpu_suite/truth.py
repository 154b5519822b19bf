"""Every bit on the device against the CPU: the GPU tests, then random networks as long as time allows."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time

import numpy as np

from binmorph.runtime import DeviceModel, PackedModel

from .part import Part

SECONDS = 30.0


def run_tests(part: Part) -> dict[str, object]:
    """The checks of single kernels, and tests/gpu, on what the environment names."""
    if importlib.util.find_spec("pytest") is None:
        return {"status": "left out: no pytest here"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [str(part.root / "tests/gpu"), str(part.root / "tests/cuda/test_on_device.py")]
    # Plugins that are not here must not be asked for.
    command += ["-o", "addopts=--import-mode=importlib"]
    environment = {**os.environ, "BINMORPH_TEST_GPU": "" if part.dry else "hardware"}
    if importlib.util.find_spec("xdist") is not None:
        command += ["-n", "4"]
    if part.dry:
        command += ["-k", "test_packed_images_stay_packed or test_plan_names"]
    result = subprocess.run(command, cwd=part.root, env=environment, capture_output=True, text=True)
    print(result.stdout[-3000:])
    counts = {name: int(n) for n, name in re.findall(r"(\d+) (passed|failed|skipped|error)", result.stdout)}
    status = "ok" if result.returncode == 0 else f"failed with exit code {result.returncode}"
    return {"status": status, **counts, "output": result.stdout[-3000:] if result.returncode else ""}


def run_networks(part: Part) -> dict[str, object]:
    """Random networks, larger than those of the tests, with every kernel."""
    sys.path.insert(0, str(part.root / "tests"))
    from oracle import random_graph, random_input
    from oracle_streams import random_stream_graph

    wrong, seed, begin = [], 0, time.time()
    while time.time() - begin < (3 if part.dry else SECONDS) and len(wrong) < 10:
        rng = np.random.default_rng([seed, 99])
        wide = {} if part.dry or seed % 2 else {"channels": 24, "side": 40, "features": 700}
        if seed % 4 == 3:
            graph = random_stream_graph(rng)
        else:
            graph = random_graph(rng, convolutions=seed % 4 != 0, **wide)
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
