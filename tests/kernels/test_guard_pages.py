"""The guard pages guard: without this, the tests that rely on them would pass on any kernel."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from guard_pages import GuardPages

ONE_BYTE_TOO_FAR = """
import ctypes, sys
sys.path.insert(0, {folder!r})
from guard_pages import GuardPages
with GuardPages({edge!r}) as pages:
    array = pages.empty(100, "u1")
    outside = array.ctypes.data + (100 if {edge!r} == "end" else -1)
    if {write}:
        ctypes.memset(outside, 0, 1)
    else:
        ctypes.string_at(outside, 1)
"""


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("edge", ["end", "start"])
def test_one_byte_too_far_kills_the_process(edge, write):
    code = ONE_BYTE_TOO_FAR.format(folder=str(Path(__file__).parent), edge=edge, write=write)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGSEGV


@pytest.mark.parametrize("edge", ["end", "start"])
def test_a_write_on_the_open_side_is_noticed(edge):
    with GuardPages(edge) as pages:
        pages.empty(100, np.uint8)
        pages.assert_intact()
        pages._slack[0][-1 if edge == "end" else 0] = 0
        with pytest.raises(AssertionError, match="outside"):
            pages.assert_intact()
