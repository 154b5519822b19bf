"""Test files side by side, a process each: plugins of pytest may be missing where the suite runs."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STOPPED = -1  # in place of an exit code
KEPT = 3000  # characters of the output of a file that fails


def run_files(
    root: Path,
    files: Sequence[Path],
    jobs: int,
    seconds: float,
    options: Sequence[str] = (),
    **variables: str,
) -> dict[str, object]:
    """How many tests passed, failed and were skipped, and what the failures say."""
    if importlib.util.find_spec("pytest") is None:
        return {"status": "left out: no pytest here"}
    end = time.time() + seconds

    def run(file: Path) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file), *options]
        command += ["-o", "addopts=--import-mode=importlib"]  # without plugins that are not here
        process = subprocess.Popen(
            command,
            cwd=root,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            output, _ = process.communicate(timeout=max(1.0, end - time.time()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # pytest then says how far it came
            try:
                output, _ = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            return STOPPED, output
        return process.returncode, output

    found: dict[str, object] = {"status": "ok", "passed": 0, "failed": 0, "skipped": 0, "error": 0}
    outputs = {}
    with ThreadPoolExecutor(jobs) as pool:
        for file, (code, output) in zip(files, pool.map(run, files), strict=True):
            counts = re.findall(r"(\d+) (passed|failed|skipped|error)", output[-500:])
            for number, what in counts:
                found[what] = int(str(found[what])) + int(number)
            told = ", ".join(map(" ".join, counts)) + " (stopped: no time)" * (code == STOPPED)
            print(f"  {file.name}: {told}")
            stopped = code == STOPPED and not any(what in ("failed", "error") for _, what in counts)
            if stopped and found["status"] == "ok":
                found["status"] = "some files stopped: no time"
            elif code not in (0, 5) and not stopped:  # 5: nothing was selected
                found["status"] = "failed"
                outputs[file.name] = output[-KEPT:]
                print(output[-KEPT:])
    return {**found, "outputs": outputs}
