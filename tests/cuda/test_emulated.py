"""The device kernels, compiled for the host and compared bit for bit with the references of the CPU.

Each check is a program: kernels, references and cases in one translation unit (``check_*.cpp``).
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from emulation import CHECKS, MMA_UNITS, build


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("emulated")
    jobs = [(check, check, ()) for check in CHECKS]
    jobs += [(f"windows-u{unit}", "windows", (f"-DBINMORPH_MMA={unit}",)) for unit in MMA_UNITS]
    with ThreadPoolExecutor(2) as pool:
        built = pool.map(lambda job: build(job[1], folder / job[0], *job[2]), jobs)
        return dict(zip((name for name, _, _ in jobs), built, strict=True))


@pytest.mark.parametrize("name", [*CHECKS, *(f"windows-u{unit}" for unit in MMA_UNITS)])
def test_emulated_kernels_equal_reference(programs, name):
    result = subprocess.run([programs[name]], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "0 failures" in result.stdout
