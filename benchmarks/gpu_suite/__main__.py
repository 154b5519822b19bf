"""Runs the parts one after the other, each within its share of the whole and what others left of theirs."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .goals import goals_of

# (part, share of the time behind the build): what matters most comes first.
PARTS = (
    ("machine", 20),
    ("hopper", 70),
    ("truth", 130),
    ("layers", 60),
    ("morphology", 45),
    ("networks", 40),
    ("sanitizer", 45),
    ("cpu", 40),
)
TOTAL = int(os.environ.get("BINMORPH_SUITE_SECONDS", "520"))  # with the build
TAIL = 4000  # characters of a part's output that the summary keeps
PACKAGE = "benchmarks.gpu_suite"
LOOK_SECONDS = 5.0  # between two looks at what a part has measured so far


def run_part(
    part: str, out: Path, root: Path, dry: bool, limit: float, look: Callable[[], None]
) -> dict[str, object]:
    """One part in a process of its own: its status, seconds and the end of its output."""
    command = [sys.executable, "-m", f"{PACKAGE}.{part}", str(out), str(root)]
    begin, log = time.time(), out / f"{part}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *(["--dry-run"] if dry else [])],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "BINMORPH_PART_SECONDS": f"{limit:.0f}"},
        )
    while True:
        try:
            code = process.wait(max(0.1, min(LOOK_SECONDS, begin + limit - time.time())))
            status = "ok" if code == 0 else f"failed with exit code {code}"
            break
        except subprocess.TimeoutExpired:
            look()
            if time.time() - begin < limit:
                continue
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = f"stopped after {limit:.0f} s"
            break
    text = log.read_text("utf-8", "replace")
    print(text, end="", flush=True)
    return {"status": status, "seconds": round(time.time() - begin, 1), "output": text[-TAIL:]}


def read_lines(file: Path) -> list[dict[str, object]]:
    """The whole lines of a file that a part may be writing."""
    whole, _, _ = file.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def read_object(file: Path) -> object:
    """The file's JSON, or null where a part was stopped while it wrote."""
    try:
        return json.loads(file.read_text("utf-8"))
    except json.JSONDecodeError:
        return None


def replace(file: Path, text: str) -> None:
    """At once: whoever stops the suite leaves the old file or the new one."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


def collect(parts: Path, summary: dict[str, object], out: Path) -> None:
    """Everything so far as one file of JSON, and as text: measurements, then goals, one line each."""
    measurements: list[dict[str, Any]] = [
        m for file in sorted(parts.glob("*.jsonl")) for m in read_lines(file)
    ]
    found = {file.stem: read_object(file) for file in sorted(parts.glob("*.json"))}
    hopper = found.get("hopper")
    goals = goals_of(measurements, hopper.get("peak", []) if isinstance(hopper, dict) else [])
    everything = {"summary": summary, **found, "measurements": measurements}
    replace(out / "suite.json", json.dumps(everything, indent=1) + "\n")
    lines = [f"{part:<12} {result['status']}" for part, result in summary.items() if isinstance(result, dict)]
    for m in measurements:
        extra = f"  {m['rate']}" if m.get("rate") else ""
        lines.append(
            f"{m['suite']:<12} {m['case']:<44} {m['system']:<26} {1e3 * m['median_ms']:>12.2f} us{extra}"
        )
    lines += ["", *map(str, goals)]
    replace(out / "table.txt", "\n".join(lines) + "\n")


def main() -> int:
    """Entry point; 0 if every part was right."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_suite")
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="the sources, with their tests")
    parser.add_argument("--start", type=float, default=time.time(), help="when the whole began")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes, for the emulated driver")
    options = parser.parse_args()
    summary: dict[str, object] = {"build": {"status": "ok", "seconds": round(time.time() - options.start, 1)}}
    right = True
    parts = options.out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    end = time.time()
    scale = (TOTAL - (end - options.start)) / sum(share for _, share in PARTS)
    for part, share in PARTS:
        end += share * scale  # of this part, whenever those before it ended
        limit = end - time.time()
        print(f"[{time.time() - options.start:4.0f} s] {part}, {limit:.0f} s at most", flush=True)
        if limit < 1:
            result: dict[str, object] = {"status": "left out: no time"}
        else:
            summary[part] = {"status": "under way"}
            look = partial(collect, parts, summary, options.out)
            look()
            result = run_part(part, parts, options.root, options.dry_run, limit, look)
        summary[part] = result
        right &= result["status"] == "ok"
        print(f"         {part}: {result['status']}", flush=True)
        collect(parts, summary, options.out)
    print(f"[{time.time() - options.start:4.0f} s] done; results in {options.out}", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
