"""A pytest plugin that puts our functions in place of SciPy's, for SciPy's own tests."""

from __future__ import annotations

import functools
import os
from collections import Counter
from pathlib import Path

from scipy import ndimage

from binmorph import morphology

REPLACED = [
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_fill_holes",
    "binary_hit_or_miss",
    "binary_opening",
    "binary_propagation",
    "generate_binary_structure",
    "iterate_structure",
]
_calls = Counter(dict.fromkeys(REPLACED, 0))

try:  # SciPy from 1.16 looks every tested function up in a table of array libraries
    from scipy._lib._array_api import xp_capabilities_table as _table
except ImportError:
    _table = {}


def _counted(name):
    function = getattr(morphology, name)

    @functools.wraps(function)
    def call(*args, **kwargs):
        _calls[name] += 1
        return function(*args, **kwargs)

    return call


for _name in REPLACED:
    _theirs, _ours = getattr(ndimage, _name), _counted(_name)
    if _theirs in _table:
        _table[_ours] = _table[_theirs]
    setattr(ndimage, _name, _ours)


def pytest_sessionfinish():
    Path(os.environ["BINMORPH_SUITE_REPORT"]).write_text("".join(f"{n} {c}\n" for n, c in _calls.items()))
