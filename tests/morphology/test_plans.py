"""The printable plan of an element."""

from __future__ import annotations

import numpy as np
import pytest

from binmorph import morphology
from binmorph.errors import ShapeError


def test_plans_say_what_is_done():
    assert "unrolled loop" in morphology.plan(np.ones((3, 3)))
    assert "3 distinct columns: 7 rows" in morphology.plan(morphology.disk(3))
    steps = morphology.plan(np.ones((99, 99)), dilation=True)
    assert "9801 points in 1 distinct" in steps
    assert steps.count("\n") < 20  # runs double: 99 does not take 99 steps
    assert "result = b0[+0, +0] * b0[+0, -1]" in morphology.plan([1, 1])


def test_plans_of_volumes_are_refused():
    with pytest.raises(ShapeError, match="planes"):
        morphology.plan(np.ones((3, 3, 3)))
