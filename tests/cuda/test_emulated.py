"""The device kernels, compiled for the host and compared bit for bit with the references of the CPU."""

import subprocess

import pytest
from emulation import CHECKS
from shape_file import SHAPED, write


def run(*command: object) -> str:
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_emulated_kernels_equal_reference(builder, tmp_path, check):
    objects = [future.result() for future in builder.start_check(check)]
    assert " 0 failures" in run(builder.link(objects, tmp_path / check))


@pytest.mark.parametrize("check", SHAPED)
def test_emulated_kernels_equal_reference_on_the_shapes_of_the_cpu(builder, tmp_path, check):
    program = builder.link([future.result() for future in builder.start_check(check)], tmp_path / check)
    assert " 0 failures" in run(program, write(tmp_path / "shapes.txt"))


@pytest.mark.parametrize("unit", [16, 32])
def test_emulated_8_bit_tensor_cores_equal_reference(builder, tmp_path, unit):
    """The kernels for chips without 1-bit units: see kernels/common/cuda/mma.cuh."""
    check, mma, *rest = builder.start_check("windows")
    mma = builder.start("kernels/threshold_conv2d/cuda_mma.cu", f"-DBINMORPH_MMA={unit}")
    program = builder.link([future.result() for future in (check, mma, *rest)], tmp_path / "windows")
    assert " 0 failures" in run(program, "mma")
