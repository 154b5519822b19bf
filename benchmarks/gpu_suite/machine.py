"""What the machine is, as everything else was measured on it, and how fast its memory copies."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from importlib import metadata

from binmorph import _core
from binmorph.bench.machine import machine_card
from binmorph.devices import describe_devices, device_report

from .part import Part

QUERY = "name,driver_version,memory.total,clocks.sm,clocks.mem,clocks.max.sm,power.limit,temperature.gpu"


def main() -> None:
    """Write machine.json."""
    part = Part.from_arguments("machine")
    devices = describe_devices()
    print(device_report(devices))
    card: dict[str, object] = {**machine_card(), "devices": devices, "dry_run": part.dry}
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv"]
        card["nvidia-smi"] = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    versions = {}
    for package in (
        "numpy",
        "torch",
        "cupy-cuda13x",
        "cupy-cuda12x",
        "scipy",
        "scikit-image",
        "opencv-python-headless",
    ):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    card["packages"] = versions
    sizes = (1 << 16,) if part.dry else (1 << 25, 1 << 30)
    card["copy_gb_per_s"] = {
        size: 2e-6 * size / statistics.median(_core.cuda.copy_times(0, size, part.rounds)) for size in sizes
    }
    print(f"  copies, GB/s read and written, by bytes: {card['copy_gb_per_s']}")
    (part.out / "machine.json").write_text(json.dumps(card, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
