"""Thresholds that are found, not derived: the bits of a chain on every value that its sum can take.

The textbook threshold of a batch normalisation disagrees with torch's own float32 result on up to a quarter
of the channels where ties are reachable. So the chain is evaluated in torch on the whole (integer) domain,
and what it gives there is the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .chain import Source
from .state import NotAThreshold

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Found:
    """The bit of channel o is [sum >= at[o]] XOR invert[o]; ``kind`` says what the bits stand for.

    ``at`` int64 [O] lies on the grid of the source, or one step beyond it (never); ``margin`` float64 [O].
    """

    kind: str
    at: npt.NDArray[np.int64]
    invert: npt.NDArray[np.bool_]
    constant: npt.NDArray[np.bool_]
    margin: npt.NDArray[np.float64]


def kind_of(values: Array, source: Source) -> str | None:
    """ "signs" or "bits" if every value [M, O] that occurs is one of the two, channel by channel, else
    None."""
    occurs = source.grid() <= source.high
    bits, signs = (values == 0) | (values == 1), (values == -1) | (values == 1)
    if bool((signs | ~occurs).all()):
        return "signs"
    return "bits" if bool((bits | ~occurs).all()) else None


def third_value(values: Array, source: Source) -> str:
    """Where ``values`` are not -1 and +1, in words; of several places the one with the smallest sum."""
    wrong = (source.grid() <= source.high) & (values != -1) & (values != 1)
    distance = np.where(wrong, np.abs(source.grid()), np.iinfo(np.int64).max)
    j, channel = (int(i) for i in np.unravel_index(int(distance.argmin()), distance.shape))
    sum_ = int(source.grid()[j, channel])
    return f"it is {values[j, channel]:g} where the sum of channel {channel} is {sum_}"


def find(values: Array, kind: str, source: Source, before_sign: Array | None = None) -> Found:
    """The thresholds of two-valued ``values`` float32 [M, O].

    The margin is the distance, in units of the sum, from the point where ``before_sign`` (the argument of the
    sign, [M, O]) crosses zero to the nearest sum that occurs; 0 is a tie, decided by sign(0) = +1. The
    crossing is taken on the straight line between the sums on both sides. Without a crossing (a constant), or
    without ``before_sign``, it is half a step.

    NotAThreshold if a channel is neither increasing nor decreasing.
    """
    bits = values == 1
    occurs = source.grid() <= source.high
    changes = (bits[1:] != bits[:-1]) & occurs[1:]
    times = changes.sum(0)
    if bool((times > 1).any()):
        channel = int(np.argmax(times > 1))
        sums = ", ".join(str(int(s)) for s in source.grid()[1:][changes[:, channel], channel][:4])
        raise NotAThreshold(
            f"the bit of channel {channel} changes {int(times[channel])} times as its sum grows (at {sums}), "
            "so it is no threshold; keep to increasing or decreasing operators (a PReLU slope must not be "
            "negative)"
        )
    first = (
        np.where(times == 1, np.argmax(changes, 0) + 1, 0) if len(changes) else np.zeros(len(times), np.int64)
    )
    lowest = bits[0]
    constant = times == 0
    at = source.low + source.step * first
    at = np.where(constant & ~lowest, source.high + source.step, at)
    margin = np.full(len(at), 0.5 * source.step)
    if before_sign is not None:
        j, column = np.maximum(first, 1), np.arange(len(at))
        if len(changes):
            below, above = before_sign[j - 1, column].astype(float), before_sign[j, column].astype(float)
            with np.errstate(all="ignore"):
                part = below / (below - above)
            crossing = np.where(np.isfinite(part), np.clip(part, 0, 1), 0.5)
            margin = np.where(constant, margin, source.step * np.minimum(crossing, 1 - crossing))
    return Found(kind, at, ~constant & lowest, constant, margin)


def direction(values: Array, source: Source) -> npt.NDArray[np.int8]:
    """+1 where ``values`` float32 [M, O] grow with the sum, -1 where they fall, 0 where they are constant.

    NotAThreshold if a channel does both: a maximum over a window is then not one at an extreme sum.
    """
    occurs = (source.grid() <= source.high)[1:]
    up = ((values[1:] > values[:-1]) & occurs).any(0)
    down = ((values[1:] < values[:-1]) & occurs).any(0)
    if bool((up & down).any()):
        channel = int(np.argmax(up & down))
        raise NotAThreshold(
            f"what it pools neither only grows nor only falls with the sum of channel {channel}"
        )
    return up.astype(np.int8) - down.astype(np.int8)
