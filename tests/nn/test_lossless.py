"""Networks with lossless layers: equal to their hard-float form on every input, through the exporter too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import binmorph
import binmorph.nn as bnn
from binmorph.nn import Mode


def scrambled(seed: int, border: str) -> nn.Sequential:
    torch.manual_seed(seed)
    free = {"weight": "identity", "bias": "raw", "init": "signed", "scale_init": 1.0, "bias_spread": 0.5}
    net = nn.Sequential(
        bnn.BiSEL(2, 3, 3, border, **free, lui=free),
        nn.MaxPool2d(2),
        nn.Flatten(),
        bnn.DenseLUI(12, 5, **free),
    )
    with torch.no_grad():
        for _, layer in bnn.morphological_layers(net):
            for _, bank in layer.banks():
                bank.scale.mul_(torch.where(torch.rand_like(bank.scale) < 0.5, -1.0, 1.0))
    return net.eval()


@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_hard_float_network(seed: int, tmp_path) -> None:
    net = scrambled(seed, ("replicate", "zeros", "ones", "replicate")[seed])
    exact, report = bnn.lossless(net)
    assert {layer.name for layer in report.layers} == {"0", "3"}
    assert report.layers[0].largest > 1
    assert report.layers[0].bits_after > report.layers[0].bits_before
    assert "lossless" in str(report)
    assert not report.left
    x = torch.randint(0, 2, (64, 2, 4, 4)).float()
    bnn.set_mode(net, Mode.HARD_FLOAT)
    with torch.no_grad():
        wanted = net(x)
        assert torch.equal(exact(x), wanted)
    path = tmp_path / "net.bmorph"
    binmorph.export(exact, x, path)
    np.testing.assert_array_equal(np.asarray(binmorph.load(path)(x.numpy())), wanted.numpy() > 0)
    # The nearest counts decide otherwise.
    bnn.set_mode(net, Mode.SMOOTH)
    assert not torch.equal(bnn.hardened(net)(x), wanted)


def test_exporter_labels_what_is_lossless(tmp_path) -> None:
    """`lossless=True` gives the same file; its report and its neurons say which are, and what it costs."""
    net = scrambled(0, "replicate")
    x = torch.randint(0, 2, (64, 2, 4, 4)).float()
    path = tmp_path / "net.bmorph"
    report = binmorph.export(net, x, path, lossless=True)
    assert report.statuses["lossless"] > 0
    assert "approximated" not in report.statuses
    assert any("lossless" in note and "mask bits" in note for note in report.notes)
    bnn.set_mode(net, Mode.HARD_FLOAT)
    with torch.no_grad():
        np.testing.assert_array_equal(np.asarray(binmorph.load(path)(x.numpy())), net(x).numpy() > 0)


def test_counts_stay_as_they_are() -> None:
    net = scrambled(0, "replicate")
    bnn.set_annealing(net, 1.0, 1.0)  # snapped: every neuron is a count
    exact, report = bnn.lossless(net)
    assert not report.layers
    assert isinstance(exact[0], bnn.BiSEL)
    assert "nothing to replace" in str(report)


def test_what_cannot_be_tried_is_named() -> None:
    free = {"weight": "identity", "bias": "raw", "init": "signed", "scale_init": 1.0}
    net = nn.Sequential(bnn.BiSEL(1, 1, (2, 3), **free), nn.Flatten(), bnn.DenseLUI(17, 2, **free))
    _, report = bnn.lossless(net)
    assert not report.layers
    assert "even" in report.left[0]
    assert "17 inputs" in report.left[1]
