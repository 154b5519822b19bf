"""Runs the parts one after the other, each within its limit and what is left of the whole."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# (part, limit in seconds): what matters most comes first.
PARTS = (
    ("machine", 40),
    ("hopper", 120),
    ("truth", 170),
    ("layers", 90),
    ("morphology", 60),
    ("networks", 60),
    ("sanitizer", 70),
    ("cpu", 150),
)
TOTAL = int(os.environ.get("BINMORPH_SUITE_SECONDS", "520"))
TAIL = 4000  # characters of a part's output that the summary keeps


def run_part(part: str, out: Path, root: Path, dry: bool, limit: float) -> dict[str, object]:
    """One part in a process of its own: its status, seconds and the end of its output."""
    command = [sys.executable, "-m", f"benchmarks.gpu_suite.{part}", str(out), str(root)]
    begin = time.time()
    process = subprocess.Popen(
        [*command, *(["--dry-run"] if dry else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
        status = "ok" if process.returncode == 0 else f"failed with exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        status = f"stopped after {limit:.0f} s"
    print(output, end="", flush=True)
    return {"status": status, "seconds": round(time.time() - begin, 1), "output": output[-TAIL:]}


def collect(parts: Path, summary: dict[str, object], out: Path) -> None:
    """Everything so far as one file of JSON, and the measurements as text, one line each."""
    measurements = [
        json.loads(line)
        for file in sorted(parts.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    found = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(parts.glob("*.json"))}
    everything = {"summary": summary, **found, "measurements": measurements}
    (out / "suite.json").write_text(json.dumps(everything, indent=1) + "\n", "utf-8")
    lines = [f"{part:<12} {result['status']}" for part, result in summary.items() if isinstance(result, dict)]
    for m in measurements:
        extra = f"  {m['rate']}" if m.get("rate") else ""
        lines.append(
            f"{m['suite']:<12} {m['case']:<44} {m['system']:<26} {1e3 * m['median_ms']:>12.2f} us{extra}"
        )
    (out / "table.txt").write_text("\n".join(lines) + "\n", "utf-8")


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
    parts = Path(tempfile.mkdtemp())
    for part, limit in PARTS:
        left = TOTAL - (time.time() - options.start)
        print(f"[{TOTAL - left:4.0f} s] {part}", flush=True)
        if left < 10:
            result: dict[str, object] = {"status": "left out: no time"}
        else:
            result = run_part(part, parts, options.root, options.dry_run, min(limit, left))
        summary[part] = result
        right &= result["status"] == "ok"
        print(f"         {part}: {result['status']}", flush=True)
        collect(parts, summary, options.out)
    shutil.rmtree(parts)
    print(f"[{time.time() - options.start:4.0f} s] done; results in {options.out}", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
