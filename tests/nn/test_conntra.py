"""Coordinate descent over ternary weights."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import binmorph.nn as bnn
from binmorph.errors import ShapeError


def problem(sizes=(20, 12, 6, 4), images: int = 60):
    torch.manual_seed(1)
    signs = torch.where(torch.randn(images, sizes[0]) >= 0, 1.0, -1.0)
    layers = [
        bnn.BinaryLinear(
            a, b, input_quantizer=None if i == 0 else "ste_sign", weight_quantizer="ternary_sign"
        )
        for i, (a, b) in enumerate(pairwise(sizes))
    ]
    return layers, signs, torch.randint(0, sizes[-1], (images,))


@pytest.mark.parametrize("sizes", [(20, 4), (20, 12, 4), (20, 12, 6, 4)])
def test_accumulators_stay_those_of_the_network(sizes) -> None:
    layers, signs, labels = problem(sizes)
    descent = bnn.CoordinateDescent(layers, signs, labels, seed=3)
    losses = [descent.loss]
    for _ in range(3):
        descent.sweep()
        losses.append(descent.loss)
        scores = nn.Sequential(*layers)(signs).detach()
        assert torch.equal(scores, torch.from_numpy(descent.sums[-1].T).float())
        expected = F.cross_entropy(scores.double() * descent.scale, labels)
        assert descent.loss == pytest.approx(expected.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]
    assert all(set(la.binary_weight.unique().tolist()) <= {-1.0, 0.0, 1.0} for la in layers)


def test_it_ends_where_no_single_change_helps() -> None:
    layers, signs, labels = problem((8, 3), 20)
    descent = bnn.CoordinateDescent(layers, signs, labels)
    while descent.sweep():
        pass
    best = descent.loss
    weight = layers[0].weight.detach().clone()
    for o in range(3):
        for k in range(8):
            for value in (-1.0, 0.0, 1.0):
                changed = weight.clone()
                changed[o, k] = value
                scores = F.linear(signs, changed).double() * descent.scale
                assert F.cross_entropy(scores, labels).item() >= best - 1e-12


def test_refusals() -> None:
    layers, signs, labels = problem((20, 4))
    with pytest.raises(ValueError, match="ternary_sign"):
        bnn.CoordinateDescent([bnn.BinaryLinear(20, 4)], signs, labels)
    with pytest.raises(ShapeError, match="reads 20"):
        bnn.CoordinateDescent(layers, signs[:, :7], labels)
