"""compute-sanitizer over a few small networks: accesses, races, barriers, reads of what nobody wrote."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from .part import Part

TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")


def work(root: Path) -> None:
    """What runs under the tool: every kernel that random networks of all kinds use."""
    sys.path.insert(0, str(root / "tests"))
    from oracle import random_graph, random_input
    from oracle_streams import random_stream_graph

    from binmorph.runtime import DeviceModel

    for seed in range(6):
        rng = np.random.default_rng(seed)
        graph = random_stream_graph(rng) if seed % 2 else random_graph(rng, convolutions=True, tables=True)
        x = random_input(rng, graph, 3)
        for isa in ("cuda_wgmma", "cuda_mma", "cuda_simt"):
            DeviceModel(graph, isa=isa)(x)


def main() -> int:
    """0 if no tool found anything, or there is none."""
    if sys.argv[1] == "--work":
        work(Path(sys.argv[2]))
        return 0
    part = Part.from_arguments("sanitizer")
    if part.dry:
        work(part.root)
    tool = shutil.which("compute-sanitizer")
    if tool is None or part.dry:
        print("  compute-sanitizer: left out")
        return 0
    wrong, begin = 0, time.time()
    for number, name in enumerate(TOOLS):
        limit = (begin + 0.9 * part.seconds - time.time()) / (len(TOOLS) - number)
        command = [tool, "--tool", name, "--error-exitcode", "9", sys.executable]
        command += ["-m", "benchmarks.gpu_suite.sanitizer", "--work", str(part.root)]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            print(f"  {name}: no result within {limit:.0f} s")
            continue
        print(f"  {name}: exit code {result.returncode}; {result.stdout.strip().splitlines()[-1:]}")
        if result.returncode == 9:
            wrong += 1
            print(result.stdout[-1500:])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
