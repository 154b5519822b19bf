"""Where the time of a call goes, by the steps of the plan."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from .. import _core
from ..errors import ShapeError
from .plan import Plan


def profile(core: _core.Model, x: npt.NDArray[Any], plan: Plan, rounds: int) -> dict[str, tuple[float, ...]]:
    """See :meth:`binmorph.runtime.PackedModel.profile`."""
    if rounds < 1:
        raise ShapeError(f"rounds must be at least 1, got {rounds}")
    keys = {layout.layout: [step.key for step in layout.steps] for layout in plan.layouts}
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        spent: dict[str, float] = {}
        handing_over = 0.0
        for layout, seconds, unload in core.profile(x)[1]:
            for key, second in zip(keys[layout], seconds, strict=True):
                if key:
                    spent[key] = spent.get(key, 0.0) + 1e3 * second
            handing_over += 1e3 * unload
        spent["output"] = handing_over
        spent[""] = sum(spent.values())
        for key, milliseconds in spent.items():
            times.setdefault(key, []).append(milliseconds)
    return {key: tuple(part) for key, part in times.items()}
