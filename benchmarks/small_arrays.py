"""Our morphology beside SciPy's on arrays from a few cells to 512 x 512: python -m benchmarks.small_arrays

Arrays of booleans in and out, one thread, results compared first. A line per call: SciPy's and our time in
microseconds (least of rounds that take turns) and how many times longer SciPy's is. The exit code is 1 if any
of ours is slower.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from binmorph import morphology

SHAPES = [(1,), (64,), (4096,), (8, 8), (64, 64), (512, 512), (4, 4, 4), (16, 16, 16), (2, 3, 4, 5)]
FUNCTIONS = [
    "binary_erosion",
    "binary_dilation",
    "binary_opening",
    "binary_closing",
    "binary_hit_or_miss",
    "binary_propagation",
    "binary_fill_holes",
]
ROUNDS, SECONDS = 7, 2e-3  # of a round on one side


def least(calls: tuple[Callable[[], Any], ...]) -> list[float]:
    """Seconds of each call, the sides taking turns."""
    best = [float("inf")] * len(calls)
    times = []
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(max(1, int(SECONDS / (time.perf_counter() - start))))
    for _ in range(ROUNDS):
        for side, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(times[side]):
                call()
            best[side] = min(best[side], (time.perf_counter() - start) / times[side])
    return best


def cases() -> Iterator[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """(title, SciPy's call, ours)"""
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        image = rng.random(shape) < 0.7
        for name in FUNCTIONS:
            theirs, ours = getattr(ndimage, name), getattr(morphology, name)
            for kind, structure in (("default", None), ("full", np.ones((3,) * len(shape), bool))):

                def call(
                    f: Callable[..., Any], image: Any = image, structure: Any = structure, name: str = name
                ) -> Any:
                    if name == "binary_propagation":
                        return f(image, structure, mask=image)
                    return f(image, structure)

                title = f"{name} {kind} {'x'.join(map(str, shape))}"
                yield title, lambda f=theirs, c=call: c(f), lambda f=ours, c=call: c(f)
    for rank in (1, 2, 3):
        yield (
            f"generate_binary_structure {rank}",
            lambda r=rank: ndimage.generate_binary_structure(r, 1),
            lambda r=rank: morphology.generate_binary_structure(r, 1),
        )
        cross = ndimage.generate_binary_structure(rank, 1)
        yield (
            f"iterate_structure {rank}",
            lambda c=cross: ndimage.iterate_structure(c, 3),
            lambda c=cross: morphology.iterate_structure(c, 3),
        )


def main() -> int:
    slower = 0
    for title, theirs, ours in cases():
        np.testing.assert_array_equal(ours(), theirs(), err_msg=title)
        a, b = least((theirs, ours))
        slower += b > a
        print(f"{title:44} scipy {1e6 * a:9.1f} us  binmorph {1e6 * b:8.1f} us  {a / b:6.1f}x", flush=True)
    print(f"{slower} slower than SciPy")
    return slower != 0


if __name__ == "__main__":
    sys.exit(main())
