"""Threshold neurons on planes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from guard_pages import GuardPages
from kernel_testing import equals_reference, every_kernel, kernels, reference_of

ALL, ANY, COUNT = 0, 1, 2
ROW_WORDS = [*range(1, 21), 31, 32, 33, 63, 64, 65, 127, 128, 130]


@dataclass
class Program:
    """A random plane program whose taps reach exactly `reach` words."""

    rng: np.random.Generator
    reach: int
    taps: list[int] = field(default_factory=list)
    terms: list[list[int]] = field(default_factory=list)
    neurons: list[list[int]] = field(default_factory=list)

    def term(self, limit: int, literals: int) -> list[int]:
        positive = int(self.rng.integers(0, literals + 1))
        op = int(self.rng.integers(0, 3)) if literals else int(self.rng.integers(0, 2))
        threshold = int(self.rng.choice([1, literals, self.rng.integers(1, literals + 1)])) if literals else 0
        counter_bits = max(literals - 1, 0).bit_length() + int(self.rng.integers(0, 2))
        first = len(self.taps)
        self.taps += self.rng.integers(0, limit, literals).tolist()
        return [
            first,
            positive,
            literals - positive,
            threshold,
            counter_bits,
            op,
            int(self.rng.integers(0, 2)),
        ]

    def neuron(self, terms: int, literals: int) -> None:
        first = len(self.terms)
        self.terms += [self.term(self.reach, literals) for _ in range(terms)]
        self.taps[-1:] = [self.reach - 1] if literals else self.taps[-1:]
        combine = self.term(terms, terms + int(self.rng.integers(0, 3))) if terms > 1 else [0] * 7
        self.neurons.append([first, terms, *combine])

    def arrays(self) -> dict[str, np.ndarray]:
        parts = {"taps": self.taps, "terms": self.terms, "neurons": self.neurons}
        return {name: np.array(part, np.uint32).ravel() for name, part in parts.items()}


def random_program(rng: np.random.Generator, reach: int) -> Program:
    program = Program(rng, reach)
    for literals in (0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 25, 33, int(rng.integers(34, 300))):
        program.neuron(int(rng.choice([1, 1, 2, 3, 9])), literals)
    return program


def biased_words(rng: np.random.Generator, size: int) -> np.ndarray:
    """Random, nearly empty or nearly full words: long gates leave early on some, never on others."""
    word = lambda: rng.integers(0, 2**64, size, np.uint64)  # noqa: E731
    sparse = word() & word() & word() & word() & word() & word()
    return [word(), sparse, ~sparse, np.zeros(size, np.uint64), ~np.zeros(size, np.uint64)][rng.integers(5)]


def evaluate(term, taps, read):
    first, positive, negative, threshold, _, op, invert = term
    bits = [read(taps[first + i]) ^ (i >= positive) for i in range(positive + negative)]
    count = sum(bits)
    result = [count == len(bits), count > 0, count >= threshold][op]
    return result != bool(invert)


@every_kernel("threshold_planes")
def test_threshold_planes_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    for row_words in [*ROW_WORDS, *ROW_WORDS]:
        rows = 1 + row_words % 3
        pitch = row_words + int(rng.integers(0, 4))
        reach = int(rng.integers(1, 40))
        program = random_program(rng, reach)
        src = biased_words(rng, (rows - 1) * pitch + row_words + reach - 1)
        plane = rows * row_words + int(rng.integers(0, 3))
        begin = int(rng.integers(0, 3))
        max_terms = max(n[1] for n in program.neurons)
        with GuardPages(edge) as pages:
            args = {
                "rows": rows,
                "row_words": row_words,
                "src_row_pitch": pitch,
                "dst_plane_pitch": plane,
                "begin": begin,
                "end": len(program.neurons) - int(rng.integers(0, 3)),
                "scratch": pages.empty(kernels.PLANE_BLOCK_WORDS * max_terms, np.uint64),
            }
            out = (plane * len(program.neurons), np.uint64)
            equals_reference("threshold_planes", kernel, edge, {**program.arrays(), "src": src}, out, **args)
            pages.assert_intact()


def test_threshold_planes_reference_equals_python():
    rng = np.random.default_rng(2)
    program = random_program(rng, 12)
    src = rng.integers(0, 2**64, 2 + 11, np.uint64)
    arrays = program.arrays()
    out = kernels.threshold_planes(
        reference_of("threshold_planes"), **arrays, src=src, rows=1, row_words=2, src_row_pitch=2,
        dst_plane_pitch=2, begin=0, end=len(program.neurons),
    )  # fmt: skip
    words = [int(w) for w in src]
    for o, (first, terms, *combine) in enumerate(program.neurons):
        for lane in rng.integers(0, 128, 24).tolist():
            read = lambda tap, lane=lane: bool(words[tap + lane // 64] >> (lane % 64) & 1)  # noqa: E731
            results = [evaluate(program.terms[first + t], program.taps, read) for t in range(terms)]
            expected = results[0] if terms == 1 else evaluate(combine, program.taps, results.__getitem__)
            assert bool(int(out[2 * o + lane // 64]) >> (lane % 64) & 1) == expected, (o, lane)
