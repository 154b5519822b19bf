"""Regularization losses: values are the projections' distances, gradients are theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import binmorph.nn as bnn
from binmorph.exactness import METRICS, SUPPORTS, project_activable, project_constant


def weights(rng: np.random.Generator, rows: int = 40, n: int = 7) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=(rows, n)) + 0.4)


@pytest.mark.parametrize("support", SUPPORTS)
def test_constant_loss_is_the_squared_distance(rng: np.random.Generator, support: str) -> None:
    w = weights(rng)
    w[:5] = torch.tensor([1.0] + [0.3] * 6)  # repeated weights enter together
    w[5] = -1.0
    expected = project_constant(w.numpy(), support).squared_distance
    np.testing.assert_allclose(bnn.constant_loss(w, support).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("support", ["all", *SUPPORTS])
def test_activable_loss_is_the_squared_distance(rng: np.random.Generator, support: str, metric: str) -> None:
    w = weights(rng)
    b = w.sum(-1) * torch.from_numpy(rng.random(len(w)))
    found = project_activable(w.numpy(), b.numpy(), metric, support)
    loss = bnn.activable_loss(w, b, metric, support)
    np.testing.assert_allclose(loss.numpy(), found.squared_distance, atol=1e-10)
    if support != "all":
        assert (
            loss.numpy() >= project_activable(w.numpy(), b.numpy(), metric).squared_distance - 1e-10
        ).all()
        np.testing.assert_array_equal(found.mask, project_constant(w.numpy(), support).mask)
    exact = torch.tensor([[1.0, 1.2, 0.1, 0.2]]).double()
    for bias in (0.5, 2.0):  # a dilation and an erosion by the first two
        assert float(bnn.activable_loss(exact, torch.tensor([bias]).double(), metric, support)) < 1e-20


def test_gradients(rng: np.random.Generator) -> None:
    w = weights(rng, 6, 5).requires_grad_()
    b = (w.detach().sum(-1) * torch.from_numpy(rng.random(6))).requires_grad_()
    for support in SUPPORTS:
        torch.autograd.gradcheck(lambda w, s=support: bnn.constant_loss(w, s), (w,))
    for metric in METRICS:
        for support in ("all", "optimal"):
            torch.autograd.gradcheck(lambda w, b, m=metric, s=support: bnn.activable_loss(w, b, m, s), (w, b))
    for power in (1, 2):
        torch.autograd.gradcheck(lambda w, p=power: bnn.bound_loss(w, power=p), (w,))


def test_schedule() -> None:
    regularizer = bnn.Regularizer(coefficient=0.1, delay=10, ramp=4)
    factors = [regularizer.coefficient_at(step) for step in (0, 9, 10, 12, 14, 99)]
    assert factors == pytest.approx([0, 0, 0.02, 0.06, 0.1, 0.1])
    assert bnn.Regularizer(coefficient=0.1).coefficient_at(0) == 0.1


def test_sums_over_morphological_layers_only() -> None:
    net = torch.nn.Sequential(
        bnn.BiSEL(2, 3, 3), torch.nn.Flatten(), bnn.DenseLUI(12, 4), torch.nn.Linear(4, 2)
    )
    loss = bnn.Regularizer(coefficient=0.5)(net, 0)
    banks = [bank for _, layer in bnn.morphological_layers(net) for _, bank in layer.banks()]
    expected = 0.5 * sum(bnn.constant_loss(b.effective_parameters()[0], "uniform").sum() for b in banks)
    assert torch.isclose(loss, expected)
    loss.backward()
    assert net[3].weight.grad is None
    assert net[2].lui.weight_raw.grad is not None
    assert bnn.Regularizer(delay=1)(net, 0) == 0


@pytest.mark.parametrize("kind", ["constant", "activable", "bounds"])
def test_descent_ends_exact(kind: str) -> None:
    """Following the loss alone, every window neuron becomes what it measures the distance to."""
    torch.manual_seed(0)
    net = bnn.BiSE(1, 8, 3, weight="identity", bias="raw", scale_init=1.0)
    regularizer = bnn.Regularizer(kind, 1.0, support="all" if kind == "activable" else "optimal")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
    first = regularizer(net, 0).item()
    for step in range(60):
        optimizer.zero_grad()
        regularizer(net, step).backward()
        optimizer.step()
    assert regularizer(net, 60).item() <= 1e-4 * first
    if kind == "activable":
        with torch.no_grad():  # from the border of the polyhedron into it
            weight, bias, _ = (t.double().numpy() for t in net.bise.effective_parameters())
        assert project_activable(weight, bias).squared_distance.max() < 1e-6


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "l2"}, "kind"),
        ({"support": "all"}, "support"),
        ({"kind": "activable", "metric": "l1"}, "metric"),
        ({"delay": -1}, "negative"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        bnn.Regularizer(**arguments)
    with pytest.raises(ValueError, match="support"):
        bnn.constant_loss(torch.rand(2, 3), "all")
