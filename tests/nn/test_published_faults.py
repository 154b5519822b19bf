"""Five faults of the published code of Aouad & Talbot (LBQNN 2023), each with the input that shows it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

import binmorph.nn as bnn
from binmorph.exactness import binarize, project_constant
from binmorph.ir import Status


def test_ties_are_kept() -> None:
    """Bounds tested strictly on both sides miss neurons whose threshold is met exactly: integer weights and
    integer thresholds."""
    for weight, bias, status in (
        ([1.0, 1.0, 1.0], 2.0, Status.EROSION),  # b = L
        ([1.0, 1.0, 1.0], 0.0, Status.DILATION),
        ([2.0, 2.0, 1.0], 1.0, Status.DILATION),  # b = the sum outside S
        ([2.0, 1.0, 1.0], 3.0, Status.EROSION),
    ):
        neurons = binarize([weight], bias, 1.0, family="morphological")
        assert neurons.status[0] == status
        x = np.arange(8)[:, None] >> np.arange(3) & 1 == 1
        np.testing.assert_array_equal(neurons.evaluate(x[:, None])[:, 0], x @ np.array(weight) > bias)


def test_constants_are_found() -> None:
    """A neuron that no input fires, or every one, is no dilation by its largest weight."""
    never = binarize([[0.2, 0.3], [-1.0, -2.0]], [1.0, 0.0], 1.0, family="morphological")
    always = binarize([[0.2, 0.3], [-1.0, -2.0]], [-0.1, -3.5], 1.0, family="morphological")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool)
    for neurons, value in ((never, False), (always, True)):
        assert (neurons.status == Status.CONSTANT).all()
        assert (neurons.evaluate(x[:, None]) == value).all()


def test_repeated_weights_count_as_often_as_they_occur() -> None:
    """Over distinct values alone the nearest set of [1, 8 x 0.3] has one element and the squared distance
    0.72; the optimum has all nine and 0.4356."""
    found = project_constant([[1.0] + [0.3] * 8])
    assert found.mask.all()
    assert found.squared_distance[0] == pytest.approx(1 + 8 * 0.09 - 3.4**2 / 9)


def test_the_binary_state_survives_saving() -> None:
    """Elements and operations that are no buffers are lost: the loaded network erodes by the empty set."""
    torch.manual_seed(0)
    arguments = {"weight": "identity", "bias": "raw", "init": "signed", "scale_init": 1.0}
    net = bnn.BiSEL(2, 3, 3, **arguments)
    bnn.harden(net)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    loaded = bnn.BiSEL(2, 3, 3, **arguments)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    x = (torch.rand(4, 2, 9, 9) < 0.5).float()
    assert loaded.mode is bnn.Mode.HARD
    assert torch.equal(loaded(x), net(x))
    assert 0 < loaded(x).mean() < 1


@pytest.mark.parametrize("kernel", [(4, 4), (3, 7), (2, 5)])
def test_even_and_rectangular_windows_keep_the_size(kernel: tuple[int, int]) -> None:
    """Padding of half the height on both axes makes 11 x 11 of 10 x 10 for 4 x 4, and 20 x 16 of 20 x 20 for
    3 x 7."""
    net = bnn.BiSEL(1, 1, kernel, scale_init=1.0)
    x = (torch.rand(2, 1, 20, 20) < 0.5).float()
    for mode in (bnn.Mode.SMOOTH, bnn.Mode.HARD):
        if mode is bnn.Mode.HARD:
            bnn.harden(net)
        assert net(x).shape == x.shape
