"""Costs of planes, of elementwise programs and of moves, for csrc/steps/costs.inc (see fit_costs)."""

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
MOVES = (  # as Move has them
    "level_set_f32",
    "level_set_u8",
    "pack_binary_f32",
    "pack_binary_u8",
    "images_to_planes",
    "planes_to_images",
    "rows_to_channels",
    "channels_to_rows",
    "max_pool_rows",
    "max_pool_planes",
    "window_rows",
    "window_wide_rows",
    "window_planes",
    "flatten",
    "linear_bits",
)
KERNEL_OF = {  # of the moves that are not called as their kernel
    "rows_to_channels": "images_to_planes",
    "channels_to_rows": "planes_to_images",
    "window_wide_rows": "window_rows",
}
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


def _move(isa: str, move: str, units: float, full: tuple[Any, ...], tiny: tuple[Any, ...]) -> Case:
    """A kernel's arguments behind its name, and those of a call that does next to nothing."""
    op = KERNEL_OF.get(move, move)
    order = list(ISAS)
    name = max(
        (
            name
            for o, name, i, _ in _core.kernels.list_kernels()
            if o == op and order.index(i) <= order.index(isa)
        ),
        key=lambda name: order.index(name.split("__")[1]),
    )
    run, calls = getattr(_core.kernels, op), (tiny, full)
    return [units * (move == other) for other in MOVES], lambda times: run(name, *calls[times > 0])


def _move_cases(isa: str) -> list[Case]:
    """Shapes of images as networks have them; what a unit is says Move in csrc/include/binmorph/step.h."""
    cases: list[Case] = []
    rng = np.random.default_rng(0)

    def words(*shape: int) -> npt.NDArray[np.uint64]:
        return rng.integers(0, 2**63, shape, np.uint64)

    for rows, width in ((84, 28), (64, 64), (96, 224), (3, 784)):
        row_words = -(-width // 64)
        for op, dtype in ((op, np.float32 if op.endswith("f32") else np.uint8) for op in MOVES[:4]):
            value, out = (1.0,) if op.startswith("level") else (), np.zeros(rows * row_words, np.uint64)
            src = rng.integers(0, 2, (rows, width)).astype(dtype)
            tiny = (src[:1, :1].copy(), 1, 1, *value, out[:1])
            cases.append(_move(isa, op, rows * row_words, (src, rows, width, *value, out), tiny))
        src64 = words(rows, row_words) >> np.uint64(row_words * 64 - width)  # tails are zero
        out = np.zeros(-(-rows * width // 64), np.uint64)
        flat, tiny = (src64, rows, width, out), (src64[:1, :1] & np.uint64(1), 1, 1, out[:1])
        if width % 64:  # the others only change their name
            cases.append(_move(isa, "flatten", rows * row_words, flat, tiny))
    one = words(1)
    for images, bits in ((256, 784), (256, 196), (256, 100), (64, 224), (128, 56), (192, 28), (512, 14)):
        there, back = MOVES[4:6] if images == 256 else MOVES[6:8]
        image_words, lanes = -(-bits // 64), images // 64
        pixels, planes = words(images, image_words), words(bits, lanes)
        blocks = image_words * lanes
        tiny = (one, 1, 1, 1, 1, one.copy())
        cases.append(
            _move(isa, there, blocks, (pixels, images, image_words, bits, lanes, planes.copy()), tiny)
        )
        cases.append(
            _move(isa, back, blocks, (planes, lanes, bits, images, image_words, pixels.copy()), tiny)
        )
    for channels, side in ((16, 28), (8, 64), (4, 224)):
        row_words = -(-side // 64)
        for size, stride in ((2, 2), (3, 2), (3, 1)):
            left = (side - size) // stride + 1
            pool = ((channels, side, side), (size, size), (stride, stride))
            done = channels * left * row_words * 2 * size
            src64, out = (
                words(channels, side, row_words),
                np.zeros(channels * left * -(-left // 64), np.uint64),
            )
            tiny = (one, (1, 1, 1), (1, 1), (1, 1), one.copy())
            cases.append(_move(isa, "max_pool_rows", done, (src64, *pool, out), tiny))
        for size in (3, 5):
            shape, border = (channels, side, side), ((size, size), "zeros")
            written = channels * size * (side + size - 1) * row_words
            tiny = (one, (1, 1, 1), (1, 1), "zeros", one.copy())
            arguments = (src64, shape, *border, np.zeros(written, np.uint64))
            cases.append(
                _move(isa, "window_rows" if side <= 64 else "window_wide_rows", written, arguments, tiny)
            )
    for side, lanes in ((28, 4), (14, 8), (56, 1)):
        src64, image = words(side, side, lanes), (1, side, side)
        for size, stride in ((2, 2), (3, 2), (3, 1)):
            left = (side - size) // stride + 1
            pool = (image, (size, size), (stride, stride), lanes, np.zeros(left * left * lanes, np.uint64))
            tiny = (one, (1, 1, 1), (1, 1), (1, 1), 1, one.copy())
            cases.append(
                _move(isa, "max_pool_planes", left**2 * size**2 * -(-lanes // 4), (src64, *pool), tiny)
            )
        written = (side + 2) ** 2 * lanes
        frame = (image, (3, 3), "zeros", lanes, np.zeros(written, np.uint64))
        tiny = (one, (1, 1, 1), (1, 1), "zeros", 1, one.copy())
        cases.append(_move(isa, "window_planes", written, (src64, *frame), tiny))
    for bits, outputs in ((512, 16), (200, 112), (1000, 16)):
        weight, bias = np.ones((bits, outputs), np.float32), np.zeros(outputs, np.float32)
        x = words(-(-bits // 64))
        x[-1] >>= np.uint64(-bits % 64)
        full = (x, bits, weight, bias, bias.copy())
        tiny = (one & np.uint64(1), 1, weight[:1], bias, bias.copy())
        cases.append(_move(isa, "linear_bits", bits * (outputs // 64 + outputs % 64 // 16), full, tiny))
    return cases


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
    moves = [_fit(f"moves, {isa}", _move_cases(isa), 1, ghz) for isa in ISAS]
    lines = [
        f"// Written by python -m benchmarks.fit_costs: halves of cycles at {ghz:g} GHz of {processor}.",
        "// A row per instruction set: a literal of a gate per block and per vector, a gate per vector;",
        "// then the same of counters.",
        *_table("kPlaneCosts", "6", planes),
        "// A decision per block and per vector.",
        *_table("kDecisionCosts", "2", decisions),
        "// Loading 64 values, then each operation on them, in the order of ElementwiseOp.",
        *_table("kElementwiseCosts", "kElementwiseRates", elementwise),
        "// A unit of each Move.",
        *_table("kMoveCosts", "kMoveKinds", moves),
    ]
    COSTS.write_text("\n".join(lines) + "\n")
