"""The machine card that goes with every result."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import binmorph
from binmorph import _core


def machine_card() -> dict[str, object]:
    """Processor, cores, instruction sets, versions: enough to say what a figure was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "isas": [name for name, supported in _core.isas().items() if supported],
        "isa": _core.default_isa(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "binmorph": binmorph.__version__,
    }
