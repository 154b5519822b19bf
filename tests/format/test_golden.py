"""Released files load for ever, mean what they meant, and are saved again as the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from oracle import evaluate

from binmorph.format import dumps, load

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("v*/*.bmorph"))
RELEASED = {
    "v1/binary_fashion_mnist.bmorph": "58f84caa4feedaf110277751bcc494979ff17859a540383c741d28102b0fb5c2",
    "v1/binary_mnist.bmorph": "13071e93421d6d1df5349b0d98cc6e0ca876c34e640d97ed3bab2c4849fd9ef4",
    "v1/digits_like.bmorph": "4ac655393015f1ad3c34a497e2fd255bd850ba261066d1821edde562b3de8892",
    "v1/tables.bmorph": "d07dff620cc27380e058c9f0fef185daa57c1eda4072ea2a9f2bad48d6dd7a22",
    "v1/vector.bmorph": "0696ea650bd5710f146bce680938acff650d3e9b07f14d631763023a3d073b31",
}


def test_golden_files_are_append_only() -> None:
    found = {str(path.relative_to(GOLDEN)): hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES}
    assert found == RELEASED  # add new files here; never change a line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_outputs_are_the_stored_ones(path: Path) -> None:
    graph = load(path)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as stored:
        values = evaluate(graph, stored["input"])
        assert set(values) == set(stored) - {"input"}
        for name, value in values.items():
            assert value.dtype == stored[name].dtype
            np.testing.assert_array_equal(value, stored[name])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v1/*.bmorph")), ids=lambda path: path.stem)
def test_saving_again_gives_the_same_bytes(path: Path) -> None:
    assert dumps(load(path)) == path.read_bytes()
