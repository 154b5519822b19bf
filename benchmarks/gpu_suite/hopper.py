"""Hopper: what the emulation of warpgroup products assumes, settled on the device, then their peak rate."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .part import Part

CHECKS = ("wgmma", "tiles", "dense", "cluster")
"""Of tests/cuda, the first settles what the others build on."""


def compute_capability() -> tuple[int, int] | None:
    """Of device 0; None without a driver."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    major, minor = ctypes.c_int(0), ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, 0) != 0:
        return None
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, 0)
    return major.value, minor.value


def _sources(root: Path) -> dict[str, tuple[str, ...]]:
    """What each check of tests/cuda compiles."""
    spec = importlib.util.spec_from_file_location("emulation", root / "tests/cuda/emulation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.CHECKS)


def _compile(root: Path, sources: list[str], program: str) -> None:
    flags = [
        "-std=c++17",
        "-O3",
        "-fmad=false",
        "--expt-relaxed-constexpr",
        "-Xcompiler",
        "-ffp-contract=off",
    ]
    command = [
        "nvcc",
        *flags,
        "-rdc=true",
        "-arch=sm_90a",
        f"-I{root}",
        f"-I{root}/csrc/include",
        "-x",
        "cu",
        *sources,
        "-o",
        program,
    ]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"nvcc: {result.stderr[-1000:]}")


def settle(part: Part, folder: str) -> dict[str, object]:
    """The checks of the emulation, on the device: which widths, swizzles and places are as assumed."""
    found: dict[str, object] = {}
    all_sources = _sources(part.root)
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        compiled = {
            check: pool.submit(
                _compile,
                part.root,
                [f"tests/cuda/check_{check}.cpp", *(f"kernels/{source}" for source in all_sources[check])],
                f"{folder}/{check}",
            )
            for check in CHECKS
        }
    for check in CHECKS:
        compiled[check].result()
        program = f"{folder}/{check}"
        result = subprocess.run([program], capture_output=True, text=True, timeout=60)
        lines = sorted(set(result.stdout.splitlines()))
        found[check] = {"returncode": result.returncode, "lines": lines, "errors": result.stderr[-2000:]}
        part.failures += result.returncode != 0
        print(f"  {check}: {'as emulated' if result.returncode == 0 else 'DIFFERENT'}", flush=True)
    return found


def measure_peak(part: Part, folder: str) -> list[dict[str, object]]:
    """Cycles of one product and operations per second, by kind, width and warpgroups."""
    program = f"{folder}/peak"
    _compile(part.root, ["benchmarks/gpu_suite/peak.cu"], program)
    result = subprocess.run([program], capture_output=True, text=True, timeout=90, check=True)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    for line in sorted(lines, key=lambda line: -float(line["tops"]))[:5]:
        print(f"  {line}", flush=True)
    return lines


def main() -> int:
    """Write hopper.json; 0 if all was as assumed, or if this is no Hopper."""
    part = Part.from_arguments("hopper")
    if part.dry or shutil.which("nvcc") is None or compute_capability() != (9, 0):
        print("  left out: this needs nvcc and a device of compute capability 9.0")
        return 0
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, work in (("assumptions", settle), ("peak", measure_peak)):

            def run(name: str = name, work: object = work) -> None:
                found[name] = work(part, folder)  # type: ignore[operator]
                (part.out / "hopper.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")

            part.attempt(name, run)
    return min(1, part.failures)


if __name__ == "__main__":
    sys.exit(main())
