"""Damaged files with a correct checksum: a typed error, or a network that runs as the oracle says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from mutate import pack, sign, take_apart
from oracle import evaluate, random_input

from binmorph import BinmorphError
from binmorph import format as file_format
from binmorph.runtime import PackedModel

GOLDEN = [  # small enough for the oracle to follow every mutation
    path
    for path in sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.bmorph"))
    if path.stat().st_size <= 16 << 10
]
NUMBERS = (
    "0",
    "1",
    "2",
    "7",
    "63",
    "64",
    "65",
    "-1",
    "255",
    "4096",
    "65535",
    "2147483647",
    "4294967296",
    "1e3",
)


def flip_payload(rng: random.Random, data: bytes) -> bytes:
    """Some bits of masks, thresholds, weights or level values, tails included."""
    header, payload = take_apart(data)
    damaged = bytearray(payload)
    for _ in range(rng.choice([1, 1, 2, 8])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return pack(header, bytes(damaged))


def shuffle_payload(rng: random.Random, data: bytes) -> bytes:
    """One stretch of the tensors copied over another: plausible values in wrong places."""
    header, payload = take_apart(data)
    size = rng.choice([1, 4, 8, 64])
    source, target = (rng.randrange(max(1, len(payload) - size)) for _ in range(2))
    return pack(header, payload[:target] + payload[source : source + size] + payload[target + size :])


def change_number(rng: random.Random, data: bytes) -> bytes:
    """One number of the header: a shape, an offset, a kernel, a version."""
    length = int.from_bytes(data[:8], "little")
    text, payload = data[8 : 8 + length].decode(), data[8 + length :]
    found = [m for m in re.finditer(r"(?<![\w.\"])-?\d+(?![\w.])", text) if m.end() - m.start() < 12]
    number = rng.choice(found)
    return pack(
        (text[: number.start()] + rng.choice(NUMBERS) + text[number.end() :]).rstrip().encode(), payload
    )


def swap_words(rng: random.Random, data: bytes) -> bytes:
    """One quoted word of the header in the place of another: ops, borders, names, dtypes, roles."""
    length = int.from_bytes(data[:8], "little")
    text, payload = data[8 : 8 + length].decode(), data[8 + length :]
    words = [m for m in re.finditer(r"[a-z_]\w+(?:\.\w+)*", text) if m.end() - m.start() < 40]
    place, word = rng.choice(words), rng.choice(words)
    return pack((text[: place.start()] + word.group() + text[place.end() :]).rstrip().encode(), payload)


def flip_anything(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return sign(bytes(damaged))


def load_and_run(path: Path, seed: int) -> bool:
    """Whether the file is (still) a network; if so, it must run as the oracle says."""
    try:
        graph = file_format.load(path)
    except BinmorphError:
        return False
    try:
        models = [PackedModel(graph, threads=1, layout=layout) for layout in ("row-packed", "batch-sliced")]
    except (BinmorphError, MemoryError):
        return False
    if sum(kind.size for kind in graph.types.values()) > 100_000:
        return True
    x = random_input(np.random.default_rng(seed), graph, 2)
    expected = evaluate(graph, x)
    for model in models:
        for name, value in model.trace(x).items():
            np.testing.assert_array_equal(value, expected[name])
    return True


@pytest.mark.parametrize(
    "mutation", [flip_payload, shuffle_payload, change_number, swap_words, flip_anything]
)
@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_mutations_never_crash(golden, mutation, tmp_path: Path) -> None:
    rng = random.Random(f"{golden.stem} {mutation.__name__}")
    data, path, accepted = golden.read_bytes(), tmp_path / "mutated.bmorph", 0
    for seed in range(150):
        path.write_bytes(mutation(rng, data))
        accepted += load_and_run(path, seed)
    if mutation in (flip_payload, shuffle_payload):
        assert accepted > 5  # the network itself was reached
