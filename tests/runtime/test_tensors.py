"""Torch tensors and other DLPack arrays: the same kind comes out, no value is copied on the way in."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input

from binmorph import ir
from binmorph.errors import DTypeError
from binmorph.runtime import PackedModel

torch = pytest.importorskip("torch")


def level_sets() -> PackedModel:
    node = ir.LevelSets("levels", "input", np.array([[0.5]], np.float32))
    return PackedModel(ir.Graph(ir.InputSpec("float32", (1, 2, 3)), (node,), "levels"), threads=1)


def test_tensor_in_tensor_out() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        graph = random_graph(rng, side=7)
        x = random_input(rng, graph, 3)
        y = PackedModel(graph, threads=1)(torch.from_numpy(x))
        assert isinstance(y, torch.Tensor)
        expected = evaluate(graph, x)[graph.output]
        assert y.dtype == (torch.float32 if expected.dtype == np.float32 else torch.bool)
        np.testing.assert_array_equal(y.numpy(), expected)


def test_tensors_of_every_memory_layout() -> None:
    model = level_sets()
    x = torch.rand(4, 1, 2, 3)
    expected = model(x)
    for same in (
        x.to(memory_format=torch.channels_last),
        x.flip(0).flip(0),
        x.repeat(2, 1, 1, 1)[:4],
        x.clone().requires_grad_(),
        torch.nn.Parameter(x.clone()),
        x.transpose(2, 3).contiguous().transpose(2, 3),
    ):
        assert torch.equal(model(same), expected)


def test_tensors_that_numpy_cannot_read() -> None:
    x = torch.zeros(1, 1, 2, 3)
    for bad in (x.bfloat16(), x.to_sparse(), torch.empty(1, 1, 2, 3, device="meta"), x.double(), x.int()):
        with pytest.raises(DTypeError):
            level_sets()(bad)


class Producer:
    """An array of a library that numpy knows only through DLPack."""

    def __init__(self, array: np.ndarray, device: int = 1) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


def test_dlpack() -> None:
    x = np.random.default_rng(2).random((4, 1, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(level_sets()(Producer(x)), x >= 0.5)
    with pytest.raises(DTypeError, match="another device"):
        level_sets()(Producer(x, device=2))
