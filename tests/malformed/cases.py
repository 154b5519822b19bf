"""Named malformed files: each breaks one rule, and maps to one error class and a part of its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from container_cases import CONTAINER
from graph_cases import GRAPH

from binmorph.errors import BinmorphError


class Case(NamedTuple):
    """``make`` returns the file; loading it must raise ``error`` itself, not a subclass, saying ``says``."""

    name: str
    make: Callable[[], bytes]
    error: type[BinmorphError]
    says: str


CASES = [Case(*case) for case in (*CONTAINER, *GRAPH)]
