"""Erosions, dilations and openings of large images.

SciPy and scikit-image are left out beyond 2048 pixels and for disk31, where one call takes seconds. A "page"
is the file that BINMORPH_BENCH_PAGE names (dark is 1), repeated.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ... import morphology
from ..contest import Absent, Case, Check, System, equal
from ..peers.images import FAST, SLOW, leptonica, leptonica_generated
from ..peers.images_cuda import ON_GPU

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


def density(operation: str, cells: Bits) -> float:
    """The share of ones in random bits that leaves both values in the result, so that a wrong one shows.

    Of k independent pixels all are 1 with density^k, none is with (1 - density)^k: half of an erosion or a
    dilation are ones. An opening is 1 where one of k erosions is; they overlap, and count as sqrt(k)
    independent ones: 36 to 82 % are ones.
    """
    k = int(cells.sum())
    if operation == "opening":
        return float((1 - 0.5 ** (1 / k**0.5)) ** (1 / k))
    erosion: float = 0.5 ** (1 / k)
    return erosion if operation == "erosion" else 1 - erosion


def pixels(kind: str, size: int, ones: float) -> Bits:
    """The image of that kind, random bits with that share of ones; Absent for a page without a file."""
    rng = np.random.default_rng(size)
    if kind == "random":
        return rng.random((size, size)) < ones
    if kind == "blobs":
        blobs: Bits = np.asarray(
            morphology.binary_dilation(rng.random((size, size)) < 1e-4, morphology.disk(12))
        )
        return blobs
    page = os.environ.get("BINMORPH_BENCH_PAGE")
    if kind != "page" or not page:
        raise Absent(f"no image {kind!r}: set BINMORPH_BENCH_PAGE to the file of a page")
    grey = np.asarray(importlib.import_module("PIL.Image").open(page).convert("L"))
    times = [-(-size // n) for n in grey.shape]
    return np.ascontiguousarray(np.tile(grey < 128, times)[:size, :size])


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


def _absent(why: str) -> System:
    raise Absent(why)


@dataclass(frozen=True)
class MorphologyOperation:
    """``operation`` by ``element`` on ``size`` x ``size`` pixels: "random" bits of the :func:`density` that
    suits both, "blobs", or a "page"."""

    operation: str
    element: str
    size: int
    image: str = "random"

    def case(self, batch: int, threads: int) -> Case:
        cells = elements()[self.element]
        ones = density(self.operation, cells)
        work = {"kind": "morphology", **asdict(self), "density": ones if self.image == "random" else None}
        title = f"{self.operation} {self.element} {self.size}"
        title += "" if self.image == "random" else f" {self.image}"
        case = Case(title, work, batch, threads, ("opencv", "scipy"))
        peers = {**FAST, **SLOW, "leptonica": leptonica, "leptonica-generated": leptonica_generated}
        if threads == 1:
            peers |= ON_GPU
        try:
            image = pixels(self.image, self.size, ones)
        except Absent as reason:
            for name in peers:
                case.enter(name, partial(_absent, str(reason)), equal(np.zeros(0)))
            return case
        expected = reference(image, cells, self.operation)
        slow = self.size > 2048 or self.element == "disk31"

        for name, make in peers.items():
            check = equal(expected) if name.startswith("binmorph") else inside(expected, 2 * max(cells.shape))
            if (slow and name in SLOW) or (name == "leptonica" and self.element == "disk31"):
                case.enter(name, partial(_absent, "one call takes seconds"), check)
            else:
                case.enter(name, partial(make, image, cells, self.operation, threads), check)
        return case
