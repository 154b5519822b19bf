"""Integer realisations: equal on every input, small, and bounded where not everything can be tried."""

from __future__ import annotations

import numpy as np
import pytest
from exactness_oracle import GENERATORS, all_inputs, tied_bias, truth

from binmorph.errors import ShapeError
from binmorph.exactness import binarize, calibrated, lossless
from binmorph.ir import Status


@pytest.mark.parametrize("generator", GENERATORS)
def test_equal_on_every_input(generator: str) -> None:
    rng = np.random.default_rng(61)
    for n in (1, 4, 7):
        weight = GENERATORS[generator](rng, 60, n)
        bias = tied_bias(rng, weight)
        scale = rng.choice([-1.0, 0.0, 1.0], 60, p=[0.4, 0.1, 0.5])
        found = lossless(weight, bias, scale)
        assert found.proved.all()
        fires = found.weight @ all_inputs(n).T.astype(np.int64) >= found.threshold[:, None]
        expected = np.where(scale[:, None] > 0, truth(weight, bias, scale > 0), False)
        below = ~truth(weight, bias, np.zeros(60, bool))  # weight.x < b
        expected = np.where(scale[:, None] < 0, below, expected)
        np.testing.assert_array_equal(fires, expected)


def test_counts_are_found_as_counts() -> None:
    """Whatever the theorem proves needs weights of -1, 0 and 1 only, and only on its own inputs."""
    rng = np.random.default_rng(62)
    weight = GENERATORS["near_constant"](rng, 300, 6)
    bias = tied_bias(rng, weight)
    neurons, found = binarize(weight, bias, 1.0), lossless(weight, bias, 1.0)
    proved = neurons.status != Status.APPROXIMATED
    assert proved.sum() > 30
    assert (np.abs(found.weight[proved]).max(-1) <= 1).all()
    np.testing.assert_array_equal(found.weight[proved] > 0, neurons.plus[proved])
    np.testing.assert_array_equal(found.weight[proved] < 0, neurons.minus[proved])
    assert (np.abs(found.weight[~proved]).max(-1) > 1).all()


def test_known_weights_come_back() -> None:
    found = lossless([[4.1, 2.05, 2.0, 0.97]], 4.0, 1.0)  # x0 with anything, or x1 and x2 with x3
    assert found.bits <= 3
    assert lossless([[0.25, 0.26, 0.24]], 0.6, -1.0).weight.tolist() == [[-1, -1, -1]]
    sixteen = lossless(np.random.default_rng(0).normal(size=(1, 16)), 0.3, 1.0)
    assert sixteen.proved.all()
    with pytest.raises(ShapeError, match="limit is 16"):
        lossless(np.ones((1, 17)), 0.0, 1.0)


def test_the_bound_of_calibrated_neurons_holds() -> None:
    rng = np.random.default_rng(63)
    weight = rng.normal(size=(40, 12))
    bias, scale = rng.normal(size=40), rng.choice([-1.0, 1.0], 40)
    x = all_inputs(12)
    sums = weight @ x.T
    changed = []
    for bits in (1, 2, 4, 8):
        found = calibrated(weight, bias, scale, x, bits)
        fires = found.weight @ x.T.astype(np.int64) >= found.threshold[:, None]
        wanted = np.where(scale[:, None] > 0, sums > bias[:, None], sums < bias[:, None])
        np.testing.assert_array_equal((fires != wanted).sum(-1), found.changed)
        sure = np.abs(sums - bias[:, None]) > found.bound[:, None]
        assert not (sure & (fires != wanted)).any()
        assert (np.abs(found.weight) < 2**bits).all()
        assert (found.tried == len(x)).all()
        changed.append(int(found.changed.sum()))
    assert changed[0] > changed[1] > changed[2] > changed[3]
    with pytest.raises(ShapeError):
        calibrated(weight, bias, scale, x[:, :3])
