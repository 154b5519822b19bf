"""Layers of libraries for GPUs, on tensors of the host where torch has the operator there, too."""

from __future__ import annotations

import numpy as np
import pytest

from binmorph.bench.contest import Absent
from binmorph.bench.networks.forms import signed
from binmorph.bench.peers import cuda_layers
from binmorph.bench.peers.numpy_ops import NumpyOps

torch = pytest.importorskip("torch")
WORKING_ON_THE_HOST = ("torch-cuda", "torch-cuda-int8", "torch-cuda-fp8")


@pytest.mark.parametrize("name", WORKING_ON_THE_HOST)
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_equal_the_reference(name: str, stride: int) -> None:
    rng = np.random.default_rng(stride)
    x, weight = signed(rng.random((4, 32, 8, 8)) < 0.5), signed(rng.random((16, 32, 3, 3)) < 0.5)
    expected = NumpyOps(x).conv(x, weight, None, stride, 1)
    system = cuda_layers.system(name, x, weight, stride, 1, device="cpu")
    np.testing.assert_array_equal(system.output(), expected)


@pytest.mark.parametrize("name", WORKING_ON_THE_HOST)
def test_dense_layers_equal_the_reference(name: str) -> None:
    rng = np.random.default_rng(1)
    x, weight = signed(rng.random((32, 64)) < 0.5), signed(rng.random((16, 64)) < 0.5)
    system = cuda_layers.system(name, x, weight, 1, 0, device="cpu")
    np.testing.assert_array_equal(system.output(), x @ weight.T)


def test_what_does_not_fit_says_why() -> None:
    x, weight = np.ones((5, 64), np.float32), np.ones((16, 64), np.float32)
    for name, why in (
        ("torch-cuda-int8", "more than 16 rows"),
        ("torch-cuda-fp8", "multiples of 16 rows"),
        ("cudnn-int8", "no convolution"),
    ):
        with pytest.raises(Absent, match=why):
            cuda_layers.system(name, x, weight, 1, 0, device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(Absent, match="torch finds no GPU"):
            cuda_layers.system("torch-cuda", x, weight, 1, 0)
