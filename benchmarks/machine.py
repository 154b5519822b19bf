"""The machine card that goes with every result."""

from __future__ import annotations

import os
import platform

import binmorph
from binmorph import _core
from binmorph.devices import processor


def machine_card() -> dict[str, object]:
    """Processor, cores, instruction sets, versions: enough to say what a figure was measured on."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "isas": [name for name, supported in _core.isas().items() if supported],
        "isa": _core.default_isa(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "binmorph": binmorph.__version__,
    }
