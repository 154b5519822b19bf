"""The cases of the emulated checks, on the machine's own device."""

import ctypes
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from emulation import CHECKS, ROOT
from shape_file import SHAPED, write

MAJOR, MINOR = 75, 76  # attributes of a device: its compute capability


def _architecture() -> str:
    """That of the first device, with what only its generation has; LookupError says what is missing."""
    if shutil.which("nvcc") is None:
        raise LookupError("nvcc is not here")
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise LookupError("there is no CUDA driver") from None
    count, major, minor = ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(0)
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        raise LookupError("there is no CUDA device")
    for value, attribute in ((major, MAJOR), (minor, MINOR)):
        cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, 0)
    capability = f"{major.value}{minor.value}"
    return f"sm_{capability}a" if capability == "90" else f"sm_{capability}"


def _why_not() -> str:
    try:
        _architecture()
    except LookupError as error:
        return str(error)
    return ""


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(_why_not()), reason=f"{_why_not()}: the device kernels are NOT run on a device"),
]


HOPPER = ("wgmma", "tiles", "dense", "cluster")
"""Checks of what only Hopper has."""

FLAGS = (
    *("-std=c++17", "-O3", "-fmad=false", "--expt-relaxed-constexpr", "-Xcompiler", "-ffp-contract=off"),
    *("-rdc=true", f"-I{ROOT}", f"-I{ROOT / 'csrc/include'}", "-x", "cu"),
)


def compile_command(check: str, architecture: str, program: str) -> list[str]:
    sources = [f"tests/cuda/check_{check}.cpp", *(f"kernels/{source}" for source in CHECKS[check])]
    return ["nvcc", *FLAGS, f"-arch={architecture}", *sources, "-o", program]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[str]]:
    """All checks, compiled at the same time."""
    folder = tmp_path_factory.mktemp("device")
    pool = ThreadPoolExecutor(len(CHECKS))

    def build(check: str) -> str:
        program = str(folder / check)
        subprocess.run(compile_command(check, _architecture(), program), cwd=ROOT, check=True)
        return program

    hopper = _architecture() == "sm_90a"
    return {check: pool.submit(build, check) for check in CHECKS if hopper or check not in HOPPER}


@pytest.mark.parametrize("check", CHECKS)
def test_device_kernels_equal_reference(programs, tmp_path, check):
    if check in HOPPER and check not in programs:
        pytest.skip("this device has no warpgroup products")
    program = programs[check].result()
    for arguments in ([], [str(write(tmp_path / "shapes.txt"))] if check in SHAPED else []):
        result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=240)
        assert result.returncode == 0, result.stderr
        assert " 0 failures" in result.stdout
