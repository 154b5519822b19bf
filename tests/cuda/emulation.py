"""Compiles the device kernels and their checks with the host's C++ compiler."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CHECKS = {
    "chain": ("threshold_conv2d/cuda_mma_chain.cu", "threshold_conv2d/cuda_pack.cpp"),
    "cluster": ("threshold_conv2d/cuda_cluster_chain.cu", "threshold_conv2d/cuda_pack.cpp"),
    "dense": (
        "threshold_conv2d/cuda_dense.cpp",
        "threshold_conv2d/cuda_pack.cpp",
        "threshold_conv2d/cuda_tiles.cpp",
        "threshold_conv2d/cuda_wgmma_dense.cu",
    ),
    "elements": (
        "morphology2d/cuda_pack.cpp",
        "morphology2d/cuda_simt.cu",
        "morphology2d/cuda_simt_program.cu",
        "morphology2d/cuda_simt_walk.cu",
        "thinning/cuda_simt.cu",
        "../csrc/se_columns.cpp",
        "../csrc/se_graph.cpp",
        "../csrc/se_plan.cpp",
    ),
    "morphology": (
        "bisel/cuda_simt.cu",
        "bisel/cuda_pack.cpp",
        "morphology2d/cuda_simt.cu",
        "truth_table/cuda_simt.cu",
    ),
    "numbers": (
        "conv2d/cuda_simt.cu",
        "elementwise/cuda_simt.cu",
        "linear/cuda_simt.cu",
        "max_pool/cuda_simt.cu",
    ),
    "packing": (
        "concat/cuda_simt.cu",
        "flatten/cuda_simt.cu",
        "pack/cuda_simt.cu",
        "transpose/cuda_simt.cu",
    ),
    "tiles": (
        "threshold_conv2d/cuda_pack.cpp",
        "threshold_conv2d/cuda_tiles.cpp",
        "threshold_conv2d/cuda_wgmma.cu",
    ),
    "wgmma": (),
    "windows": (
        "threshold_conv2d/cuda_mma.cu",
        "threshold_conv2d/cuda_pack.cpp",
        "threshold_conv2d/cuda_simt.cu",
    ),
}
"""What each ``check_*.cpp`` checks, under kernels."""

FLAGS = (
    *("-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"),
    *("-x", "c++", "-Icsrc/include", f"-I{ROOT}"),
)


class Builder:
    """Compiles each source once, two at a time; processes that share the folder share what is in it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._objects: dict[tuple[str, ...], Future[Path]] = {}
        self._pool = ThreadPoolExecutor(2)
        found = shutil.which(os.environ.get("CXX", "c++"))
        if found is None:
            pytest.skip("no C++ compiler here: the device kernels are NOT tested")
        self._compiler = found
        # Every source begins with the emulation, which is compiled once, too.
        self._emulation = folder / "emulation.h"
        self._emulation.write_text('#include "kernels/common/cuda/emulate.h"\n')
        self._run([*FLAGS, "-x", "c++-header", "-c", str(self._emulation)], folder / "emulation.h.gch")

    def start(self, source: str, *flags: str, changed: Path | None = None) -> Future[Path]:
        """The object of a source; files under ``changed`` replace those of the project."""
        key = (source, *flags, str(changed))
        if key not in self._objects:
            target = self._folder / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.o"
            folders = [] if changed is None else [f"-I{changed}"]
            path = source if changed is None or not (changed / source).exists() else str(changed / source)
            command = [*folders, *FLAGS, *flags, "-include", str(self._emulation), "-c", path]
            self._objects[key] = self._pool.submit(self._run, command, target)
        return self._objects[key]

    def start_check(self, check: str) -> list[Future[Path]]:
        sources = [f"tests/cuda/check_{check}.cpp", *(f"kernels/{source}" for source in CHECKS[check])]
        return [self.start(source) for source in sources]

    def link(self, objects: Sequence[Path], program: Path) -> Path:
        return self._run([*map(str, objects)], program)

    def _run(self, arguments: list[str], result: Path) -> Path:
        command = [self._compiler, *arguments, "-o", str(result)]
        with once(result) as missing:
            if missing:
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
                assert done.returncode == 0, f"$ {' '.join(command)}\n{done.stderr}"
        return result


@contextmanager
def once(result: Path) -> Iterator[bool]:
    """Whether this process is to make the file; others that ask meanwhile wait until it is there."""
    with open(result.with_name(result.name + ".lock"), "a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        missing = lock.read() != "made"
        yield missing
        if missing:
            lock.write("made")


def prefetch() -> bool:
    """Whether to compile ahead of the tests: not where several processes run them, each some."""
    return "PYTEST_XDIST_WORKER" not in os.environ
