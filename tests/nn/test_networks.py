"""Morphological networks as a whole: saving, hardening on a copy, what torch.export sees."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch

from binmorph.errors import FormatError
from binmorph.nn import LevelSets, Mode, MorphologicalClassifier, harden, hardened, set_annealing, set_mode

SIGNED = {"weight": "identity", "bias": "raw", "init": "signed", "bias_spread": 1.5, "scale_init": 1.0}


def network(seed=0):
    torch.manual_seed(seed)
    dense = {**SIGNED, "input_mean": 0.5}
    return MorphologicalClassifier(
        LevelSets(torch.tensor([[0.2, 0.5, 0.8]])),
        (1, 8, 8),
        10,
        channels=4,
        hidden=32,
        bisel=SIGNED,
        dense=dense,
    ).eval()


@pytest.mark.parametrize("mode", Mode)
def test_state_dict_round_trip(mode):
    """A loaded network is in the saved mode and evaluates identically, through torch's safe loader."""
    net, x = network(), torch.rand(20, 1, 8, 8)
    set_annealing(net, 0.5, 3.0)
    keys = list(net.state_dict())
    if mode is not Mode.SMOOTH:
        harden(net)
        set_mode(net, mode)
    assert list(net.state_dict()) == keys
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    loaded = network(seed=1)
    assert not torch.equal(loaded(x), net(x))
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert loaded.bisel.mode is loaded.dense.mode is mode
    assert torch.equal(loaded(x), net(x))
    assert loaded.dense.binarized is (mode is not Mode.SMOOTH)


def test_saved_state_is_checked():
    state = network().state_dict()
    state["dense._extra_state"] = torch.tensor([2.0, 0.0, 0.0, 1.0])
    with pytest.raises((FormatError, RuntimeError), match="unknown saved state"):
        network().load_state_dict(state)


def test_hardened_leaves_the_original_alone():
    net, x = network(), torch.rand(4, 1, 8, 8)
    before, state = net(x), copy.deepcopy(net.state_dict())
    twin = hardened(net)
    assert twin.dense.mode is Mode.HARD
    assert net.dense.mode is Mode.SMOOTH
    assert torch.equal(net(x), before)
    assert all(torch.equal(state[k], v) for k, v in net.state_dict().items())
    report = harden(net)
    assert sum(report.statuses.values()) == 4 * 3 + 4 + 32
    assert [b.name for b in report.banks] == ["bisel.bise", "bisel.lui", "dense.lui"]
    assert "dense.lui" in str(report)


def test_conversion_keeps_the_hard_state_exact():
    net = hardened(network())
    net.half().double()
    assert net.dense.lui.margin.dtype == net.dense.lui.distance.dtype == torch.float64
    before = hardened(network()).dense.neurons()
    np.testing.assert_array_equal(net.dense.neurons().margin, before.margin)
    np.testing.assert_array_equal(net.dense.neurons().threshold, before.threshold)


@pytest.mark.parametrize("strict", [False, True])
def test_export_sees_single_operators(strict):
    net, x = hardened(network()), torch.rand(4, 1, 8, 8)
    batch = torch.export.Dim("batch")
    program = torch.export.export(net, (x,), dynamic_shapes=({0: batch},), strict=strict)
    calls = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
    layers = [name for name in calls if name.startswith("binmorph")]
    assert layers == [
        "binmorph.level_sets.default",
        "binmorph.bisel.default",
        "binmorph.threshold_dense.default",
    ]
    y = torch.rand(9, 1, 8, 8)
    assert torch.equal(program.module()(y), net(y))
