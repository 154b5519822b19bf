"""Packed morphology on the device beside CuPy's and torch's, and the rate at which the memory copies.

An image of n pixels is n / 8 bytes in and n / 8 bytes out; the share of the copy rate says how close to free
the work is. Images below some 10^8 pixels stay in the L2 cache.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

import binmorph
from binmorph import BitArray, _core, morphology

from .part import Part, torch_cuda, torch_times

ELEMENTS = {
    "3x3": np.ones((3, 3), bool),
    "cross": morphology.disk(1),
    "disk5": morphology.disk(2),
    "17x17": np.ones((17, 17), bool),
}
SIZES = (4096, 16384, 65536)


def _points(element: Any) -> list[tuple[int, int]]:
    top, left = (n // 2 for n in element.shape)
    return [(int(y) - top, int(x) - left) for y, x in np.argwhere(element)]


def _ours(part: Part, size: int, name: str) -> None:
    element = ELEMENTS[name]
    rng = np.random.default_rng(size)
    row = -(-size // 64)
    words = rng.integers(0, 2**64, (1, size, row), np.uint64) | rng.integers(
        0, 2**64, (1, size, row), np.uint64
    )
    points = _points(element)
    result, times = _core.cuda.morphology2d(0, words, size, points, len(points), True, part.rounds)
    if size <= 16384:
        expected = binmorph.morphology.binary_erosion(
            BitArray(words, (1, size, size), "row-packed"), element[None], border_value=1
        )
        if not np.array_equal(result, expected._words):
            raise AssertionError("differs from the CPU")
    median = float(np.median(times))
    copies = _core.cuda.copy_times(0, words.nbytes, part.rounds)
    share = float(np.median(copies)) / median
    rate = f"{1e-6 * size * size / median:.0f} Gpx/s, {100 * share:.0f} % of the copy rate"
    part.record(f"erosion {name} {size}^2", "binmorph-cuda_simt", times, rate=rate)


def _cupy(part: Part, cupy: Any, size: int, name: str) -> None:
    ndimage = importlib.import_module("cupyx.scipy.ndimage")
    image = cupy.random.random((size, size), dtype=cupy.float32) < 0.75
    element = cupy.asarray(ELEMENTS[name])
    times = []
    for _ in range(part.rounds + 1):
        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
        begin.record()
        ndimage.binary_erosion(image, element, border_value=1)
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(begin, end))
    rate = f"{1e-6 * size * size / float(np.median(times[1:])):.1f} Gpx/s"
    part.record(f"erosion {name} {size}^2", "cupy", times[1:], rate=rate, version=cupy.__version__)


def _torch(part: Part, torch: Any, size: int, name: str) -> None:
    """Erosion as a maximum of what is left over, in half precision: squares only."""
    element = ELEMENTS[name]
    if not element.all():
        return
    x = (torch.rand(1, 1, size, size, device="cuda") < 0.25).half()
    kernel = element.shape[0]
    call = lambda: torch.nn.functional.max_pool2d(x, kernel, 1, kernel // 2)  # noqa: E731
    times = torch_times(torch, call, part.rounds, repeats=3)
    rate = f"{1e-6 * size * size / float(np.median(times)):.1f} Gpx/s"
    part.record(f"erosion {name} {size}^2", "torch-max_pool2d", times, rate=rate, version=torch.__version__)


def main() -> int:
    """Write morphology.jsonl; 0 if every piece ran."""
    part = Part.from_arguments("morphology")
    torch = None if part.dry else torch_cuda()
    cupy = None
    if not part.dry:
        try:
            cupy = importlib.import_module("cupy")
        except ImportError:
            print("  cupy: absent")
    for size in (130,) if part.dry else SIZES:
        for name in ELEMENTS:
            part.attempt(f"{name} ours", lambda size=size, name=name: _ours(part, size, name))
            if cupy is not None and size <= 16384:
                part.attempt(f"{name} cupy", lambda size=size, name=name: _cupy(part, cupy, size, name))
            if torch is not None and size <= 16384:
                part.attempt(f"{name} torch", lambda size=size, name=name: _torch(part, torch, size, name))
                torch.cuda.empty_cache()  # type: ignore[attr-defined]
    return min(1, part.failures)


if __name__ == "__main__":
    sys.exit(main())
