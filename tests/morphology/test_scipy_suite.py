"""SciPy's own tests of binary morphology, run against our functions in SciPy's place."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = "scipy.ndimage.tests.test_morphology"


def test_scipys_own_tests_pass_with_our_functions(tmp_path):
    if importlib.util.find_spec(SUITE) is None:
        pytest.skip("this SciPy was installed without its tests")
    import binmorph

    paths = [
        str(Path(__file__).parent),
        str(Path(binmorph.__file__).parents[1]),
        os.environ.get("PYTHONPATH", ""),
    ]
    report = tmp_path / "calls.txt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "BINMORPH_SUITE_REPORT": str(report)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "scipy_suite_plugin", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "--pyargs", SUITE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    passed = re.search(r"(\d+) passed", result.stdout)
    assert passed, result.stdout[-500:]
    calls = dict(line.split() for line in report.read_text().splitlines())
    # Every function of ours was called, so it was ours that passed.
    assert len(calls) == 9
    assert min(map(int, calls.values())) > 0, calls
    print(f"{passed[1]} of SciPy's tests passed; calls: {calls}")
