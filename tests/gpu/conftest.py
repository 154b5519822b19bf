"""Networks on a GPU: on the emulated driver, or on hardware with BINMORPH_TEST_GPU=hardware.

The library of the driver is opened once per process, at its first use, which may be in a test of another
folder: so it is named, and built if it must be, when the tests are collected.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from emulated_build import HARDWARE, build

EMULATED = None if HARDWARE or shutil.which("c++") is None else build()
if EMULATED is not None:
    os.environ["BINMORPH_LIBCUDA"] = str(EMULATED)


class Emulator:
    """What a test may ask of the emulated driver: errors to return, things to count."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self._library.emulator_get.restype = ctypes.c_long
        self._library.emulator_allocated.restype = ctypes.c_long
        self._library.emulator_set.argtypes = [ctypes.c_char_p, ctypes.c_long]
        self._library.emulator_get.argtypes = [ctypes.c_char_p]
        self._changed: dict[str, int] = {}
        self.path = path

    def set(self, key: str, value: int) -> None:
        self._changed.setdefault(key, self.get(key))
        self._library.emulator_set(key.encode(), value)

    def get(self, key: str) -> int:
        return int(self._library.emulator_get(key.encode()))

    @property
    def allocated(self) -> int:
        return int(self._library.emulator_allocated())

    def restore(self) -> None:
        for key, value in self._changed.items():
            self._library.emulator_set(key.encode(), value)
        self._changed.clear()


@pytest.fixture(scope="session", autouse=True)
def device_library() -> Path | None:
    """The emulated driver; None on hardware."""
    if EMULATED is None and not HARDWARE:
        pytest.skip("no C++ compiler here: networks on the GPU are NOT tested")
    return EMULATED


@pytest.fixture
def emulator(device_library: Path | None) -> Iterator[Emulator]:
    if device_library is None:
        pytest.skip("this needs the emulated driver")
    made = Emulator(device_library)
    yield made
    made.restore()
