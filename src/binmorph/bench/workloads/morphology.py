"""Erosions, dilations and openings of large images.

SciPy and scikit-image are left out beyond 2048 pixels and for disk31, where one call takes seconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ... import morphology
from ..contest import Absent, Case, Check, System, equal
from ..peers.images import FAST, SLOW, leptonica

Bits = npt.NDArray[np.bool_]


def elements() -> dict[str, Bits]:
    """Structuring elements by name."""
    rng = np.random.default_rng(0)
    return {
        "sq3": np.ones((3, 3), bool),
        "cross3": morphology.disk(1),
        "disk5": morphology.disk(2),
        "disk7": morphology.disk(3),
        "rnd7": rng.permutation(49).reshape(7, 7) < 25,
        "h21": np.ones((1, 21), bool),
        "v21": np.ones((21, 1), bool),
        "sq15": np.ones((15, 15), bool),
        "disk31": morphology.disk(15),
    }


def reference(image: Bits, cells: Bits, operation: str) -> Bits:
    """By shifts of the whole image, one per cell; outside is 0."""
    if operation == "opening":
        return reference(reference(image, cells, "erosion"), cells, "dilation")
    top, left = (n // 2 for n in cells.shape)
    padded = np.pad(image, [(n, n) for n in cells.shape])
    erosion = operation == "erosion"
    out = np.full(image.shape, erosion)
    for y, x in np.argwhere(cells):
        dy, dx = (y - top, x - left) if erosion else (top - y, left - x)
        shifted = padded[cells.shape[0] + dy :, cells.shape[1] + dx :][: image.shape[0], : image.shape[1]]
        out = out & shifted if erosion else out | shifted
    return out


def inside(expected: Bits, edge: int) -> Check:
    """Libraries differ in what they take to lie outside of the image, so not at its border."""
    where = (slice(edge, -edge), slice(edge, -edge))
    check = equal(expected[where])
    return lambda found: check(found[where])


@dataclass(frozen=True)
class MorphologyOperation:
    """``operation`` by ``element`` on random bits of ``size`` x ``size``."""

    operation: str
    element: str
    size: int

    def case(self, batch: int, threads: int) -> Case:
        image = np.random.default_rng(self.size).random((self.size, self.size)) < 0.5
        cells = elements()[self.element]
        expected = reference(image, cells, self.operation)
        work = {"kind": "morphology", **asdict(self)}
        case = Case(f"{self.operation} {self.element} {self.size}", work, batch, threads, ("opencv", "scipy"))
        slow = self.size > 2048 or self.element == "disk31"

        def left_out() -> System:
            raise Absent("one call takes seconds")

        for name, make in {**FAST, **SLOW, "leptonica": leptonica}.items():
            check = equal(expected) if name.startswith("binmorph") else inside(expected, 2 * max(cells.shape))
            if (slow and name in SLOW) or (name == "leptonica" and self.element == "disk31"):
                case.enter(name, left_out, check)
            else:
                case.enter(name, partial(make, image, cells, self.operation, threads), check)
        return case
