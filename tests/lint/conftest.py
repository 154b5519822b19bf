"""Shared by the lint tests: where the sources are, and how to call a tool that must be there."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def root() -> Path:
    """The directory of pyproject.toml: a checkout or an unpacked sdist."""
    return ROOT


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a tool in the root; fails the test, with the tool's output, unless it succeeds."""

    def call(*command: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
        tool = str(command[0])
        # The scripts of this very environment first: a tool of the system may be another version.
        found = shutil.which(tool, path=sysconfig.get_path("scripts")) or shutil.which(tool)
        if found is None:
            pytest.fail(f'{tool} is missing: pip install -c constraints.txt ".[test]"')
        arguments = [found, *map(str, command[1:])]
        result = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, **options)  # type: ignore[call-overload]
        if result.returncode != 0:
            pytest.fail(f"$ {' '.join(arguments)}\n{result.stdout}{result.stderr}", pytrace=False)
        return result

    return call


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter that runs the tests."""
    return sys.executable
