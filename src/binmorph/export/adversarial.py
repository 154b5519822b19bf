"""Inputs of one layer that drive its sums to chosen values: where a threshold, or a border, would be wrong by
one.

Random inputs leave most sums far from their thresholds. Here windows that share no pixel are filled at random
and then changed, bit by bit, until each has its own wanted sum; a window per output, border class and wanted
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
TRIES = 96  # places tried per class and image


@dataclass(frozen=True, eq=False)
class Windows:
    """The sums of a layer: ``weight`` int64 [O, n] over windows of an image (C, H, W) with values 0 to
    ``top``."""

    weight: Ints
    image: tuple[int, int, int]
    top: int = 1
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    border: str = "zeros"

    def classes(self) -> list[list[tuple[int, int]]]:
        """The output positions of each border class, in the order of :func:`ir.border_classes`."""
        sides = [
            ir.border_classes(*axis)
            for axis in zip(
                self.image[1:], self.kernel, self.stride, self.dilation, self.padding, strict=True
            )
        ]
        (rows, row_count), (columns, column_count) = sides
        return [
            [(int(y), int(x)) for y in np.flatnonzero(rows == r) for x in np.flatnonzero(columns == c)]
            for r in range(row_count)
            for c in range(column_count)
        ]

    def box(self, y: int, x: int) -> tuple[slice, slice]:
        """The pixels inside the image that the window at output (y, x) may read."""
        ends = []
        for axis, at in enumerate((y, x)):
            start = at * self.stride[axis] - self.padding[axis]
            stop = start + self.dilation[axis] * (self.kernel[axis] - 1) + 1
            side = self.image[1 + axis]
            ends.append(slice(min(max(start, 0), side - 1), max(min(stop, side), 1)))
        return ends[0], ends[1]

    def taps(self, output: int, y: int, x: int) -> tuple[Ints, Ints, int]:
        """(places in the flat image, weights, constant) of one sum; places differ from each other."""
        channels, height, width = self.image
        depth = channels // self.groups
        first = output // (len(self.weight) // self.groups) * depth
        rows = y * self.stride[0] - self.padding[0] + np.arange(self.kernel[0]) * self.dilation[0]
        columns = x * self.stride[1] - self.padding[1] + np.arange(self.kernel[1]) * self.dilation[1]
        inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
        pixel = rows.clip(0, height - 1)[:, None] * width + columns.clip(0, width - 1)
        places = ((first + np.arange(depth))[:, None] * height * width + pixel.reshape(-1)).reshape(-1)
        seen, weight = np.tile(inside.reshape(-1), depth), self.weight[output]
        if self.border == "replicate":
            places, which = np.unique(places, return_inverse=True)
            return places, np.bincount(which.reshape(-1), weight, len(places)).astype(np.int64), 0
        return places[seen], weight[seen], int(weight[~seen].sum()) if self.border == "ones" else 0


def drive(x: Array, places: Ints, weight: Ints, wanted: int, top: int, rng: np.random.Generator) -> None:
    """Change the flat image ``x`` at ``places`` until the sum of ``weight`` there is ``wanted``, or as near
    as large steps first and small ones last come."""
    order = rng.permutation(len(places))
    places, weight = places[order], weight[order]
    missing = wanted - int(weight @ x[places].astype(np.int64))
    for size in np.unique(np.abs(weight[weight != 0]))[::-1]:
        up = np.sign(weight) == np.sign(missing)  # pixels that must grow
        room = np.where(up, top - x[places], x[places].astype(np.int64)) * (np.abs(weight) == size)
        steps = abs(missing) // int(size)
        taken = np.diff(np.minimum(np.cumsum(room), steps), prepend=0)
        x[places] = (x[places] + np.where(up, taken, -taken)).astype(x.dtype)
        missing -= int(np.sign(missing)) * int(size) * int(taken.sum())
        if missing == 0:
            return


def adversarial(
    windows: Windows, turns: Ints, limit: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Ints]:
    """(x uint8 [N, C, H, W], hits int64 [T, 5] of image, output, row, column and sum): at most ``limit``
    images in which the sum of every output, in every border class, is ``turns`` [classes or 1, O] - 1, + 0
    and + 1, or as near as it comes; of too many, those of outputs drawn at random."""
    classes = windows.classes()
    outputs = len(windows.weight)
    queues = [[(int(o), step) for o in rng.permutation(outputs) for step in (-1, 0, 1)] for _ in classes]
    images: list[Array] = []
    hits: list[tuple[int, ...]] = []
    rarest = sorted(range(len(classes)), key=lambda c: len(classes[c]))
    while any(queues) and len(images) < limit:
        x = rng.integers(0, windows.top + 1, windows.image).astype(np.uint8)
        flat, used = x.reshape(-1), np.zeros(windows.image[1:], np.bool_)
        for c in rarest:
            for at in rng.permutation(len(classes[c]))[:TRIES]:
                y, column = classes[c][at]
                box = windows.box(y, column)
                if not queues[c] or used[box].any():
                    continue
                used[box] = True
                output, step = queues[c].pop()
                places, weight, constant = windows.taps(output, y, column)
                wanted = int(turns[c % len(turns), output]) + step - constant
                drive(flat, places, weight, wanted, windows.top, rng)
                reached = int(weight @ flat[places].astype(np.int64)) + constant
                hits.append((len(images), output, y, column, reached))
        images.append(x)
    return np.stack(images), np.array(hits, np.int64).reshape(-1, 5)
