"""Every single-bit flip and every truncation of the golden files, and random damage behind the checksum."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from mutate import GOLDEN, sign, valid

from binmorph import ir
from binmorph.errors import BinmorphError
from binmorph.format import loads

SMALL = 16 << 10  # bytes: each of their bits is tried
FILES = sorted(path for path in GOLDEN.glob("*.bmorph") if path.stat().st_size <= SMALL)


def outcome(data: bytes | bytearray, verify_checksum: bool) -> str:
    """ "graph" or "error"; anything but a graph or a BinmorphError fails the test by itself."""
    try:
        graph = loads(data, verify_checksum=verify_checksum)
    except BinmorphError:
        return "error"
    assert isinstance(graph, ir.Graph)
    return "graph"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_single_bit_flip_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    assert len(data) <= SMALL
    for at in range(len(data)):
        for bit in range(8):
            data[at] ^= 1 << bit
            assert outcome(data, True) == "error", f"byte {at}, bit {bit}"
            data[at] ^= 1 << bit
    loads(data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_truncation_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for verify in (True, False):
        for size in range(len(data)):
            assert outcome(data[:size], verify) == "error", f"cut to {size} bytes"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_flips_without_checksum_never_escape(path: Path) -> None:
    """Some flips go unseen by a reader that was told not to check (another weight); none may crash it."""
    data = bytearray(path.read_bytes())
    seen = {"graph": 0, "error": 0}
    for position in random.Random(5).sample(range(8 * len(data)), 2500):
        data[position // 8] ^= 1 << position % 8
        seen[outcome(data, False)] += 1
        data[position // 8] ^= 1 << position % 8
    assert min(seen.values()) > 0


def test_random_damage_with_a_correct_checksum_never_escapes() -> None:
    """What a hostile writer would do: damage anything, then sign it."""
    source, rng = valid(), random.Random(6)
    tokens = [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"0",
        b"-1",
        b"null",
        b"true",
        b"1e9",
        b"\\",
        b" ",
        b"4294967296",
    ]
    for _ in range(2500):
        data = bytearray(source)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(8, len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                token = rng.choice(tokens)
                data[at : at + len(token)] = token
            elif kind == 2:  # copy a stretch of the file over another: duplicate keys, swapped entries
                other, size = rng.randrange(8, len(data)), rng.randint(1, 80)
                data[at : at + size] = source[other : other + size].ljust(size, b"0")[:size]
            else:
                data[at : at + 8] = rng.choice([bytes(8), b"\xff" * 8, b"\x80" * 8])
        outcome(sign(bytes(data)), True)
