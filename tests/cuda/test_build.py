"""What CMake asks of an nvcc: a script in its place says which version it is and which chips it knows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from emulation import ROOT

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="no CMake here")

NVCC = """#!/bin/sh
case "$1" in
--version) echo "Cuda compilation tools, release {version}, V{version}.0" ;;
--list-gpu-code) echo {chips} | tr " " "\\n" ;;
*) for last in "$@"; do [ "$previous" = -o ] && echo "$@" >"$last"; previous=$last; done ;;
esac
"""
PROJECT = """cmake_minimum_required(VERSION 3.24)
project(kernels NONE)
include({root}/cmake/cuda.cmake)
add_custom_target(all_kernels ALL DEPENDS ${{cuda_binaries}})
"""
OLD, NEW = "sm_50 sm_75 sm_80 sm_86 sm_89 sm_90", "sm_75 sm_80 sm_86 sm_89 sm_90 sm_90a sm_100 sm_120"


def configure(folder: Path, version: str, chips: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "kernels" / "op").mkdir(parents=True)
    (folder / "kernels" / "op" / "cuda_simt.cu").write_text("")
    (folder / "CMakeLists.txt").write_text(PROJECT.format(root=ROOT))
    nvcc = folder / "nvcc"
    nvcc.write_text(NVCC.format(version=version, chips=chips))
    nvcc.chmod(0o755)
    command = ["cmake", "-S", folder, "-B", folder / "build", f"-DBINMORPH_NVCC={nvcc}", *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("version", "chips", "options", "expected"),
    [
        ("11.8", OLD, (), "sm_75 sm_80 sm_86 sm_89 sm_90 compute_90"),
        ("12.4", OLD + " sm_90a", (), "sm_75 sm_80 sm_86 sm_89 sm_90a compute_89"),
        ("13.0", NEW, (), "sm_75 sm_80 sm_86 sm_89 sm_90a sm_100 sm_120 compute_120"),
        ("13.0", NEW, ("-DBINMORPH_CUDA_ARCHITECTURES=90a",), "sm_90a"),
        ("13.9", "sm_90 sm_90a sm_100 sm_120", (), "sm_90a sm_100 sm_120 compute_120"),
    ],
)
def test_kernels_are_made_for_the_chips_that_nvcc_knows(tmp_path, version, chips, options, expected):
    result = configure(tmp_path, version, chips, "-DBINMORPH_CUDA=ON", *options)
    assert result.returncode == 0, result.stderr
    assert f"{version}.0 for {expected}\n" in result.stdout
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    asked = (tmp_path / "build" / "cuda" / "kernels_op_cuda_simt.cu.fatbin").read_text()
    assert [f"code={chip}" in asked for chip in expected.split()] == [True] * len(expected.split())
    assert asked.count("-gencode") == len(expected.split())
    assert ("--compress-mode" in asked) == (version >= "12.8")
    assert f'"{version}.0", "{expected}", ""' in (tmp_path / "build" / "cuda" / "embedded.cpp").read_text()


@pytest.mark.parametrize(
    ("version", "chips", "message"),
    [
        ("11.4", OLD, "nvcc 11.4.0 is too old, 11.8 is needed"),
        ("", OLD, "nvcc did not run when it was built"),
        ("13.0", "sm_60", "nvcc 13.0.0 knows none of BINMORPH_CUDA_ARCHITECTURES="),
    ],
)
def test_kernels_that_are_asked_for_and_cannot_be_made(tmp_path, version, chips, message):
    result = configure(tmp_path, version, chips, "-DBINMORPH_CUDA=ON")
    assert result.returncode != 0
    assert message in " ".join(result.stderr.split())


def test_an_old_nvcc_leaves_a_build_for_the_cpu(tmp_path):
    result = configure(tmp_path, "11.4", OLD, "-DBINMORPH_CUDA=AUTO")
    assert result.returncode == 0
    assert "GPU kernels: none, this build runs on the CPU only (nvcc 11.4.0 is too old" in result.stdout
