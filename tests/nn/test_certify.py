"""The certificate of whole networks: what it proves holds, and what is wrong it does not prove."""

from __future__ import annotations

import pytest
import torch
from torch import nn as tnn

from binmorph import nn
from binmorph.errors import UnsupportedOpError


def constant_bisel(element: torch.Tensor, bias: float, scale: float) -> nn.BiSEL:
    """One BiSE neuron with weight 1 on ``element``."""
    layer = nn.BiSEL(1, 1, tuple(element.shape), weight="identity", bias="raw")
    with torch.no_grad():
        layer.bise.weight_raw.copy_(element.reshape(1, 1, -1))
        layer.bise.bias_raw.fill_(bias)
        layer.bise.scale.fill_(scale)
    return layer


CROSS = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])


def cut_equals_hard(network: tnn.Module, x: torch.Tensor) -> bool:
    with torch.no_grad():
        return bool(((network(x) > 0.5) == (nn.hardened(network)(x) > 0.5)).all())


def test_the_published_counterexample_is_not_certified_and_a_sharp_chain_is() -> None:
    """Erosion by a cross (b = 4.5, p = 0.5), then dilation (b = 0.5, p = 1): each is exact on {0, 1}, the
    soft chain is wrong; with a large p it is proved right."""
    torch.manual_seed(0)
    x = (torch.rand(8, 1, 20, 20) < 0.8).float()
    soft = tnn.Sequential(constant_bisel(CROSS, 4.5, 0.5), constant_bisel(CROSS, 0.5, 1.0))
    assert nn.certify(soft).banks[0].certified == 1
    assert not nn.certify(soft).certified
    assert not cut_equals_hard(soft, x)
    sharp = tnn.Sequential(constant_bisel(CROSS, 4.5, 20.0), constant_bisel(CROSS, 0.5, 20.0))
    assert nn.certify(sharp).certified
    assert cut_equals_hard(sharp, x)
    assert "proved equal to the hard" in str(nn.certify(sharp))


def test_certified_random_networks_agree_on_every_input_tried() -> None:
    """Snapped neurons of growing sharpness through BiSEL, pooling, flattening and a dense layer."""
    proved = 0
    for seed in range(30):
        torch.manual_seed(seed)
        network = tnn.Sequential(
            nn.BiSEL(2, 3, 3, weight="identity", bias="raw", scale_init=1.0),
            tnn.MaxPool2d(2),
            tnn.Flatten(),
            nn.DenseLUI(27, 4, weight="identity", bias="raw", scale_init=1.0),
        )
        nn.set_annealing(network, 1.0, (1.0, 100.0, 4000.0)[seed % 3])
        certificate = nn.certify(network)
        assert [b.name for b in certificate.banks] == ["0.bise", "0.lui", "3.lui"]
        if certificate.certified:
            proved += 1
            assert cut_equals_hard(network, (torch.rand(200, 2, 6, 6) < 0.5).float())
    assert 5 <= proved < 30


def test_classifier_and_refusals() -> None:
    levels = nn.LevelSets(torch.tensor([[1.0, 5.0]]))
    network = nn.MorphologicalClassifier(levels, (1, 8, 8), 10, channels=2, hidden=5)
    assert [b.name for b in nn.certify(network).banks] == ["bisel.bise", "bisel.lui", "dense.lui"]
    with pytest.raises(UnsupportedOpError, match="ReLU"):
        nn.certify(tnn.Sequential(tnn.ReLU()))
