"""The machine card that goes with every result."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import binmorph
from binmorph import _core
from binmorph.devices import processor

PACKAGES = (
    *(
        "numpy",
        "torch",
        "onnxruntime",
        "openvino",
        "larq-compute-engine",
        "difflogic",
        "scipy",
        "scikit-image",
    ),
    *("opencv-python", "opencv-python-headless", "cupy-cuda12x", "cupy-cuda13x", "cucim"),
)
FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def machine_card() -> dict[str, object]:
    """Processor, cores, instruction sets, clock, memory, versions: what a figure was measured on."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "isas": [name for name, supported in _core.isas().items() if supported],
        "isa": _core.default_isa(),
        "memory_bytes": _memory(),
        "governor": _first_line(FREQUENCY / "scaling_governor"),
        "clock_mhz": _clock(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "binmorph": binmorph.__version__,
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").splitlines()[0]
    except (OSError, IndexError):
        return None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _clock() -> float | None:
    """MHz as the system states it for the first core; virtual machines may state a nominal one."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return float(next(line.partition(":")[2] for line in lines if line.startswith("cpu MHz")))
    except (OSError, StopIteration, ValueError):
        return None
