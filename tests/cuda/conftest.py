"""Make ``from emulation import ...`` work under --import-mode=importlib, and share what is compiled."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from emulation import CHECKS, Builder, prefetch


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    builder = Builder(tmp_path_factory.mktemp("emulated"))
    if prefetch():
        for check in CHECKS:
            builder.start_check(check)
    return builder
