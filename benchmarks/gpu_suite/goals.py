"""What the suite's measurements are held against: each goal with its figure, or that it is unmeasured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Measurement = Mapping[str, Any]

CONVOLUTIONS = {"L1": (64, 30), "L2": (128, 45), "L3": (256, 60), "L4": (512, 60)}
"""3x3 layers: channels, and the percentage of the 1-bit peak that is asked for."""
OURS = "binmorph-cuda_wgmma"
EIGHT_BITS = ("torch-cuda-int8", "torch-cuda-fp8", "cudnn-int8")
LATENCIES = {"binmorph-device": 45, "binmorph-device-persistent": 25, "binmorph-device-cluster": 15}
"""Of one image, in microseconds."""


@dataclass(frozen=True)
class Goal:
    """``figure`` should be at least ``goal``, or at most; None: unmeasured, or nothing is asked for."""

    what: str
    figure: float | None
    unit: str
    goal: float | None = None
    at_most: bool = False

    def __str__(self) -> str:
        figure = "unmeasured" if self.figure is None else f"{self.figure:.1f}"
        text = f"{self.what:<58} {figure:>12} {self.unit:<20}"
        if self.goal is None:
            return text.rstrip()
        return f"{text} goal: {'<=' if self.at_most else '>='} {self.goal:g}{self._verdict()}"

    def _verdict(self) -> str:
        if self.figure is None or self.goal is None:
            return ""
        met = self.figure <= self.goal if self.at_most else self.figure >= self.goal
        return ", met" if met else ", missed"


class _Found:
    """The measurements by case and system."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self._lines = {(str(m["case"]), str(m["system"])): m for m in measurements}

    def cases(self, pattern: str) -> list[str]:
        return sorted({case for case, _ in self._lines if re.match(pattern, case)})

    def milliseconds(self, case: str, *systems: str) -> float | None:
        """The fastest system's."""
        found = [self._lines[case, system] for system in systems if (case, system) in self._lines]
        return min((float(line["median_ms"]) for line in found), default=None)

    def rate(self, case: str, system: str, unit: str) -> float | None:
        """The number that stands before the unit."""
        text = str(self._lines.get((case, system), {}).get("rate", ""))
        number = re.search(rf"([\d.]+) {re.escape(unit)}", text)
        return float(number[1]) if number else None


def _times(ours: float | None, others: float | None) -> float | None:
    return others / ours if ours and others else None


def _percent(part: float | None, whole: float | None) -> float | None:
    return 100 * part / whole if part and whole else None


def _peak(lines: Iterable[Measurement], *kinds: str) -> float | None:
    """TOPS of the best of the lines with random operands."""
    return max(
        (float(x["tops"]) for x in lines if x["kind"] in kinds and x["operands"] == "random"), default=None
    )


def _layers(found: _Found, peak: float | None) -> list[Goal]:
    product = next(iter(found.cases("G3 ")), "G3 16384->16384")
    rate = found.rate(product, OURS, "TOPS")
    ours = found.milliseconds(product, OURS)
    goals = [
        Goal(product, rate, "TOPS", 10000),
        Goal(product, _percent(rate, peak), "% of the peak", 65),
        Goal(product, _times(ours, found.milliseconds(product, *EIGHT_BITS)), "x best of 8 bits", 6),
        Goal(product, found.rate(product, "binmorph-energy", "TOPS/W"), "TOPS/W", 20),
    ]
    for name, (channels, percent) in CONVOLUTIONS.items():
        for batch in (64, 1024):
            case = next(iter(found.cases(rf"{name} .* batch {batch}$")), f"{name} 3x3 batch {batch}")
            ours = found.milliseconds(case, OURS)
            half = _times(ours, found.milliseconds(case, "torch-cuda"))
            bytes_ = _times(ours, found.milliseconds(case, *EIGHT_BITS))
            goals += [
                Goal(case, half, "x cuDNN float16", 6 if channels < 128 else 10),
                Goal(case, bytes_, "x best of 8 bits", 4 if channels < 128 else 6),
                Goal(case, _percent(found.rate(case, OURS, "TOPS"), peak), "% of the peak", percent),
            ]
    return goals


def _morphology(found: _Found) -> list[Goal]:
    goals = []
    for name in ("3x3", "17x17"):
        for case in found.cases(rf"erosion {name} ") or [f"erosion {name}"]:
            share = found.rate(case, "binmorph-cuda", "% of the copy rate")
            faster = _times(found.milliseconds(case, "binmorph-cuda"), found.milliseconds(case, "cupy"))
            goals += [Goal(case, share, "% of the copy rate", 85), Goal(case, faster, "x CuPy", 50)]
    return goals


def goals_of(measurements: Iterable[Measurement], peaks: Sequence[Measurement]) -> list[Goal]:
    """Every goal; ``measurements`` as the parts record them, ``peaks`` as ``peak.cu`` prints them."""
    found = _Found(measurements)
    peak = _peak(peaks, "b1", "b1 registers")
    goals = [Goal("peak of 1-bit products, A in shared memory", _peak(peaks, "b1"), "TOPS")]
    goals += [Goal("peak of 1-bit products, A in registers", _peak(peaks, "b1 registers"), "TOPS")]
    goals += [Goal(f"peak of {kind}", _peak(peaks, kind), "TOPS") for kind in ("s8", "e4m3", "bf16")]
    goals += _layers(found, peak)
    images = found.rate("body batch 1024", "binmorph-device", "images/s")
    goals.append(Goal("body batch 1024", images and images / 1e6, "M images/s", 1.8))
    for system, limit in LATENCIES.items():
        time = found.milliseconds("body batch 1", system)
        what = f"body batch 1, {system.removeprefix('binmorph-')}"
        goals.append(Goal(what, time and 1e3 * time, "us", limit, at_most=True))
    return goals + _morphology(found)
