"""Measured energy, where the machine offers it: RAPL, NVML, or a file that an external meter writes.

Every meter is a counter of joules. What it measures is the whole package, board or plug: idle power and
everything else that runs there included. Nothing is ever estimated: a meter that is not there is absent, with
the reason.

The file of an external meter is text, one reading per line, ``SECONDS JOULES``: the clock of
``time.time()`` and the energy since any fixed moment. Lines that begin with ``#`` are comments. Readings
before and after the work must be there, so the meter writes while the benchmark runs; between two readings
the power is taken as constant.
"""

from __future__ import annotations

import bisect
import ctypes
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import RecordError

POWERCAP = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"


class Meter(Protocol):
    """Counts joules; ``name`` is its name in a record."""

    name: str

    def between(self, call: Callable[[], object]) -> float:
        """Joules that were spent while ``call`` ran."""


class RaplMeter:
    """One zone of the kernel's power capping, in microjoules, which wraps around."""

    def __init__(self, zone: Path) -> None:
        self._counter = zone / "energy_uj"
        self._range = int((zone / "max_energy_range_uj").read_text())
        self.name = f"rapl:{(zone / 'name').read_text().strip()}"
        self._read()

    def _read(self) -> int:
        return int(self._counter.read_text())

    def between(self, call: Callable[[], object]) -> float:
        """See :class:`Meter`. Right while less than one turn of the counter passes."""
        before = self._read()
        call()
        return (self._read() - before) % (self._range + 1) / 1e6


class NvmlMeter:
    """Total energy of one GPU since the driver was loaded, in millijoules."""

    def __init__(self, library: ctypes.CDLL, index: int) -> None:
        self._library, self.name, self._device = library, f"nvml:{index}", ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(self._device)) != 0:
            raise OSError(f"NVML knows no device {index}")
        self._read()

    def _read(self) -> int:
        energy = ctypes.c_ulonglong()
        if self._library.nvmlDeviceGetTotalEnergyConsumption(self._device, ctypes.byref(energy)) != 0:
            raise OSError(f"{self.name} does not count energy (Volta or later does)")
        return energy.value

    def between(self, call: Callable[[], object]) -> float:
        """See :class:`Meter`."""
        before = self._read()
        call()
        return (self._read() - before) / 1e3


class FileMeter:
    """What an external meter wrote; the format is in the module's text."""

    def __init__(self, path: Path, wait: float = 5.0) -> None:
        self._path, self._wait = path, wait
        self.name = f"file:{path.name}"
        self._readings()

    def _readings(self) -> tuple[list[float], list[float]]:
        lines = self._path.read_text("utf-8").splitlines(keepends=True)
        readings: list[tuple[float, float]] = []
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n") or not line.strip() or line.startswith("#"):
                continue  # the last line may still be half written
            try:
                seconds, joules = map(float, line.split())
            except ValueError:
                raise RecordError(
                    f"{self._path}:{number}: expected SECONDS JOULES, got {line.strip()!r}"
                ) from None
            if readings and (seconds <= readings[-1][0] or joules < readings[-1][1]):
                raise RecordError(f"{self._path}:{number}: time must rise and energy must not fall")
            readings.append((seconds, joules))
        return [s for s, _ in readings], [j for _, j in readings]

    def _at(self, moment: float) -> float:
        deadline = time.monotonic() + self._wait
        while True:
            seconds, joules = self._readings()
            after = bisect.bisect_left(seconds, moment)
            if 0 < after < len(seconds):
                before = after - 1
                share = (moment - seconds[before]) / (seconds[after] - seconds[before])
                return joules[before] + share * (joules[after] - joules[before])
            if time.monotonic() > deadline or (seconds and after == 0):
                raise RecordError(f"{self._path}: no readings on both sides of second {moment:.3f}")
            time.sleep(0.05)

    def between(self, call: Callable[[], object]) -> float:
        """See :class:`Meter`. Waits for the reading after the work; RecordError if none comes."""
        start = time.time()
        call()
        end = time.time()
        return self._at(end) - self._at(start)


def find_meters(
    powercap: Path = POWERCAP, nvml: str = NVML, file: Path | None = None
) -> tuple[list[Meter], dict[str, str]]:
    """The meters of this machine, and for each kind why it is absent.

    A RAPL zone inside another is left out: its energy is in the outer one's. Raises RecordError if ``file``
    is given and is not of the format.
    """
    meters: list[Meter] = []
    absent = {}
    zones = sorted(zone for zone in powercap.glob("*rapl:*") if zone.name.count(":") == 1)
    absent["rapl"] = f"{powercap} has no RAPL zones (virtual machines hide them)"
    for zone in zones:
        try:
            meters.append(RaplMeter(zone))
            absent.pop("rapl", None)
        except (OSError, ValueError) as error:  # on most systems only root may read it
            absent["rapl"] = f"{zone}: {error}"
    try:
        library = ctypes.CDLL(nvml)
        if library.nvmlInit_v2() != 0:
            raise OSError("nvmlInit failed: no driver is running")
        meters.append(NvmlMeter(library, 0))
    except (OSError, AttributeError) as error:
        absent["nvml"] = str(error)
    if file is not None:
        meters.append(FileMeter(file))
    else:
        absent["file"] = "no file of an external meter was named"
    return meters, absent


def joules_per_call(
    call: Callable[[], object], calls: int, meters: Sequence[Meter]
) -> dict[str, float] | None:
    """Measured joules of one call by meter, the mean of ``calls`` in a row for each meter; None without
    meters. Let the calls take a second or more: counters move once a millisecond, and a warm-up is yours."""

    def work() -> None:
        for _ in range(calls):
            call()

    return {meter.name: meter.between(work) / calls for meter in meters} or None
