"""Meters that count, on made-up counters; and what they say where there are none."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from binmorph.bench.meters import FileMeter, find_meters, joules_per_call
from binmorph.errors import RecordError


def zone(folder: Path, name: str, label: str, microjoules: int, turn: int = 10**9) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "name").write_text(f"{label}\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    (path / "max_energy_range_uj").write_text(f"{turn}\n")
    return path


def spend(path: Path, microjoules: int) -> None:
    counter = path / "energy_uj"
    turn = int((path / "max_energy_range_uj").read_text())
    counter.write_text(str((int(counter.read_text()) + microjoules) % (turn + 1)))


def test_rapl_counts_outer_zones_and_turns_of_the_counter(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 10**9 - 5)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    zone(tmp_path, "intel-rapl:0:0", "core", 0)  # inside the first
    (tmp_path / "intel-rapl").mkdir()  # the controller itself
    meters, absent = find_meters(tmp_path, "libno-such-library.so")
    assert [meter.name for meter in meters] == ["rapl:package-0", "rapl:package-1"]
    assert "rapl" not in absent
    assert "libno-such-library" in absent["nvml"]
    assert "no file" in absent["file"]

    def call() -> None:
        spend(first, 40)
        spend(second, 7)

    assert joules_per_call(call, 3, meters) == {
        "rapl:package-0": pytest.approx(40e-6),
        "rapl:package-1": pytest.approx(7e-6),
    }


def test_absent_meters_say_why(tmp_path: Path) -> None:
    meters, absent = find_meters(tmp_path / "none", "libno-such-library.so")
    assert meters == []
    assert "no RAPL zones" in absent["rapl"]
    assert joules_per_call(lambda: None, 1, meters) is None
    broken = zone(tmp_path, "amd-rapl:0", "package-0", 0)
    (broken / "energy_uj").unlink()
    assert "energy_uj" in find_meters(tmp_path, "libno-such-library.so")[1]["rapl"]


def test_file_of_an_external_meter(tmp_path: Path) -> None:
    path = tmp_path / "plug.txt"
    now = time.time()
    path.write_text(f"# watts: 50\n{now - 10} 0\n{now + 10} 1000\n")
    meters, _ = find_meters(tmp_path, "libno-such-library.so", path)
    joules = joules_per_call(lambda: time.sleep(0.05), 2, meters)
    assert joules is not None
    assert 2.5 <= joules["file:plug.txt"] < 10  # 50 watts for 0.05 seconds or a little more


def test_a_file_that_grows_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "plug.txt"
    start = time.time() - 1
    path.write_text(f"{start} 0\n{start + 0.5} 1\n{start + 60} ")  # the last line is half written

    def finish() -> None:
        time.sleep(0.2)
        path.write_text(f"{start} 0\n{start + 60} 120\n")

    thread = threading.Thread(target=finish)
    thread.start()
    joules = FileMeter(path).between(lambda: time.sleep(0.02))
    thread.join()
    assert joules == pytest.approx(2 * 0.02, rel=1)
    with pytest.raises(RecordError, match="both sides"):
        FileMeter(path, wait=0.1)._at(start + 100)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3\n", "SECONDS JOULES"),
        ("1 x\n", "SECONDS JOULES"),
        ("2 1\n1 2\n", "rise"),
        ("1 2\n2 1\n", "fall"),
    ],
)
def test_malformed_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plug.txt"
    path.write_text(text)
    with pytest.raises(RecordError, match=message):
        find_meters(tmp_path, "libno-such-library.so", path)
