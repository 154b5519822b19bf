"""Binary morphology on images: ours and the libraries, each on the form that it likes best."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

import binmorph
from binmorph import BitArray, _core, morphology

from ..contest import Absent, System
from .leptonica import Leptonica
from .leptonica_generated import GeneratedLeptonica

Bits = npt.NDArray[np.bool_]
Make = Callable[[Bits, Bits, str, int], System]
"""(image, structuring element, "erosion" | "dilation" | "opening", threads) to a system."""


def version() -> str:
    """Ours."""
    return f"{binmorph.__version__} {_core.default_isa()}"


def ours(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    run, bits, out = getattr(morphology, f"binary_{operation}"), BitArray.pack(image), BitArray.pack(image)

    def call() -> Any:
        return run(bits, cells, output=out, threads=threads)

    def output() -> Bits:
        call()
        return out.unpack()

    return System("binmorph", version(), call, output, f"{threads} threads, packed in and out")


def ours_on_arrays(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    run, out = getattr(morphology, f"binary_{operation}"), np.empty_like(image)  # OpenCV has its own, too

    def call() -> Any:
        return run(image, cells, output=out, threads=threads)

    return System("binmorph-arrays", version(), call, call, f"{threads} threads, arrays of booleans")


def opencv(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    cv2 = importlib.import_module("cv2")
    pixels, out = image.astype(np.uint8) * 255, np.empty(image.shape, np.uint8)
    # OpenCV dilates by the element as it stands, SciPy by the reflected one.
    element, reflected = cells.astype(np.uint8), np.ascontiguousarray(cells[::-1, ::-1]).astype(np.uint8)
    constant = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}

    def call() -> Any:
        cv2.setNumThreads(threads)
        if operation == "erosion":
            return cv2.erode(pixels, element, dst=out, **constant)
        if operation == "dilation":
            return cv2.dilate(pixels, reflected, dst=out, **constant)
        return cv2.dilate(cv2.erode(pixels, element, dst=out, **constant), reflected, **constant)

    return System("opencv", cv2.__version__, call, lambda: call() != 0, f"{threads} threads, bytes")


def scipy(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    run = getattr(importlib.import_module("scipy.ndimage"), f"binary_{operation}")
    found = importlib.import_module("scipy").__version__

    def call() -> Any:
        return run(image, cells)

    return System("scipy", found, call, call, "arrays of booleans")


def skimage(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    run = getattr(importlib.import_module("skimage.morphology"), operation)
    found = importlib.import_module("skimage").__version__
    # It dilates by the element as it stands, but opens by the reflected one, as SciPy does.
    footprint = np.ascontiguousarray(cells[::-1, ::-1]) if operation == "dilation" else cells

    def call() -> Any:  # on booleans; the functions called binary_* are deprecated
        return run(image, footprint)

    return System("skimage", found, call, lambda: np.asarray(call()) != 0, "arrays of booleans")


def leptonica(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    try:
        library = Leptonica.load()
    except OSError as error:
        raise Absent(str(error)) from error
    source, element = library.pix(image), library.sel(cells)

    def call() -> Any:
        return library.run(operation, source, element)

    def output() -> Bits:
        bits: Bits = library.bits(call(), image.shape)
        return bits

    return System("leptonica", library.version, call, output, "packed in and out, rasterop")


@lru_cache(maxsize=16)
def _compiled(cells: bytes, shape: tuple[int, int]) -> GeneratedLeptonica:
    try:
        return GeneratedLeptonica(np.frombuffer(cells, np.bool_).reshape(shape))
    except OSError as error:
        raise Absent(str(error)) from error


def leptonica_generated(image: Bits, cells: Bits, operation: str, threads: int) -> System:
    library = _compiled(cells.tobytes(), (cells.shape[0], cells.shape[1]))
    call, unpacked = library.system(image, operation)

    def output() -> Bits:
        call()
        return unpacked()

    return System("leptonica-generated", library.version, call, output, "packed in and out, border kept")


FAST: dict[str, Make] = {"binmorph": ours, "binmorph-arrays": ours_on_arrays, "opencv": opencv}
SLOW: dict[str, Make] = {"scipy": scipy, "skimage": skimage}
