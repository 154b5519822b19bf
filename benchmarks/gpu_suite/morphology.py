"""Packed morphology on the device beside CuPy's and torch's, and the rate at which the memory copies.

An image of n pixels is n / 8 bytes in and n / 8 bytes out; the share of the copy rate says how close to free
the work is. Images below some 10^8 pixels stay in the L2 cache.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import numpy as np

from binmorph import BitArray, _core, morphology

from .part import Part, torch_cuda, torch_times

ELEMENTS = {
    "3x3": np.ones((3, 3), bool),
    "cross": morphology.disk(1),
    "disk5": morphology.disk(2),
    "17x17": np.ones((17, 17), bool),
}
SIZES = (512, 4096, 16384, 65536)


# What is timed beside the erosion by each element: (name, element, stages as "is a dilation").
CHAINS = (
    ("opening 3x3", "3x3", (False, True)),
    ("4 erosions 3x3", "3x3", (False,) * 4),
    ("8 erosions 3x3", "3x3", (False,) * 8),
    ("4 erosions cross", "cross", (False,) * 4),
    ("opening 17x17", "17x17", (False, True)),
)


def _image(size: int) -> BitArray:
    rng = np.random.default_rng(size)
    words = rng.integers(0, 2**64, (size, -(-size // 64)), np.uint64)
    words |= rng.integers(0, 2**64, words.shape, np.uint64)
    if size % 64:
        words[:, -1] &= np.uint64((1 << size % 64) - 1)
    return BitArray.from_words(words, (size, size))


def _ours(part: Part, bits: BitArray, case: str, name: str, stages: tuple[bool, ...]) -> None:
    size, on_device, element = bits.shape[0], bits.to("cuda"), ELEMENTS[name]
    if size <= 16384:
        result, expected = on_device, bits
        for dilate in stages:
            operation = morphology.binary_dilation if dilate else morphology.binary_erosion
            result, expected = (operation(x, element, border_value=1) for x in (result, expected))
        if result.cpu() != expected:
            raise AssertionError("differs from the CPU")
    centre = np.array(element.shape) // 2
    plan = _core.morphology.Element((np.argwhere(element) - centre).astype(np.int32))
    steps = [(plan, dilate, True, None) for dilate in stages]
    times = _core.cuda.time_stages(steps, (1, size, size), on_device._words, part.rounds, 0)
    median = float(np.median(times))
    copies = _core.cuda.copy_times(0, bits.nbytes, part.rounds)
    share = float(np.median(copies)) / median
    rate = f"{1e-6 * size * size / median:.0f} Gpx/s, {100 * share:.0f} % of the copy rate"
    part.record(f"{case} {size}^2", "binmorph-cuda", times, rate=rate)


def _calls(part: Part, bits: BitArray) -> None:
    """What a caller waits for, by the host's clock: operations that have no time of their own."""
    size, on_device = bits.shape[0], bits.to("cuda")
    operations = {
        "majority 3x3": lambda x: morphology.majority(x, ELEMENTS["3x3"]),
        "hit-or-miss 3x3": lambda x: morphology.binary_hit_or_miss(x, ELEMENTS["cross"]),
        "thin, 4 iterations": lambda x: morphology.thin(x, 4),
    }
    for name, operation in operations.items():
        result = operation(on_device)
        if size <= 4096 and result.cpu() != operation(bits):
            raise AssertionError(f"{name} differs from the CPU")
        times = []
        for _ in range(part.rounds):
            begin = time.perf_counter()
            for _ in range(10):
                result = operation(on_device)
            _core.cuda.equal(result._words, result._words, 0)  # waits
            times.append(100 * (time.perf_counter() - begin))
        part.record(f"{name} {size}^2", "binmorph-cuda-call", times)


def _cupy(part: Part, cupy: Any, size: int, case: str, name: str, stages: tuple[bool, ...]) -> None:
    ndimage = importlib.import_module("cupyx.scipy.ndimage")
    image = cupy.random.random((size, size), dtype=cupy.float32) < 0.75
    element = cupy.asarray(ELEMENTS[name])
    times = []
    for _ in range(part.rounds + 1):
        begin, end, result = cupy.cuda.Event(), cupy.cuda.Event(), image
        begin.record()
        for dilate in stages:
            operation = ndimage.binary_dilation if dilate else ndimage.binary_erosion
            result = operation(result, element, border_value=1)
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(begin, end))
    rate = f"{1e-6 * size * size / float(np.median(times[1:])):.1f} Gpx/s"
    part.record(f"{case} {size}^2", "cupy", times[1:], rate=rate, version=cupy.__version__)


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
        bits = _image(size)
        cases = [*((f"erosion {name}", name, (False,)) for name in ELEMENTS), *CHAINS]
        for case in cases:
            part.attempt(f"{case[0]} ours", lambda bits=bits, case=case: _ours(part, bits, *case))
        part.attempt("calls", lambda bits=bits: _calls(part, bits))
        for case in cases:
            if cupy is not None and size * len(case[2]) <= 16384:
                part.attempt(f"{case[0]} cupy", lambda size=size, case=case: _cupy(part, cupy, size, *case))
        for name in ELEMENTS:
            if torch is not None and size <= 16384:
                part.attempt(f"{name} torch", lambda size=size, name=name: _torch(part, torch, size, name))
                torch.cuda.empty_cache()  # type: ignore[attr-defined]
    return min(1, part.failures)


if __name__ == "__main__":
    sys.exit(main())
