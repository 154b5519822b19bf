"""Costs of planes and of elementwise programs, for csrc/steps/costs.inc (see fit_costs)."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from binmorph import _core

COSTS = Path(__file__).parents[1] / "csrc" / "steps" / "costs.inc"
ISAS = {"reference": 1, "generic": 1, "x86_avx2": 4, "x86_avx512": 8}  # words of a vector, as Isa has them
OPERATIONS = ("affine", "two_value", "add", "prelu", "clamp", "store", "pack")  # as ElementwiseOp has them
PASSES, ROUNDS, ROUND_SECONDS = 5, 8, 1e-4  # as in fit_costs
ROWS, SOURCE_WORDS = 64, 4000  # of a plane program; words that stay in L1
TILE, CHANNELS = 64, 64  # pixels and channels of an elementwise program: values that stay in L1

Work = Callable[[int], None]  # some times over; none takes what the call itself takes
Case = tuple[list[float], Work]


def _seconds(work: Work, times: int) -> tuple[float, float]:
    """The least time of a call that does the work so many times, and of one that does nothing."""

    def turn(n: int, repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            work(n)
        return (time.perf_counter() - start) / repeats

    repeats = max(1, round(ROUND_SECONDS / turn(times, 2)))
    return min(turn(times, repeats) for _ in range(ROUNDS)), min(turn(0, repeats) for _ in range(ROUNDS))


def _planes(isa: str, count: bool, literals: int, row_words: int) -> Case:
    """Eight neurons of one gate (over ones: it never settles) or counter; the terms are those of a row."""
    neurons = 8
    taps = np.tile(np.arange(literals) * row_words, neurons).astype(np.uint32)
    half, bits = (literals + 1) // 2, int(literals - 1).bit_length()
    end = [half, bits, 2, 0] if count else [0, 0, 0, 0]
    terms = np.array([[o * literals, literals, 0, *end] for o in range(neurons)], np.uint32)
    heads = np.array([[o, 1, *[0] * 7] for o in range(neurons)], np.uint32)
    src = np.full(literals * row_words, 2**64 - 1, np.uint64)
    if count:
        src = np.random.default_rng(0).integers(0, 2**64, src.size, np.uint64)
    out = np.zeros(neurons * ROWS * row_words, np.uint64)
    scratch = np.zeros(_core.kernels.PLANE_BLOCK_WORDS, np.uint64)
    name = f"threshold_planes_u64_u64__{isa}"
    vectors = -(-row_words // ISAS[isa]) * neurons
    blocks = -(-row_words // min(32, 8 * ISAS[isa])) * neurons
    done = [blocks * literals, vectors * literals, vectors]

    def work(rows: int) -> None:  # all read the same words
        shape = (ROWS, row_words, 0, ROWS * row_words)
        last = 0 if rows == 0 else neurons
        _core.kernels.threshold_planes(name, taps, terms, heads, src, *shape, 0, last, out, scratch)

    return [0, 0, 0, *done] if count else [*done, 0, 0, 0], work


def _elementwise(isa: str, operations: tuple[str, ...]) -> Case:
    rng = np.random.default_rng(0)

    def floats(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    arguments: dict[str, Callable[[], tuple[Any, ...]]] = {
        "affine": lambda: (floats(CHANNELS), floats(CHANNELS)),
        "two_value": lambda: (floats(CHANNELS), floats(CHANNELS), np.ones(TILE, np.int32), 1),
        "add": lambda: (floats(TILE * CHANNELS),),
        "prelu": lambda: (floats(CHANNELS),),
        "clamp": lambda: (-1.0, 1.0),
        "store": lambda: (np.zeros(TILE * CHANNELS, np.float32),),
        "pack": lambda: (floats(CHANNELS), np.zeros(TILE * CHANNELS // 64, np.uint64)),
    }
    steps = [(name, *arguments[name]()) for name in operations]
    src, name = floats(TILE * CHANNELS), f"elementwise_f32__{isa}"
    terms = [CHANNELS / 64, *(CHANNELS / 64 * operations.count(name) for name in OPERATIONS)]

    def work(pixels: int) -> None:
        _core.kernels.elementwise_f32(
            name, src[: (1 + pixels) * CHANNELS], CHANNELS, CHANNELS, steps, TILE, (0, 1 + pixels), (0, 1)
        )

    return terms, work


def _decisions(isa: str, count: int, row_words: int) -> Case:
    """A chain that reads every tap twice through eight slots; the terms are those of a row."""
    flag = 1 << 31
    rng = np.random.default_rng(0)
    slots = (2 + np.arange(count) % 8) * _core.kernels.DECISION_BLOCK_WORDS
    rows = np.stack([rng.integers(0, 9, count) * row_words, flag | slots, flag | np.roll(slots, 3), slots])
    decisions = np.ascontiguousarray(rows.T).astype(np.uint32)
    decisions[-1, 3] = flag
    src = rng.integers(0, 2**64, 9 * row_words, np.uint64)
    out = np.zeros(ROWS * row_words, np.uint64)
    scratch = np.zeros(10 * _core.kernels.DECISION_BLOCK_WORDS, np.uint64)
    name = f"decision_planes_u64_u64__{isa}"
    done = [-(-row_words // min(32, 8 * ISAS[isa])) * count, -(-row_words // ISAS[isa]) * count]

    def work(rows: int) -> None:
        shape = (rows, row_words, 0, ROWS * row_words)
        _core.kernels.decision_planes(name, decisions.ravel(), 10, 1, src, *shape, out, scratch)

    return [float(d) for d in done], work


def _decision_cases(isa: str) -> list[Case]:
    return [_decisions(isa, count, words) for count in (16, 64, 256) for words in (4, 8, 32, 112)]


def _plane_cases(isa: str) -> list[Case]:
    literals = (5, 9, 25, 49, 100) if isa == "reference" else (5, 9, 25, 49, 200, 784)
    grid = itertools.product((False, True), literals, (4, 32, 112))
    return [_planes(isa, count, n, words) for count, n, words in grid if n * words <= SOURCE_WORDS]


def _elementwise_cases(isa: str) -> list[Case]:
    ends = ("store", "pack")
    programs: list[tuple[str, ...]] = [(end,) for end in ends]
    programs += [(*middle, end) for middle in itertools.permutations(OPERATIONS[:5], 2) for end in ends]
    programs += [("affine", "add", *ends), ("affine", "add", "prelu", *ends)]
    return [_elementwise(isa, program) for program in programs]


def _fit(what: str, cases: list[Case], times: int, ghz: float) -> npt.NDArray[np.float64]:
    """Halves of cycles per term: non-negative least squares of relative errors."""
    passes = [[_seconds(work, times) for _, work in cases] for _ in range(PASSES)]
    full, empty = np.min(passes, axis=0).T
    halves = (full - empty) / times * ghz * 2e9
    terms = np.array([term for term, _ in cases])
    rates, _ = nnls(terms / halves[:, None], np.ones(len(halves)))
    off = np.abs(np.log2(terms @ rates / halves))
    print(
        f"{what:<24} off by {2 ** statistics.median(off) - 1:.0%} (median), {2 ** off.max() - 1:.0%} (worst)"
    )
    return np.asarray(rates)


def _table(name: str, columns: str, rows: list[npt.NDArray[np.float64]]) -> list[str]:
    lines = ["    {" + ", ".join(f"{rate:.4g}" for rate in row) + "}," for row in rows]
    return [f"constexpr double {name}[kIsaCount][{columns}] = {{", *lines, "};"]


def write(ghz: float, processor: str) -> None:
    """Measures and writes the file."""
    planes = [_fit(f"planes, {isa}", _plane_cases(isa), ROWS, ghz) for isa in ISAS]
    decisions = [_fit(f"decisions, {isa}", _decision_cases(isa), ROWS, ghz) for isa in ISAS]
    elementwise = [_fit(f"elementwise, {isa}", _elementwise_cases(isa), TILE - 1, ghz) for isa in ISAS]
    lines = [
        f"// Written by python -m benchmarks.fit_costs: halves of cycles at {ghz:g} GHz of {processor}.",
        "// A row per instruction set: a literal of a gate per block and per vector, a gate per vector;",
        "// then the same of counters.",
        *_table("kPlaneCosts", "6", planes),
        "// A decision per block and per vector.",
        *_table("kDecisionCosts", "2", decisions),
        "// Loading 64 values, then each operation on them, in the order of ElementwiseOp.",
        *_table("kElementwiseCosts", "kElementwiseRates", elementwise),
    ]
    COSTS.write_text("\n".join(lines) + "\n")
