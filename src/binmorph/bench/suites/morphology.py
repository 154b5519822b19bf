"""Binary morphology on packed bits beside OpenCV, SciPy, scikit-image and Leptonica.

"binmorph" works on packed images; "binmorph-arrays" takes and returns arrays of booleans, packing included;
packing and unpacking also have cases of their own. Peers get the form they like best (bytes; packed 1-bpp for
Leptonica). BINMORPH_BENCH_SIZES (default "512,2048,8192") limits the image sizes. SciPy and scikit-image are
left out beyond 2048 pixels and for disk31, where one call takes seconds. A peer that is not installed is
skipped aloud.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import binmorph
from binmorph import BitArray, _core, morphology

from ..case import Case, System
from ..leptonica import Leptonica

Array = np.ndarray[Any, Any]
Make = Callable[[Array, Array, str, int], System]

_RNG = np.random.default_rng(0)
ELEMENTS: dict[str, Array] = {
    "sq3": np.ones((3, 3), bool),
    "cross3": morphology.disk(1),
    "disk5": morphology.disk(2),
    "disk7": morphology.disk(3),
    "rnd7": _RNG.permutation(49).reshape(7, 7) < 25,
    "h21": np.ones((1, 21), bool),
    "v21": np.ones((21, 1), bool),
    "sq15": np.ones((15, 15), bool),
    "disk31": morphology.disk(15),
}
OPERATIONS = ("erosion", "dilation", "opening")
VERSION = f"{binmorph.__version__} {_core.default_isa()}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _ours(image: Array, cells: Array, operation: str, threads: int) -> System:
    run, bits, out = getattr(morphology, f"binary_{operation}"), BitArray.pack(image), BitArray.pack(image)
    return System("binmorph", VERSION, lambda: run(bits, cells, output=out, threads=threads))


def _ours_on_arrays(image: Array, cells: Array, operation: str, threads: int) -> System:
    run = getattr(morphology, f"binary_{operation}")
    return System("binmorph-arrays", VERSION, lambda: run(image, cells, threads=threads))


def _opencv(image: Array, cells: Array, operation: str, threads: int) -> System:
    import cv2

    cv2.setNumThreads(threads)
    pixels, out = image.astype(np.uint8) * 255, np.empty(image.shape, np.uint8)
    # OpenCV dilates by the element as it stands, SciPy by the reflected one.
    element, reflected = cells.astype(np.uint8), np.ascontiguousarray(cells[::-1, ::-1]).astype(np.uint8)
    constant = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}

    def call() -> Array:
        if operation == "erosion":
            return cv2.erode(pixels, element, dst=out, **constant)
        if operation == "dilation":
            return cv2.dilate(pixels, reflected, dst=out, **constant)
        return cv2.dilate(cv2.erode(pixels, element, dst=out, **constant), reflected, **constant)

    return System("opencv", cv2.__version__, call)


def _scipy(image: Array, cells: Array, operation: str, threads: int) -> System:
    import scipy
    from scipy import ndimage

    run = getattr(ndimage, f"binary_{operation}")
    return System("scipy", scipy.__version__, lambda: run(image, cells))


def _skimage(image: Array, cells: Array, operation: str, threads: int) -> System:
    skimage, theirs = importlib.import_module("skimage"), importlib.import_module("skimage.morphology")
    run = getattr(theirs, operation)  # on booleans; the functions called binary_* are deprecated
    return System("skimage", skimage.__version__, lambda: run(image, cells))


def _leptonica(image: Array, cells: Array, operation: str, threads: int) -> System:
    library = Leptonica.load()
    source, element = library.pix(image), library.sel(cells)
    return System("leptonica", library.version, lambda: library.run(operation, source, element))


def _result(system: System, image: Array) -> Array:
    out = system.call()
    if isinstance(out, BitArray):
        return out.unpack()
    if system.name == "leptonica":
        return Leptonica.load().bits(out, image.shape)
    return np.asarray(out) != 0


def _systems(image: Array, name: str, operation: str, threads: int) -> tuple[System, ...]:
    cells = ELEMENTS[name]
    slow = image.shape[0] > 2048 or name == "disk31"
    makers: list[Make] = [_ours, _ours_on_arrays, _opencv]
    makers += [] if slow else [_scipy, _skimage]
    makers += [_leptonica] if name != "disk31" else []
    systems: list[System] = []
    expected = None
    for make in makers:
        try:
            system = make(image, cells, operation, threads)
        except (ImportError, OSError) as error:
            _say(f"SKIPPED {make.__name__.strip('_')}: {error}")
            continue
        found = _result(system, image)
        expected = found if expected is None else expected
        # Libraries differ at the border (what lies outside), not inside.
        edge = 2 * max(cells.shape)
        inside = (slice(edge, -edge), slice(edge, -edge))
        if not np.array_equal(found[inside], expected[inside]):
            raise AssertionError(f"{system.name} differs from binmorph: {operation} {name} {image.shape}")
        systems.append(system)
    return tuple(systems)


def _packing(image: Array) -> Iterator[Case]:
    size = image.shape[0]
    bits = BitArray.pack(image)
    numpy_bits = np.packbits(image, axis=-1, bitorder="little")
    if not np.array_equal(np.asarray(bits).view(np.uint8).reshape(numpy_bits.shape), numpy_bits):
        raise AssertionError("packed bits differ from numpy's")
    yield Case(
        f"pack {size}",
        (
            System("binmorph", VERSION, lambda: BitArray.pack(image)),
            System("numpy", np.__version__, lambda: np.packbits(image, axis=-1, bitorder="little")),
        ),
        "numpy",
    )
    yield Case(
        f"unpack {size}",
        (
            System("binmorph", VERSION, bits.unpack),
            System("numpy", np.__version__, lambda: np.unpackbits(numpy_bits, axis=-1, bitorder="little")),
        ),
        "numpy",
    )


def _batch(threads: int) -> Iterator[Case]:
    images = _RNG.random((1000, 28, 28)) < 0.5
    sliced = BitArray.pack(images, "batch-sliced")
    for name, cells in (("sq5", np.ones((5, 5), bool)), ("disk5", morphology.disk(2))):
        for operation in OPERATIONS:
            run = getattr(morphology, f"binary_{operation}")
            peers = [_opencv(image, cells, operation, threads) for image in images]
            expected = np.stack([np.asarray(peer.call()) != 0 for peer in peers])

            def ours(run: Any = run, cells: Array = cells) -> BitArray:
                return run(sliced, cells, threads=threads)

            def arrays(run: Any = run, cells: Array = cells) -> Array:
                return run(images, cells, axes=(1, 2), threads=threads)

            def theirs(peers: list[System] = peers) -> None:
                for peer in peers:
                    peer.call()

            if not np.array_equal(ours().unpack(), expected) or not np.array_equal(arrays(), expected):
                raise AssertionError(f"binmorph differs from OpenCV: {operation} {name} 1000 x 28 x 28")
            yield Case(
                f"{operation} {name} 1000x28x28",
                (
                    System("binmorph", VERSION, ours),
                    System("binmorph-arrays", VERSION, arrays),
                    System("opencv", peers[0].version, theirs),
                ),
                "opencv",
                threads,
            )


def cases(threads: int) -> Iterator[Case]:
    """Every size, operation and element; then packing, and stacks of small images."""
    for size in map(int, os.environ.get("BINMORPH_BENCH_SIZES", "512,2048,8192").split(",")):
        image = _RNG.random((size, size)) < 0.5
        for operation in OPERATIONS:
            for name in ELEMENTS:
                systems = _systems(image, name, operation, threads)
                yield Case(f"{operation} {name} {size}", systems, "opencv", threads)
        yield from _packing(image)
    try:
        yield from _batch(threads)
    except ImportError as error:
        _say(f"SKIPPED stacks of small images: {error}")
