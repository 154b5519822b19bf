"""Arrays that touch a page without access rights: one byte too far, and the process dies."""

from __future__ import annotations

import ctypes
import mmap
from types import TracebackType
from typing import Any, Literal

import numpy as np

Edge = Literal["end", "start"]

PATTERN = 0xA5
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_PROT_NONE = 0


class GuardPages:
    """Each array gets its own pages between two forbidden ones and lies flush against the one at ``edge``.

    What the array leaves of its pages is filled with a pattern, which ``assert_intact`` looks at.
    """

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self._maps: list[tuple[int, int]] = []
        self._slack: list[np.ndarray[Any, Any]] = []

    def __enter__(self) -> GuardPages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._slack.clear()
        for address, size in self._maps:
            _LIBC.munmap(address, size)

    def empty(self, size: int, dtype: Any) -> np.ndarray[Any, Any]:
        """An array filled with the pattern."""
        used = size * np.dtype(dtype).itemsize
        inner = max(1, -(-used // mmap.PAGESIZE)) * mmap.PAGESIZE
        total = inner + 2 * mmap.PAGESIZE
        address = _LIBC.mmap(
            None, total, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0
        )
        assert address not in (None, ctypes.c_void_p(-1).value), "mmap failed"
        self._maps.append((address, total))
        for forbidden in (address, address + total - mmap.PAGESIZE):
            assert _LIBC.mprotect(forbidden, mmap.PAGESIZE, _PROT_NONE) == 0
        pages = np.ctypeslib.as_array((ctypes.c_uint8 * inner).from_address(address + mmap.PAGESIZE))
        pages[:] = PATTERN
        split = inner - used if self.edge == "end" else used
        self._slack.append(pages[:split] if self.edge == "end" else pages[split:])
        return (pages[split:] if self.edge == "end" else pages[:split]).view(dtype)

    def place(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        array = self.empty(values.size, values.dtype)
        array[:] = values.ravel()
        return array

    def assert_intact(self) -> None:
        for slack in self._slack:
            assert (slack == PATTERN).all(), "a kernel wrote outside its array"
