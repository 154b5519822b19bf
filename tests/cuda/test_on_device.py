"""The cases of the emulated checks, on the machine's own device."""

import ctypes
import shutil
import subprocess

import pytest
from emulation import CHECKS, ROOT


def _why_not() -> str:
    if shutil.which("nvcc") is None:
        return "nvcc is not here"
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no CUDA driver"
    count = ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "there is no CUDA device"
    return ""


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(_why_not()), reason=f"{_why_not()}: the device kernels are NOT run on a device"),
]


def compile_command(check: str, architecture: str, program: str) -> list[str]:
    sources = [f"tests/cuda/check_{check}.cpp", *(f"kernels/{source}" for source in CHECKS[check])]
    flags = (
        "-std=c++17",
        "-O3",
        "-fmad=false",
        "--expt-relaxed-constexpr",
        "-Xcompiler",
        "-ffp-contract=off",
    )
    return [
        "nvcc",
        *flags,
        "-rdc=true",
        f"-arch={architecture}",
        f"-I{ROOT}",
        "-x",
        "cu",
        *sources,
        "-o",
        program,
    ]


def _is_hopper() -> bool:
    cuda, major = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(0)
    return cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, 0) == 0 and major.value == 9


@pytest.mark.parametrize("check", CHECKS)
def test_device_kernels_equal_reference(tmp_path, check):
    if check in ("wgmma", "tiles", "dense") and not _is_hopper():
        pytest.skip("this device has no warpgroup products")
    program = str(tmp_path / check)
    architecture = "sm_90a" if _is_hopper() else "native"
    subprocess.run(compile_command(check, architecture, program), cwd=ROOT, check=True)
    result = subprocess.run([program], capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    assert " 0 failures" in result.stdout
