"""What is written from committed runs is what they give: README, the history, the experiments."""

from __future__ import annotations

import pytest

RUNS = {
    "readme": "amd-epyc-zen4-2cores/0.1.0.json",
    "history": "*/[0-9]*.json",
    "experiments": "operators/*.jsonl",
}


@pytest.mark.parametrize("document", RUNS)
def test_the_document_is_current(document, run, root, python):
    if not any((root / "benchmarks" / "results").glob(RUNS[document])):
        pytest.skip("a source distribution has no results")
    run(python, "-m", f"benchmarks.{document}", "--check")
