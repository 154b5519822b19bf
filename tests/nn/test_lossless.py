"""Networks with lossless layers: equal to their hard-float form on every input, through the exporter too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import binmorph
import binmorph.nn as bnn
from binmorph import ir
from binmorph.nn import Mode

FREE = {"weight": "identity", "bias": "raw", "init": "signed", "scale_init": 1.0}


def scrambled(seed: int, border: str) -> nn.Sequential:
    torch.manual_seed(seed)
    free = {**FREE, "bias_spread": 0.5}
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
    assert [layer.name for layer in report.layers] == ["0", "3"]
    windows, dense = report.layers
    assert windows.largest > 1
    assert windows.taken.bits > windows.counts.bits
    assert windows.taken.name == "truth tables, joined by truth tables"
    assert dense.taken.name == "integer planes"  # one image has one lane
    assert len(windows.forms) in (2, 4)  # planes only where their weights are small
    for layer in report.layers:
        assert layer.taken.operations == min(form.operations for form in layer.forms)
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
    text = str(report)
    assert "0: lossless" in text
    assert "nearest counts" in text
    assert report.to_json()["exactness"]["layers"][0]["forms"][0]["bits"] > 0
    nodes = binmorph.load(path).graph.nodes
    assert any(isinstance(node, ir.TruthTable) for node in nodes)
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
    net = nn.Sequential(bnn.BiSEL(1, 1, (4, 5), **FREE), nn.Flatten(), bnn.DenseLUI(17, 2, **FREE))
    _, report = bnn.lossless(net)
    assert not report.layers
    assert "20 inputs" in report.left[0]
    assert "17 inputs" in report.left[1]
    _, report = bnn.lossless(
        nn.Sequential(bnn.BiSEL(1, 1, (4, 5), **FREE)), calibration=torch.ones(1, 1, 6, 6)
    )
    assert "even" in report.left[0]


@pytest.mark.parametrize("border", ["replicate", "zeros", "valid"])
def test_even_windows_become_tables(border: str, tmp_path) -> None:
    torch.manual_seed(1)
    net = nn.Sequential(bnn.BiSEL(1, 3, (2, 4), border, **FREE)).eval()
    x = torch.randint(0, 2, (9, 1, 7, 9)).float()
    report = binmorph.export(net, x, tmp_path / "net.bmorph", lossless=True)
    assert report.statuses["lossless"] > 0
    bnn.set_mode(net, Mode.HARD_FLOAT)
    with torch.no_grad():
        packed = binmorph.load(tmp_path / "net.bmorph")(x.numpy())
        np.testing.assert_array_equal(np.asarray(packed), net(x).numpy() > 0)


def test_calibration_counts_what_it_changes(tmp_path) -> None:
    """Windows of 25 inputs, joined over 2 channels, and a dense layer of 72: the statuses and bounds are in
    the file, and decisions that the report says are unchanged are."""
    torch.manual_seed(2)
    net = nn.Sequential(
        bnn.BiSEL(2, 2, 5, **FREE, lui=FREE), nn.Flatten(), bnn.DenseLUI(72, 3, **FREE)
    ).eval()
    x = torch.randint(0, 2, (40, 2, 6, 6)).float()
    path = tmp_path / "net.bmorph"
    report = binmorph.export(net, x, path, calibrate=x)
    assert report.statuses["calibrated"] >= 4
    assert "approximated" not in report.statuses
    windows, dense = report.exactness.layers
    assert 4 * 1000 < windows.tried <= 4 * 40 * 36  # distinct windows
    assert windows.bound > 0
    assert "decisions changed" in str(report)
    loaded = binmorph.load(path).graph
    banks = [
        node.neurons for node in loaded.nodes if isinstance(node, (ir.ThresholdConv2d, ir.ThresholdDense))
    ]
    marked = [bank for bank in banks if (bank.status == ir.Status.CALIBRATED).any()]
    assert all((bank.distance[bank.status == ir.Status.CALIBRATED] > 0).all() for bank in marked)
    assert b'"format":"1.2"' in path.read_bytes()
    bnn.set_mode(net, Mode.HARD_FLOAT)
    with torch.no_grad():
        differ = int((np.asarray(binmorph.load(path)(x.numpy())) != (net(x).numpy() > 0)).sum())
    if windows.changed == 0:
        assert differ <= dense.changed
    else:
        assert differ <= 40 * 3


def test_images_and_points_joined_by_a_lui(tmp_path) -> None:
    """A LUI over images has both forms; its cost decides, and either is exact."""
    torch.manual_seed(4)
    net = nn.Sequential(bnn.LUI(5, 3, **{**FREE, "init": "signed"})).eval()
    x = torch.randint(0, 2, (3, 5, 8, 9)).float()
    exact, report = bnn.lossless(net, x)
    assert {form.name for form in report.layers[0].forms} == {"truth tables", "integer planes"}
    bnn.set_mode(net, Mode.HARD_FLOAT)
    with torch.no_grad():
        assert torch.equal(exact(x), net(x))
