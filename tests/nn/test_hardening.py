"""Which approximation each layer is hardened with, and what the report says of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import binmorph
import binmorph.nn as bnn
from binmorph.errors import DomainError
from binmorph.exactness import project_activable
from binmorph.ir import Status


def network() -> nn.Sequential:
    torch.manual_seed(5)
    net = nn.Sequential(bnn.BiSEL(2, 3, 3, scale_init=1.0), nn.Flatten(), bnn.DenseLUI(48, 8, scale_init=1.0))
    return net.eval()


def test_method_per_layer() -> None:
    net = network()
    report = bnn.harden(net, {"0": "morphological", "": "popcount"}, {"0": "activable", "2": "uniform"})
    methods = {bank.name: bank.method for bank in report.banks}
    assert methods["0.bise"] == "morphological activable"
    assert methods["2.lui"] == "popcount uniform"
    assert "morphological activable: moved" in str(report)
    bise = net[0].bise
    weight, bias, _ = (t.detach().double().numpy() for t in bise.effective_parameters())
    found = project_activable(weight, bias)
    hard, moved = bise.neurons(), found.squared_distance**0.5
    inexact = hard.status == Status.APPROXIMATED
    assert inexact.any()
    assert (hard.plus[inexact] == found.mask[inexact]).all()
    assert hard.distance[inexact] == pytest.approx(moved[inexact])


def test_mappings_must_fit() -> None:
    with pytest.raises(DomainError, match="'1' is no morphological layer"):
        bnn.harden(network(), {"1": "popcount", "": "popcount"})
    with pytest.raises(DomainError, match="projection: '2' is left out"):
        bnn.harden(network(), projection={"0": "normal"})


def test_export_hardens_as_asked(tmp_path) -> None:
    x = torch.randint(0, 2, (4, 2, 4, 4)).float()
    path = tmp_path / "net.bmorph"
    report = binmorph.export(
        network(), x, path, family="morphological", projection={"": "normal", "0": "activable"}
    )
    assert any("0.bise" in note and "morphological activable" in note for note in report.notes)
    assert any("2.lui" in note and "morphological normal" in note for note in report.notes)
    assert set(report.statuses) <= {"constant", "dilation", "erosion", "approximated"}
    with pytest.raises(DomainError):
        binmorph.export(network(), x, path, family={"nowhere": "popcount"})
