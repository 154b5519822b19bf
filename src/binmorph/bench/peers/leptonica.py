"""Leptonica (1-bpp rasterop morphology) through ctypes, for the suite morphology."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_HIT = 1
_COPY = 1


class Leptonica:
    """The shared library of the system; OSError if there is none."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("lept") or ctypes.util.find_library("leptonica")
        if name is None:
            raise OSError("no shared library of Leptonica (Debian: libleptonica-dev)")
        self._lib = lib = ctypes.CDLL(name)
        pointer, number = ctypes.c_void_p, ctypes.c_int
        lib.getLeptonicaVersion.restype = ctypes.c_char_p
        self.version = lib.getLeptonicaVersion().decode()
        for function, result, arguments in (
            ("pixCreate", pointer, [number] * 3),
            ("pixGetData", ctypes.POINTER(ctypes.c_uint32), [pointer]),
            ("pixGetWpl", number, [pointer]),
            ("selCreate", pointer, [number, number, ctypes.c_char_p]),
            ("selSetElement", number, [pointer, number, number, number]),
            ("selSetOrigin", number, [pointer, number, number]),
            ("pixErode", pointer, [pointer] * 3),
            ("pixDilate", pointer, [pointer] * 3),
            ("pixOpen", pointer, [pointer] * 3),
            ("selaCreate", pointer, [number]),
            ("selaAddSel", number, [pointer, pointer, ctypes.c_char_p, number]),
            ("fmorphautogen2", number, [pointer, number, ctypes.c_char_p]),
        ):
            call = getattr(lib, function)
            call.restype, call.argtypes = result, arguments
        self._out: dict[tuple[int, int], Any] = {}

    @staticmethod
    @cache
    def load() -> Leptonica:
        """One library for the process."""
        return Leptonica()

    def _words(self, pix: Any, height: int) -> Array:
        per_line = self._lib.pixGetWpl(pix)
        return np.ctypeslib.as_array(self._lib.pixGetData(pix), (height, per_line))

    def pix(self, image: Array) -> Any:
        """A PIX of the image: most significant bit first in 32-bit words."""
        height, width = image.shape
        pix = self._lib.pixCreate(width, height, 1)
        words = self._words(pix, height)
        lines = np.zeros((height, 4 * words.shape[1]), np.uint8)
        packed = np.packbits(image, axis=1)
        lines[:, : packed.shape[1]] = packed
        words[:] = lines.view(">u4")
        return pix, (height, width)

    def sel(self, cells: Array) -> Any:
        """A SEL with its origin at the centre."""
        height, width = cells.shape
        sel = self._lib.selCreate(height, width, None)
        self._lib.selSetOrigin(sel, height // 2, width // 2)
        for y, x in np.argwhere(cells):
            self._lib.selSetElement(sel, int(y), int(x), _HIT)
        return sel

    def generate(self, cells: Array) -> None:
        """Writes a dilation and an erosion by the element as C to a file in the working directory."""
        sela = self._lib.selaCreate(1)
        self._lib.selaAddSel(sela, self.sel(cells), b"element", _COPY)
        self._lib.fmorphautogen2(sela, 1, None)

    def run(self, operation: str, source: Any, sel: Any) -> Any:
        """The result, in a PIX that the next call of the same size uses again."""
        pix, shape = source
        if shape not in self._out:
            self._out[shape] = self._lib.pixCreate(shape[1], shape[0], 1)
        name = {"erosion": "pixErode", "dilation": "pixDilate", "opening": "pixOpen"}[operation]
        return getattr(self._lib, name)(self._out[shape], pix, sel)

    def bits(self, pix: Any, shape: tuple[int, ...]) -> Array:
        """The image of a PIX."""
        words = self._words(pix, shape[0]).astype(">u4")
        return np.unpackbits(words.view(np.uint8), axis=1)[:, : shape[1]].astype(bool)
