"""The golden models reach what their logs say, on the data sets in the folders of BINMORPH_DATA."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from binmorph.training.data import load_mnist

runtime = pytest.importorskip("binmorph.runtime")
GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.mark.parametrize(
    ("name", "folder"), [("binary_mnist", "mnist"), ("binary_fashion_mnist", "fashion-mnist")]
)
def test_accuracy(name: str, folder: str) -> None:
    if "BINMORPH_DATA" not in os.environ:
        pytest.skip("set BINMORPH_DATA to a folder with the folders mnist and fashion-mnist")
    data = load_mnist(Path(os.environ["BINMORPH_DATA"]) / folder)
    scores = np.asarray(runtime.load(GOLDEN / f"{name}.bmorph")(data.x_test.numpy()))
    last = json.loads((GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()[-1])
    assert float((scores.argmax(1) == data.y_test.numpy()).mean()) == last["finished"]["accuracy_packed"]
