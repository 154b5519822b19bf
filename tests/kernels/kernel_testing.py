"""Runs every registered kernel against its reference, on memory that forbids access outside the arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from guard_pages import PATTERN, Edge, GuardPages

from binmorph import _core

kernels = _core.kernels

Array = np.ndarray[Any, Any]


def reference_of(op: str) -> str:
    (name,) = [name for o, name, isa, _ in kernels.list_kernels() if o == op and isa == "reference"]
    return str(name)


def every_kernel(op: str) -> pytest.MarkDecorator:
    """Parametrises a test over an operation's kernels (not its reference) and both ends of the memory."""
    params = []
    for o, name, isa, supported in kernels.list_kernels():
        if o == op and isa != "reference":
            skip = pytest.mark.skipif(not supported, reason=f"this machine lacks {isa}: {name} is NOT tested")
            params += [pytest.param(name, edge, id=f"{isa}-{edge}", marks=skip) for edge in ("end", "start")]
    return pytest.mark.parametrize(("kernel", "edge"), params)


def equals_reference(
    op: str, kernel: str, edge: Edge, arrays: dict[str, Array], out: tuple[int, Any], **scalars: Any
) -> Array:
    """Asserts that the kernel writes the bytes that the reference writes, no others, and returns them."""
    size, dtype = out
    run = getattr(kernels, op)
    expected = np.full(size * np.dtype(dtype).itemsize, PATTERN, np.uint8).view(dtype)
    flat = {name: np.ascontiguousarray(a).ravel() for name, a in arrays.items()}
    status = run(reference_of(op), **flat, **scalars, out=expected)
    with GuardPages(edge) as pages:
        placed = {name: pages.place(a) for name, a in flat.items()}
        actual = pages.empty(size, dtype)
        assert (run(kernel, **placed, **scalars, out=actual) is None) == (status is None)
        pages.assert_intact()
        for name, a in placed.items():
            assert a.tobytes() == flat[name].tobytes(), f"{kernel} changed its input {name}"
        result = actual.copy()
    if status is not None and result.tobytes() != expected.tobytes():
        shapes = {name: a.shape for name, a in arrays.items()}
        where = np.flatnonzero(result.view(np.uint8) != expected.view(np.uint8))
        raise AssertionError(f"{kernel} differs from its reference in byte {where[0]}: {shapes} {scalars}")
    return result


def words_for(bits: int) -> int:
    return -(-bits // 64)


def random_rows(rng: np.random.Generator, rows: int, width: int, density: float = 0.5) -> Array:
    """Packed rows [rows, words_for(width)] with zero tails."""
    return pack_rows(rng.random((rows, width)) < density)


def pack_rows(bits: Array) -> Array:
    """An independent packing: numpy's."""
    *lead, width = bits.shape
    padded = np.zeros((*lead, 64 * words_for(width)), bool)
    padded[..., :width] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


def unpack_rows(words: Array, width: int) -> Array:
    as_bytes = np.ascontiguousarray(words).astype("<u8").view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, bitorder="little")[..., :width].astype(bool)


def assert_tails_zero(words: Array, width: int) -> None:
    rows = words.reshape(-1, words_for(width))
    assert width % 64 == 0 or not (rows[:, -1] >> np.uint64(width % 64)).any()
