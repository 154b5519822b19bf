"""When two systems may be compared: the ratio per round, and the rule that refuses it.

Rounds interleave the systems, so the two numbers of one round saw the same machine. The ratio is the median
over the rounds, with the 10th and 90th percentile. It is refused where the spread swamps it:

- the 90th percentile is more than twice the 10th: the machine was not quiet enough for any figure; or
- the two lie on different sides of 1 and are more than 10 % apart: which system is faster is open.

No round is ever removed.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WIDEST = 2.0
EVEN = 1.1


@dataclass(frozen=True)
class Ratio:
    """How many times as long the other system takes: median, and 10th and 90th percentile over the rounds."""

    low: float
    median: float
    high: float

    @property
    def stated(self) -> bool:
        """Whether the spread allows to state it."""
        spread = self.high / self.low
        return spread <= WIDEST and not (self.low < 1 < self.high and spread > EVEN)

    def __str__(self) -> str:
        figures = f"p10 {self.low:.2f}, p90 {self.high:.2f}"
        return f"{self.median:.2f}x ({figures})" if self.stated else f"spread swamps it ({figures})"


def percentile(values: Sequence[float], share: float) -> float:
    """The value at ``share`` of the sorted ones, by nearest rank."""
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Seconds of one system over those of another, round by round."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    return Ratio(percentile(ratios, 0.1), statistics.median(ratios), percentile(ratios, 0.9))
