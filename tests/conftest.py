"""Shared by all tests: make ``from oracle import evaluate, random_graph`` work from every test folder."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

# --import-mode=importlib leaves sys.path alone, so helpers next to this file would not be importable.
sys.path.insert(0, str(Path(__file__).parent))

from patience import PATIENCE

# Processes that test at once share the cores: torch's threads, which spin while they wait, must not be more.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, share)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With -n, neighbours, which share what they build, run in one process until another has nothing left."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items if PATIENCE != 1 else ():
        marker = item.get_closest_marker("timeout")
        limit = float(marker.args[0] if marker else config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(PATIENCE * limit), append=False)
