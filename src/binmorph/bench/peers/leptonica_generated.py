"""Leptonica's generated code: a C function for an element and operation, compiled for this machine.

``fmorphautogen2`` of the shared library writes the body of each function (all words of the element in one
expression) between the parts of a template, which is ours: it adds ``restrict``, without which compilers do
not vectorise the loop. Images keep a border of 32 pixels, so that nothing is copied around a call: the
fastest way to run this code.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .leptonica import Leptonica

Array = np.ndarray[Any, Any]
_BORDER = 32  # pixels: one word
_DILATE, _ERODE = 0, 1  # of the first element
_ARGUMENTS = "l_int32 w, l_int32 h, l_int32 wpld, l_uint32 *datas, l_int32 wpls)"
_TEMPLATE = f"""
#include <stdint.h>
typedef int32_t l_int32;
typedef uint32_t l_uint32;
/*
--
 *
--
*/
-- prototypes
/*
--
*/
l_int32
--
{_ARGUMENTS[:-1]}, l_int32 index)
{{
switch (index) {{
-- cases
}}
return 0;
}}
-- functions
{_ARGUMENTS}
{{
l_int32 i, j;
-- row distances
for (i = 0; i < h; i++) {{
const l_uint32 *sptr = datas + i * wpls;
l_uint32 *restrict dptr = datad + i * wpld;
for (j = 0; j < (w + 31) / 32; j++, sptr++, dptr++) {{
-- expression
}}
}}
}}
"""


class GeneratedLeptonica:
    """Erosion, dilation and opening by one element; OSError without the library or a C compiler."""

    def __init__(self, cells: Array) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise OSError("no C compiler for Leptonica's generated code")
        with tempfile.TemporaryDirectory() as folder:
            source = _generate(Path(folder), cells)
            options = ["-O3", "-march=native", "-fPIC", "-shared", "-w"]
            library = Path(folder) / "generated.so"
            subprocess.run([compiler, *options, str(source), "-o", str(library)], check=True)
            self._run = ctypes.CDLL(str(library)).fmorphopgen_low_1
        pointer, number = ctypes.c_void_p, ctypes.c_int
        self._run.argtypes = [pointer, number, number, number, pointer, number, number]
        self.version = f"{Leptonica.load().version} generated, cc -O3 -march=native, restrict"

    def system(self, image: Array, operation: str) -> tuple[Callable[[], object], Callable[[], Array]]:
        """The operation on the packed image, and a function that unpacks its result."""
        height, width = image.shape
        source, middle, result = (_bordered(height, width) for _ in range(3))
        inside = (slice(_BORDER, -_BORDER), slice(1, -1))
        lines = np.zeros((height, 4 * (source.shape[1] - 2)), np.uint8)
        packed = np.packbits(image, axis=1)  # most significant bit first in 32-bit words
        lines[:, : packed.shape[1]] = packed
        source[inside] = lines.view(">u4")

        def arguments(to: Array, of: Array, index: int) -> tuple[int, ...]:
            line = of.shape[1]
            start = 4 * (_BORDER * line + 1)
            return to.ctypes.data + start, width, height, line, of.ctypes.data + start, line, index

        steps = {
            "erosion": [arguments(result, source, _ERODE)],
            "dilation": [arguments(result, source, _DILATE)],
            "opening": [arguments(middle, source, _ERODE), arguments(result, middle, _DILATE)],
        }[operation]
        run = self._run

        def work(keep: tuple[Array, ...] = (source, middle, result)) -> None:  # alive while it can be called
            for step in steps:
                run(*step)

        def unpacked() -> Array:
            words = np.ascontiguousarray(result[inside]).astype(">u4")
            bits: Array = np.unpackbits(words.view(np.uint8), axis=1)[:, :width].astype(bool)
            return bits

        return work, unpacked


def _bordered(height: int, width: int) -> Array:
    return np.zeros((height + 2 * _BORDER, -(-width // 32) + 2), np.uint32)


def _generate(folder: Path, cells: Array) -> Path:
    (folder / "morphtemplate2.txt").write_text(_TEMPLATE, encoding="ascii")
    before = Path.cwd()
    os.chdir(folder)  # the library looks for the template, and writes, where the process is
    try:
        Leptonica.load().generate(cells)
    finally:
        os.chdir(before)
    source = folder / "fmorphgenlow.1.c"
    if not source.is_file():
        raise OSError("Leptonica wrote no code")
    return source
