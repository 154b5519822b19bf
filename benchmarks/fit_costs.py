"""Measures what kernels cost: python -m benchmarks.fit_costs --ghz 3.7

Times every layout of ``threshold_conv2d`` on this machine over a grid of shapes, in turn, fits the cycles of
each of its cost terms (non-negative least squares of relative errors) and writes them to
kernels/threshold_conv2d/costs.inc, from which the runtime chooses among kernels. Prints, per layout, how far
the estimates are off, and how much longer the chosen kernels take than the best ones. Then planes,
elementwise programs and moves of bits, which go to csrc/steps/costs.inc (step_costs).
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from binmorph import _core
from binmorph.bench.machine import machine_card

from . import step_costs

COSTS = Path(__file__).parents[1] / "kernels" / "threshold_conv2d" / "costs.inc"
LAYOUTS = {
    "generic": "rows",
    "popcnt": "words",
    "lutp": "nibbles",
    "permb": "sextets",
    "window": "windows",
}  # as ConvLayout has them
# Machines shared with others are slow for seconds: passes over the whole grid meet them at different shapes.
PASSES, ROUNDS, ROUND_SECONDS = 6, 10, 2e-4

Shape = tuple[int, int, int, int, int, int, str]  # channels, outputs, size, kernel, stride, groups, form


def _grid() -> list[Shape]:
    dense = itertools.product((64, 128, 256, 512), (64, 128, 512), (7, 14, 28), (1, 3), (1, 2))
    shapes: list[Shape] = [(*s, 1, "sign") for s in dense if s[0] * s[1] * s[2] ** 2 * s[3] ** 2 < 2e8]
    shapes += [(c, o, n, 3, 1, 1, "sign") for c in (3, 16, 40) for o in (16, 64, 100) for n in (8, 32)]
    shapes += [(c, c, n, 3, 1, c // 16, "sign") for c in (32, 128) for n in (8, 24)]
    shapes += [
        (1, o, n, k, 1, 1, f) for o in (16, 64) for n in (14, 28) for k in (5, 7) for f in ("sign", "ternary")
    ]
    shapes += [(c, 64, n, 1, 1, 1, "sign") for c in (16, 32, 64) for n in (8, 32)]
    shapes += [(c, c, 16, 3, 1, c, "sign") for c in (8, 64)]
    shapes += [(c, o, 1, 1, 1, 1, "sign") for c in (256, 1024) for o in (64, 512)]
    shapes += [
        (c, c, n, k, 1, 1, f) for c in (64, 192) for n in (9, 20) for k in (1, 5) for f in ("mask", "ternary")
    ]
    return shapes


def _words(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    padded = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // 64) * 64), bool)
    padded[..., : bits.shape[-1]] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


def _convolution(kernel: str, shape: Shape) -> tuple[Any, Callable[[], object]]:
    channels, outputs, size, kernel_size, stride, groups, form = shape
    rng = np.random.default_rng(0)
    plus = rng.random((outputs, channels // groups * kernel_size**2)) < 0.5
    minus = {"mask": None, "sign": _words(~plus), "ternary": _words(~plus & (rng.random(plus.shape) < 0.5))}[
        form
    ]
    conv = _core.kernels.Conv2d(
        kernel,
        _words(plus),
        minus,
        np.zeros((1, outputs), np.int32),
        np.zeros(outputs, np.uint8),
        (channels, size, size),
        outputs,
        (kernel_size, kernel_size),
        groups,
        (stride, stride),
        padding=(kernel_size // 2,) * 4,
    )
    x = _words(rng.random((size, size, channels)) < 0.5).ravel()
    extent = (size + kernel_size // 2 * 2 - kernel_size) // stride + 1
    out = np.zeros(extent**2 * -(-outputs // 64), np.uint64)
    return conv, lambda: conv.run(x, out)


def _seconds(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def _measure(kernels: list[str], overhead: float) -> list[dict[str, tuple[list[float], float]]]:
    """Per shape and kernel: its terms, and the seconds of a run."""
    grid = [
        {
            kernel: _convolution(kernel, shape)
            for kernel in kernels
            if _core.kernels.Conv2d.supports(kernel, shape[0] // shape[5] * shape[3] ** 2)
        }
        for shape in _grid()
    ]
    best = [dict.fromkeys(convs, np.inf) for convs in grid]
    for _ in range(PASSES):
        for convs, least in zip(grid, best, strict=True):
            repeats = {k: max(1, round(ROUND_SECONDS / _seconds(call, 2))) for k, (_, call) in convs.items()}
            for _ in range(ROUNDS):
                for kernel, (_, call) in convs.items():
                    least[kernel] = min(least[kernel], _seconds(call, repeats[kernel]))
    return [
        {k: (conv.cost_terms, max(least[k] - overhead, least[k] / 4)) for k, (conv, _) in convs.items()}
        for convs, least in zip(grid, best, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fit_costs", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--ghz", type=float, required=True, help="clock of this machine under load")
    options = parser.parse_args(arguments)
    kernels = {
        LAYOUTS[name.rsplit("_", 1)[-1]]: name
        for op, name, isa, runs in _core.kernels.list_kernels()
        if op == "threshold_conv2d" and runs and isa != "reference"
    }
    if set(kernels) != set(LAYOUTS.values()):
        print(f"this machine runs only {sorted(kernels)}: the costs stay as they are", file=sys.stderr)
        return 1
    # What the call from Python takes: an image of one pixel, one channel, one output.
    tiny = _convolution(kernels["rows"], (1, 1, 1, 1, 1, 1, "mask"))[1]
    overhead = min(_seconds(tiny, 1000) for _ in range(20))
    grid = _measure(list(kernels.values()), overhead)

    rows, estimates = [], {}
    for layout, kernel in kernels.items():
        points = [point[kernel] for point in grid if kernel in point]
        terms = np.array([counted for counted, _ in points])
        cycles = np.array([seconds for _, seconds in points]) * options.ghz * 1e9
        scale = terms.max(0) + (terms.max(0) == 0)
        fitted, _ = nnls(terms / scale / cycles[:, None], np.ones(len(cycles)))
        costs = fitted / scale
        estimates[kernel] = costs
        off = np.abs(np.log2(terms @ costs / cycles))
        print(
            f"{layout:<8} off by {2 ** statistics.median(off) - 1:.0%} (median),"
            f" {2 ** off.max() - 1:.0%} (worst)"
        )
        rows.append((list(LAYOUTS.values()).index(layout), costs))
    best_isa = {kernels[layout] for layout in ("words", "sextets", "windows")}
    lost, wins = [], 0
    for point in grid:
        fast = [kernel for kernel in point if kernel in best_isa]
        chosen = min(fast, key=lambda kernel: float(point[kernel][0] @ estimates[kernel]))
        least = min(point[kernel][1] for kernel in fast)
        lost.append(point[chosen][1] / least - 1)
        wins += min(seconds for kernel, (_, seconds) in point.items() if kernel not in best_isa) < least
    print(f"the choice among AVX-512 kernels loses {np.mean(lost):.1%} on average, {max(lost):.1%} at worst")
    print(f"a kernel below AVX-512 is faster in {wins} of {len(grid)} shapes")

    terms_count = len(rows[0][1])
    lines = [
        f"// Written by python -m benchmarks.fit_costs: cycles at {options.ghz:g} GHz of"
        f" {machine_card()['processor']} ({_core.default_isa()}).",
        "// A row per layout, in the order of ConvLayout; a column per term (ConvTerms).",
        f"constexpr double kCyclesPerTerm[{len(rows)}][{terms_count}] = {{",
        *(
            "    {" + ", ".join(f"{c:.4g}" for c in costs) + "},"
            for _, costs in sorted(rows, key=lambda row: row[0])
        ),
        "};",
    ]
    COSTS.write_text("\n".join(lines) + "\n")
    step_costs.write(options.ghz, str(machine_card()["processor"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
