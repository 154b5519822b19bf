"""Random calls that SciPy and we must answer alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from binmorph import BitArray

Array = np.ndarray[Any, Any]
DTYPES = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "f", "d", ">i4", ">f8", ">u2"]
SHAPES = [
    (),
    (1,),
    (7,),
    (64,),
    (130,),
    (0,),
    (0, 5),
    (5, 0),
    (1, 1),
    (3, 4),
    (9, 65),
    (20, 20),
    (33, 128),
    (2, 3, 4),
    (4, 0, 3),
    (5, 6, 70),
    (3, 2, 4, 5),
]


def random_image(rng: np.random.Generator, shape: tuple[int, ...], density: float) -> Array:
    """Any dtype that SciPy takes, any memory layout, sometimes read-only."""
    bits = rng.random(shape) < density
    dtype = np.dtype(rng.choice(DTYPES))
    values = bits.astype(dtype)
    if dtype.kind in "if":
        values = (values * rng.choice([1, -3, 100], shape)).astype(dtype)
    layout = rng.integers(4)
    if layout == 1 and values.ndim:
        values = np.asfortranarray(values)
    elif layout == 2 and values.ndim:
        values = np.repeat(values, 2, axis=0)[::2]
    elif layout == 3 and values.ndim:
        values = np.ascontiguousarray(values[..., ::-1])[..., ::-1]
    if rng.random() < 0.2 and values.ndim:
        values.flags.writeable = False
    return values


def random_structure(rng: np.random.Generator, rank: int) -> Array | None:
    """None, full, sparse, empty of ones; even, asymmetric, of any dtype."""
    kind = rng.integers(6)
    if kind == 0:
        return None
    extents = tuple(rng.integers(1, 6 if rank < 3 else 4, rank))
    if kind == 1:
        return np.ones(extents, bool)
    cells = np.asarray(rng.random(extents) < (0.0 if kind == 2 else 0.5))
    return cells.astype(rng.choice(["?", "i4", "f8"]))


def random_origin(rng: np.random.Generator, extents: tuple[int, ...]) -> int | list[int]:
    """That leaves the centre in the element."""
    if rng.random() < 0.4 or not extents:
        return 0
    return [int(rng.integers(-(n // 2), n - n // 2)) for n in extents]


def reflected_origin(rng: np.random.Generator, extents: tuple[int, ...]) -> int | list[int]:
    """That leaves the centre of the reflected element in it, too."""
    if rng.random() < 0.4 or not extents:
        return 0
    return [int(rng.integers(-((n - 1) // 2), (n - 1) // 2 + 1)) for n in extents]


def as_bits(image: Array) -> BitArray:
    return BitArray.pack(image != 0)
