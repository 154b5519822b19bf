"""binmorph: run binary and morphological networks as fast as the hardware allows, bit for bit.

    report = binmorph.export(module, example_input, "net.bmorph")   # needs the extra "train" (torch)
    net = binmorph.load("net.bmorph")
    y = net(x)

Nothing here imports torch until ``export``, ``verify`` or ``nn`` is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors
from ._core import __version__
from .bits import BitArray
from .errors import BinmorphError
from .runtime import PackedModel, load

if TYPE_CHECKING:
    from . import nn
    from .export import ExportReport, VerifyReport, export, verify

__all__ = [
    "BinmorphError",
    "BitArray",
    "ExportReport",
    "PackedModel",
    "VerifyReport",
    "__version__",
    "errors",
    "export",
    "load",
    "nn",
    "verify",
]

_NEEDS_TORCH = {"nn", "export", "verify", "ExportReport", "VerifyReport"}


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module 'binmorph' has no attribute {name!r}")
    module = importlib.import_module(".nn" if name == "nn" else ".export", __name__)
    value = module if name == "nn" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
