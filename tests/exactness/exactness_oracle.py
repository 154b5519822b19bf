"""Ground truth by enumeration, written from the definitions and sharing no formula with the package."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from binmorph.ir import Status


def all_inputs(n: int) -> np.ndarray:
    """Every point of {0, 1}^n, bool [2^n, n]."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.bool_)


def truth(weight: np.ndarray, bias: np.ndarray, strict: np.ndarray) -> np.ndarray:
    """[weight.x > b] where strict, else [weight.x >= b], bool [R, 2^n]; float64 sums must be exact."""
    accumulator = weight @ all_inputs(weight.shape[-1]).T.astype(np.float64)
    bias, strict = bias[:, None], strict[:, None]
    return np.where(strict, accumulator > bias, accumulator >= bias)


@functools.cache
def operators(n: int) -> dict[bytes, tuple[tuple[int, ...], int]]:
    """Truth table -> (signs, k), over every "at least k of these signed literals", 1 <= k <= |S|.

    ``signs`` holds +1, -1 or 0 per input. Also asserts that no function occurs twice.
    """
    signs = np.array(list(itertools.product((-1, 0, 1), repeat=n)))
    x = all_inputs(n).astype(np.int16)
    true_literals = signs.astype(np.int16) @ x.T + (signs < 0).sum(-1)[:, None].astype(np.int16)
    found: dict[bytes, tuple[tuple[int, ...], int]] = {}
    total = 0
    for k in range(1, n + 1):
        rows = np.flatnonzero(np.abs(signs).sum(-1) >= k)
        tables = np.packbits(true_literals[rows] >= k, axis=-1)
        total += len(rows)
        for row, table in zip(rows, tables, strict=True):
            found[table.tobytes()] = (tuple(int(s) for s in signs[row]), k)
    assert len(found) == total, "two different (S, k) give one function"
    return found


def expected_status(signs: tuple[int, ...], k: int) -> Status:
    size, negative = sum(map(abs, signs)), sum(s < 0 for s in signs)
    if negative:
        return Status.LITERAL if k in (1, size) else Status.POPCOUNT
    return Status.DILATION if k == 1 else Status.EROSION if k == size else Status.POPCOUNT


def _integers(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return rng.integers(-3, 4, (rows, n)).astype(np.float64)


def _positive_integers(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return rng.integers(0, 5, (rows, n)).astype(np.float64)


def _half_integers(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return rng.integers(-7, 8, (rows, n)) / 2.0


def _floats(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    # Multiples of 2^-24: as irregular as float32, with exact float64 sums.
    return np.round(rng.normal(size=(rows, n)) * 2**24) / 2**24


def _near_constant(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    member = rng.random((rows, n)) < 0.6
    sign = rng.choice([-1.0, 1.0], (rows, n), p=[0.3, 0.7])
    return np.where(member, sign * 16 + rng.integers(-2, 3, (rows, n)), rng.integers(-2, 3, (rows, n)))


def _repeated(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    values = rng.integers(-4, 9, (rows, 2)).astype(np.float64)
    return np.take_along_axis(values, rng.integers(0, 2, (rows, n)), axis=1)


def _negative(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return -rng.integers(1, 5, (rows, n)).astype(np.float64)


def _sparse(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return np.where(rng.random((rows, n)) < 0.7, 0.0, rng.integers(-2, 3, (rows, n)))


GENERATORS = {
    "integers": _integers,
    "positive_integers": _positive_integers,
    "half_integers": _half_integers,
    "floats": _floats,
    "near_constant": _near_constant,
    "repeated": _repeated,
    "negative": _negative,
    "sparse": _sparse,
}


def tied_bias(rng: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """A bias per neuron: often exactly a reachable accumulator, sometimes a little off it or out of range."""
    rows, n = weight.shape
    reached = (weight * (rng.random((rows, n)) < rng.random((rows, 1)))).sum(-1)
    return reached + rng.choice([0.0, 0.0, 0.0, 0.5, -0.5, 0.25, 40.0, -40.0], rows)
