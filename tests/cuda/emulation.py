"""Compiles the checks of the device kernels with the host's C++ compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKS = sorted(p.stem.removeprefix("check_") for p in (ROOT / "tests" / "cuda").glob("check_*.cpp"))
MMA_UNITS = (16, 32)
"""Tensor-core instructions besides the 1-bit one: see kernels/common/cuda/mma.cuh."""

FLAGS = (
    *("-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"),
    *("-x", "c++", "-include", "kernels/common/cuda/emulate.h"),
)


def compiler() -> str:
    found = shutil.which(os.environ.get("CXX", "c++"))
    if found is None:
        pytest.skip("no C++ compiler here: the device kernels are NOT tested")
    return found


def build(check: str, program: Path, *flags: str, sources: Path | None = None) -> Path:
    """The program of a check; kernels found under ``sources`` replace those of the project."""
    include = [f"-I{folder}" for folder in (sources, ROOT) if folder is not None]
    command = [compiler(), *FLAGS, *flags, *include, f"tests/cuda/check_{check}.cpp", "-o", str(program)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, f"$ {' '.join(command)}\n{result.stderr}"
    return program
