"""Make ``from emulation import ...`` work under --import-mode=importlib, and share what is compiled."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulation import CHECKS, Builder, prefetch


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all processes of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def builder(shared: Path) -> Builder:
    builder = Builder(shared / "emulated")
    if prefetch():
        for check in CHECKS:
            builder.start_check(check)
    return builder
