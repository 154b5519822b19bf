"""Binary morphology on images that lie on a GPU: ours on packed bits, CuPy and cuCIM on booleans.

A call ends when the GPU has finished. Ours is waited for by comparing the result with itself, which reads its
bits once more.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from binmorph import BitArray, morphology
from binmorph.errors import DeviceError

from ..contest import Absent, System
from .images import Make, version

Bits = npt.NDArray[np.bool_]


def ours(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    """Raises Absent without a GPU."""
    run = getattr(morphology, f"binary_{operation}")
    try:
        bits = BitArray.pack(image).to("cuda")
    except DeviceError as error:
        raise Absent(str(error)) from error

    def call() -> Any:
        out = run(bits, cells)
        assert out == out
        return out

    return System("binmorph-cuda", version(), call, lambda: call().unpack(), "packed on the GPU")


def _library(name: str, module: str, image: Bits, cells: Bits, operation: str) -> System:
    arrays = importlib.import_module("cupy")
    run = getattr(importlib.import_module(module), f"binary_{operation}")
    pixels, element = arrays.asarray(image), arrays.asarray(cells)

    def call() -> Any:
        out = run(pixels, element)
        arrays.cuda.get_current_stream().synchronize()
        return out

    found = importlib.import_module(name).__version__
    return System(name, found, call, lambda: arrays.asnumpy(call()) != 0, "booleans on the GPU")


def cupy(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    """Raises ImportError without CuPy."""
    return _library("cupy", "cupyx.scipy.ndimage", image, cells, operation)


def cucim(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    """Raises ImportError without cuCIM."""
    return _library("cucim", "cucim.skimage.morphology", image, cells, operation)


ON_GPU: dict[str, Make] = {"binmorph-cuda": ours, "cupy": cupy, "cucim": cucim}
