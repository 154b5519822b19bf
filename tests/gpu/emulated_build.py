"""Builds the emulated CUDA driver: the device kernels compiled for the host behind its entry points."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
DRIVER = [HERE / "emulated_driver.cpp", HERE / "emulated_launches.cpp"]
HARDWARE = os.environ.get("BINMORPH_TEST_GPU") == "hardware"  # then nothing is built, nor emulated
KERNEL = re.compile(
    r'(?:extern "C" __global__ void (?:__launch_bounds__\(.*?\)\s*)?|BINMORPH_DEVICE_KERNEL\()'
    r"(\w+)(?:\(\s*const (\w+) p\)|,\s*(\w+),)"
)
"""Entry points: what the text calls them and their parameter, in one form or the other."""


def _sources() -> list[Path]:
    return sorted(ROOT.glob("kernels/*/cuda_*.cu"))


def library() -> Path:
    """Where the library is, or will be, for the sources as they are now."""
    digest = hashlib.sha256()
    inputs = [p for p in (ROOT / "kernels").rglob("*") if p.suffix in {".cu", ".cuh", ".h"}]
    for path in sorted(
        [*inputs, *DRIVER, HERE / "emulated_state.h", ROOT / "csrc/cuda/driver.h", Path(__file__)]
    ):
        digest.update(path.read_bytes())
    return ROOT / "build" / "emulated" / f"libcuda-{digest.hexdigest()[:16]}.so"


def _kernel_table() -> str:
    headers = [str(p.relative_to(ROOT)) for p in sorted(ROOT.glob("kernels/*/cuda_*.h"))]
    lines, declarations = [], []
    for source in _sources():
        for name, *params in KERNEL.findall(source.read_text("utf-8")):
            lines.append(f"X({name}, {''.join(params)})")
            declarations.append(f'extern "C" void {name}(const {"".join(params)} p);')
    includes = "".join(f'#include "{header}"\n' for header in headers)
    return (
        f"{includes}namespace binmorph::cuda {{\n"
        + "\n".join(declarations)
        + "\n}\n#define BINMORPH_EMULATED_KERNELS(X) "
        + " ".join(lines)
        + "\n"
    )


def build() -> Path:
    """The library, built if it is not there; several processes may ask at once."""
    target = library()
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        work = target.with_suffix(f".{os.getpid()}")
        work.mkdir()
        try:
            (work / "emulated_kernels.h").write_text(_kernel_table())
            flags = ["-std=c++17", "-O2", "-fPIC", "-ffp-contract=off", "-fvisibility=default", "-w"]
            flags += ["-I", str(ROOT), "-I", str(ROOT / "csrc"), "-I", str(work), "-I", str(HERE)]
            flags += ["-include", "kernels/common/cuda/emulate.h"]

            def compiled(source: Path) -> Path:
                output = work / f"{source.parent.name}_{source.stem}.o"
                command = ["c++", *flags, "-x", "c++", "-c", str(source), "-o", str(output)]
                subprocess.run(command, check=True, cwd=ROOT)
                return output

            with ThreadPoolExecutor(2) as pool:
                objects = list(pool.map(compiled, [*_sources(), *DRIVER]))
            made = work / "libcuda.so"
            subprocess.run(["c++", "-shared", "-o", str(made), *map(str, objects)], check=True)
            made.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


if __name__ == "__main__":
    print(build())
