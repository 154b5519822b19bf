"""One path through a hard morphological network: a hidden window, and the last window that reads it.

The rest of the network leaves a task to the path: the pixels whose output it decides, and what they should
be. Of its two windows only the first is searched; to each the last comes in closed form
(:func:`fit_dilation`). So the search runs over the subsets of one window, each judged at its best.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .image_slices import ALL, Layer, Masks, Words, count, dice

Kind = tuple[bool, bool, bool]
"""Whether the hidden window dilates, whether it is complemented, and whether the dilation that reads it is.
A last window that erodes is one that dilates the complement, complemented."""
KINDS: tuple[Kind, ...] = tuple((d, d, turn) for d in (False, True) for turn in (False, True))
"""Openings, closings and their complements. Two dilations in series are one by a larger window: left out."""


@dataclass(frozen=True)
class Task:
    """What an output asks of one window that it joins, given all the others: ``base`` is the output while the
    window says 0, ``care`` where a 1 turns it over, ``wanted`` the target, ``live`` the existing pixels,
    ``share`` the part of the target that is asked for (:func:`.image_slices.dice`)."""

    base: Words
    care: Words
    wanted: Words
    live: Words
    share: float = 1.0

    def out(self, said: Words) -> Words:
        """The output when the window says ``said`` [..., words, H, W]."""
        return (self.base ^ (said & self.care)) & self.live

    def bound(self) -> float:
        """The DICE of a window that says the right thing wherever it is asked."""
        return float(dice(self.out(self.wanted ^ self.base)[None], self.wanted)[0])


def fit_dilation(views: Words, task: Task, turn: bool) -> tuple[float, npt.NDArray[np.intp]]:
    """The dilation of ``views`` [n, words, H, W], complemented if ``turn``, that fits ``task``: DICE, taps.

    A dilation that stays below a target consists of taps that never leave it (the residual of mathematical
    morphology). So S is a prefix of the taps ordered by the share of their pixels outside; the DICE decides
    which.
    """
    flip = ALL if turn else np.uint64(0)
    aim, care = task.wanted ^ task.base ^ flip, task.care & task.live
    outside, inside = count(views & (care & ~aim)), count(views & (care & aim))
    order = np.lexsort((-inside, outside / (outside + inside + 1)))
    reached = dice(task.out(np.bitwise_or.accumulate(views[order]) ^ flip), task.wanted, task.share)
    size = int(reached.argmax())
    return float(reached[size]), order[: size + 1]


@dataclass(frozen=True)
class Path:
    """``views`` [n, words, H, W] of the hidden window, the ``last`` layer and the ``task`` it is to solve."""

    views: Words
    last: Layer
    task: Task

    def fit(self, taps: Masks, kind: Kind) -> tuple[float, npt.NDArray[np.intp]]:
        """DICE and taps of the last window that fits the hidden window by ``taps`` bool [n]."""
        dilates, complemented, turn = kind
        combine, start = (np.bitwise_or, np.uint64(0)) if dilates else (np.bitwise_and, ALL)
        z = combine.reduce(self.views[taps], axis=0, initial=start)
        return fit_dilation(
            np.stack(self.last.views(~z[None] if complemented else z[None])[0]), self.task, turn
        )

    def climb(self, taps: Masks, kind: Kind, rng: np.random.Generator) -> tuple[float, Masks]:
        """Flip single taps, in random order, while the DICE rises."""
        taps, best, before = taps.copy(), self.fit(taps, kind)[0], -1.0
        while before < best < 1:
            before = best
            for tap in rng.permutation(len(taps)):
                taps[tap] ^= True
                reached = self.fit(taps, kind)[0]
                if reached > best:
                    best = reached
                else:
                    taps[tap] ^= True
                if best == 1:
                    break
        return best, taps

    def draws(
        self, kernel: tuple[int, int], count: int, rng: np.random.Generator, segments: bool = False
    ) -> Iterator[tuple[float, Masks, Kind]]:
        """The DICE of ``count`` random boxes, or ``segments``, in the hidden window as each of KINDS."""
        for _ in range(count):
            taps = np.zeros(kernel, np.bool_)
            if segments:
                ends = rng.integers(0, kernel, (2, 2))
                steps = np.linspace(0, 1, max(kernel))[:, None]
                taps[tuple(np.rint(ends[0] + steps * (ends[1] - ends[0])).astype(int).T)] = True
            else:
                (top, bottom), (left, right) = (np.sort(rng.choice(k + 1, 2, replace=False)) for k in kernel)
                taps[top:bottom, left:right] = True
            for kind in KINDS:
                yield self.fit(taps.ravel(), kind)[0], taps.ravel(), kind
