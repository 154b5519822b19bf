"""The projection onto activable parameters: against a solver, and what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs

from binmorph.errors import DomainError
from binmorph.exactness import METRICS, binarize, project_activable
from binmorph.ir import Status


def solved(weight: np.ndarray, bias: float, mask: np.ndarray, dilation: bool, metric: str) -> float:
    """The squared distance to the activable parameters of one S and operation, by a solver."""
    cp = pytest.importorskip("cvxpy")
    w, b = cp.Variable(len(weight)), cp.Variable()
    if dilation or metric == "dual":
        target = bias if dilation else weight.sum() - bias
        constraints = [cp.sum(cp.multiply(~mask, w)) <= b, b <= w[mask]]
    else:
        target = bias
        constraints = [cp.sum(w) - w[mask] <= b, b <= cp.sum(w[mask])]
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(w - weight) + cp.square(b - target)), [*constraints, w >= 0]
    )
    problem.solve(solver="CLARABEL")
    return float(problem.value)


@pytest.mark.parametrize("metric", METRICS)
def test_equals_a_solver(metric: str) -> None:
    """Repeated and negative weights among them; equal weights are in S together."""
    rng = np.random.default_rng(41)
    for trial in range(12):
        n = int(rng.integers(1, 6))
        weight = (rng.random(n), rng.normal(size=n) + 0.5, rng.choice([-0.5, 0.25, 1.0], n))[trial % 3]
        bias = float(rng.normal() + weight.sum() / 2)
        found = project_activable(weight[None], bias, metric)
        candidates = [(weight >= value, op) for value in weight for op in (True, False)]
        best = min(solved(weight, bias, mask, op, metric) for mask, op in candidates)
        assert found.squared_distance[0] == pytest.approx(best, abs=1e-6)
        own = solved(weight, bias, found.mask[0], bool(found.dilation[0]), metric)
        assert found.squared_distance[0] == pytest.approx(own, abs=1e-6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_lands_on_the_polyhedron(generator: str, metric: str) -> None:
    rng = np.random.default_rng(42)
    for n in (1, 2, 7):
        weight = GENERATORS[generator](rng, 200, n)
        bias = weight.sum(-1) / 2 + rng.normal(size=200) * 2
        found = project_activable(weight, bias, metric)
        w, b, mask = found.weight, found.bias, found.mask
        assert mask.any(-1).all()
        assert (w >= 0).all()
        smallest = np.where(mask, w, np.inf).min(-1)
        on, off = np.where(mask, w, 0).sum(-1), np.where(mask, 0, w).sum(-1)
        lower = np.where(found.dilation, off, on + off - smallest)
        upper = np.where(found.dilation, smallest, on)
        assert (lower <= b + 1e-9).all()
        assert (b <= upper + 1e-9).all()
        target = np.where(found.dilation, bias, weight.sum(-1) - bias)
        reached = np.where(found.dilation, b, w.sum(-1) - b)
        moved = (b - bias) if metric == "true" else (reached - target)
        np.testing.assert_allclose(((w - weight) ** 2).sum(-1) + moved**2, found.squared_distance, atol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_activable_parameters_stay(metric: str) -> None:
    rng = np.random.default_rng(43)
    mask = rng.random((300, 6)) < 0.5
    mask[:, 0] = True
    weight = np.where(mask, rng.uniform(1, 2, mask.shape), rng.uniform(0, 0.05, mask.shape))
    smallest, off = np.where(mask, weight, np.inf).min(-1), np.where(mask, 0, weight).sum(-1)
    dilation = rng.random(300) < 0.5
    bias = np.where(dilation, (smallest + off) / 2, weight.sum(-1) - (smallest + off) / 2)
    found = project_activable(weight, bias, metric)
    assert found.squared_distance.max() < 1e-20
    several = mask.sum(-1) > 1  # a single input is both
    np.testing.assert_array_equal(found.mask, mask)
    np.testing.assert_array_equal(found.dilation[several], dilation[several])


@pytest.mark.parametrize("metric", METRICS)
def test_order_and_scale_do_not_matter(metric: str) -> None:
    rng = np.random.default_rng(44)
    for generator in GENERATORS.values():
        weight = generator(rng, 100, 8)
        bias = weight.sum(-1) / 2 + rng.normal(size=100)
        order = rng.permutation(8)
        base = project_activable(weight, bias, metric)
        permuted = project_activable(weight[:, order], bias, metric)
        scaled = project_activable(weight * 2.0**600, bias * 2.0**600, metric)
        np.testing.assert_array_equal(base.mask[:, order], permuted.mask)
        np.testing.assert_array_equal(base.dilation, permuted.dilation)
        np.testing.assert_array_equal(base.mask, scaled.mask)
        np.testing.assert_allclose(scaled.bias / 2.0**600, base.bias)
        # Repeated weights enter together.
        largest_out = np.where(base.mask, -np.inf, weight).max(-1)
        assert (largest_out < np.where(base.mask, weight, np.inf).min(-1)).all()


def test_erosion_is_the_dual_of_dilation() -> None:
    rng = np.random.default_rng(45)
    weight = rng.random((200, 5))
    bias = rng.random(200) * weight.sum(-1)
    one = project_activable(weight, bias)
    other = project_activable(weight, weight.sum(-1) - bias)
    np.testing.assert_allclose(one.squared_distance, other.squared_distance, atol=1e-12)


def test_binarize_by_activable_parameters() -> None:
    """Inexact neurons become the operator that was found, the others stay what they are."""
    rng = np.random.default_rng(46)
    weight = rng.normal(size=(300, 6)) + 0.5
    bias = weight.sum(-1) * rng.random(300)
    for metric, projection in (("dual", "activable"), ("true", "activable_true")):
        neurons = binarize(weight, bias, 1.0, family="morphological", projection=projection)
        found = project_activable(weight, bias, metric)
        inexact = neurons.status == Status.APPROXIMATED
        assert inexact.sum() > 100
        np.testing.assert_array_equal(neurons.plus[inexact], found.mask[inexact])
        np.testing.assert_allclose(neurons.distance[inexact] ** 2, found.squared_distance[inexact])
        for row in np.flatnonzero(inexact)[:50]:
            fires = neurons.evaluate(all_inputs(6)[:, None, :])[:, row]
            seen = all_inputs(6)[:, found.mask[row]]
            np.testing.assert_array_equal(fires, seen.any(-1) if found.dilation[row] else seen.all(-1))
    with pytest.raises(DomainError, match="goes with family"):
        binarize(weight, bias, 1.0, projection="activable")
    with pytest.raises(DomainError, match="projection: 'nearest'"):
        binarize(weight, bias, 1.0, projection="nearest")
    with pytest.raises(DomainError, match="metric"):
        project_activable(weight, bias, "l1")
