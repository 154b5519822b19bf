"""What this machine has to run networks on, and why not when not."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from . import _core


def processor() -> str:
    """The processor's name, as the system knows it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe_devices() -> dict[str, Any]:
    """The processor with its instruction sets, the CUDA driver, each GPU, and the kernels of this build.

    ``cuda.problem`` says why no GPU can be used, ``cuda.devices[i].problem`` why one cannot; "" when it can.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = _core.cuda.describe()
    version = found["version"]
    return {
        "cpu": {
            "name": processor(),
            "cores": cores,
            "isas": [name for name, supported in _core.isas().items() if supported],
            "isa": _core.default_isa(),
        },
        "cuda": {
            "library": found["library"],
            "driver": f"{version // 1000}.{version % 1000 // 10}" if version else None,
            "problem": found["problem"],
            "devices": found["devices"],
            "kernels": {
                "nvcc": found["compiler"],
                "architectures": found["architectures"].split(),
                "sources": found["sources"],
                "reason": found["reason"],
            },
        },
    }


def device_report(found: dict[str, Any]) -> str:
    """What :func:`describe_devices` found, as text."""
    cpu, cuda = found["cpu"], found["cuda"]
    lines = [f"cpu: {cpu['name']}, {cpu['cores']} cores, {cpu['isa']} (of {', '.join(cpu['isas'])})"]
    kernels = cuda["kernels"]
    if kernels["sources"]:
        lines.append(f"cuda kernels: by nvcc {kernels['nvcc']} for {' '.join(kernels['architectures'])}")
    else:
        lines.append(f"cuda kernels: this build has none; {kernels['reason']}")
    if cuda["problem"]:
        lines.append(f"cuda: not available: {cuda['problem']}")
        return "\n".join(lines)
    lines.append(f"cuda: {cuda['library']} for CUDA {cuda['driver']}")
    for number, device in enumerate(cuda["devices"]):
        name = f"cuda:{number}: "
        if "name" in device:
            memory = device["memory"] / 2**30
            name += f"{device['name']}, sm_{device['sm']}, {device['multiprocessors']} SMs, {memory:.1f} GiB"
        if device["problem"]:
            name += f"{', ' if 'name' in device else ''}not usable: {device['problem']}"
        lines.append(name)
    return "\n".join(lines)
