"""The digits recipe, short; in full it is that of the README (tests/lint/test_readme.py)."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("sklearn")

from binmorph.nn import Annealing, Mode, recipes


@pytest.fixture(scope="module")
def data():
    return recipes.load_digits()


def test_split_is_fixed(data):
    again = recipes.load_digits()
    assert torch.equal(again.x_test, data.x_test)
    assert len(data.x_train) + len(data.x_test) == 1797
    assert data.x_train.shape[1:] == (1, 8, 8)
    assert data.x_train.dtype == torch.float32
    assert set(data.x_train.unique().tolist()) == set(range(17))
    assert data.y_test.bincount().min() >= 45


def test_shift_moves_by_at_most_a_pixel():
    image = torch.zeros(64, 1, 8, 8)
    image[:, 0, 3, 4] = 1
    assert torch.equal(recipes.random_shift(image, 0.0), image)
    shifted = recipes.random_shift(image, 1.0)
    assert (shifted[:, 0, 2:5, 3:6].sum((1, 2)) == 1).all()
    assert len(shifted.unique(dim=0)) == 9


def test_annealing_schedule():
    net = recipes.digits_network(torch.rand(4, 1, 8, 8), channels=2, hidden=4)
    schedule = Annealing(0.2, 0.6, 16.0, 0.5)
    for t, snap, sharpness in ((0, 0, 1), (0.4, 0.5, 16**0.8), (0.6, 1, 16), (1, 1, 16)):
        schedule.apply(net, t)
        assert net.dense.lui.snap == pytest.approx(snap)
        assert net.bisel.bise.sharpness == pytest.approx(sharpness)


def test_short_training(data):
    """Three epochs already beat chance by far, end exact, and repeat; the caller's random state is
    untouched."""
    state = torch.get_rng_state()
    first, second = (recipes.train_digits(seed=3, progress=False, epochs=3, data=data) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.report.exact
    assert first.accuracy_hard == first.accuracy_hard_float > 0.5
    assert torch.equal(first.hard(data.x_test), second.hard(data.x_test))
    assert first.smooth.dense.mode is Mode.SMOOTH
    assert first.hard.dense.mode is Mode.HARD
