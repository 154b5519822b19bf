"""The page of past benchmarks is the one that the committed runs give."""

from __future__ import annotations


def test_the_history_is_current(run, root, python):
    run(python, "-m", "benchmarks.history", "--check", cwd=root)
