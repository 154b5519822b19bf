"""binmorph: run binary and morphological networks as fast as the hardware allows, bit for bit.

    report = binmorph.export(module, example_input, "net.bmorph")   # needs the extra "train" (torch)
    net = binmorph.load("net.bmorph")
    y = net(x)

    cleaned = binmorph.morphology.binary_opening(image)             # SciPy's functions, on packed bits

Nothing here imports torch until ``export``, ``verify`` or ``nn`` is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors
from ._core import __version__
from .bits import BitArray
from .device_bits import DeviceBitArray
from .errors import BinmorphError
from .runtime import PackedModel, load

if TYPE_CHECKING:
    from . import morphology, nn
    from .export import ExportReport, VerifyReport, export, verify

__all__ = [
    "BinmorphError",
    "BitArray",
    "DeviceBitArray",
    "ExportReport",
    "PackedModel",
    "VerifyReport",
    "__version__",
    "errors",
    "export",
    "load",
    "morphology",
    "nn",
    "verify",
]

_SUBMODULES = {"morphology", "nn"}
_IN_EXPORT = {"export", "verify", "ExportReport", "VerifyReport"}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        value: Any = importlib.import_module(f".{name}", __name__)
    elif name in _IN_EXPORT:
        value = getattr(importlib.import_module(".export", __name__), name)
    else:
        raise AttributeError(f"module 'binmorph' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
