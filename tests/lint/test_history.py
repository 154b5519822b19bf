"""The page of past benchmarks is the one that the committed runs give."""

from __future__ import annotations

import pytest


def test_the_history_is_current(run, root, python):
    if not any((root / "benchmarks" / "results").glob("*/[0-9]*.json")):
        pytest.skip("a source distribution has no results")
    run(python, "-m", "benchmarks.history", "--check")
