"""Torch module to packed file: trace, match, lower, verify, publish, report."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..summary import LayerReport
from .checks import EndToEnd, FloatCheck, LayerCheck, OutputCheck, ProbeCheck
from .publish import export
from .report import ExportReport
from .verification import verify
from .verify_report import VerifyReport

__all__ = [
    "EndToEnd",
    "ExportReport",
    "FloatCheck",
    "LayerCheck",
    "LayerReport",
    "OutputCheck",
    "ProbeCheck",
    "VerifyReport",
    "export",
    "verify",
]


class _CallablePackage(ModuleType):
    """``binmorph.export`` is the public function and also this package, whichever was looked up first:
    importing a submodule binds the package over the function. Calling the package calls the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> ExportReport:
        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
