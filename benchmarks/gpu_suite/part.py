"""What the parts share: their arguments, and measurements as lines of JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import binmorph


@dataclass
class Part:
    """A part's place: where results go, where the sources are, whether this is only a trial of the suite."""

    suite: str
    out: Path
    root: Path
    dry: bool
    lines: list[dict[str, object]] = field(default_factory=list)
    failures: int = 0
    seconds: float = float(os.environ.get("BINMORPH_PART_SECONDS", "60"))
    """After which it is stopped."""

    @staticmethod
    def from_arguments(suite: str) -> Part:
        return Part(suite, Path(sys.argv[1]), Path(sys.argv[2]), "--dry-run" in sys.argv[3:])

    @property
    def rounds(self) -> int:
        return 2 if self.dry else 20

    def record(
        self, case: str, system: str, times: Sequence[float], *, rate: str = "", version: str = ""
    ) -> float:
        """One measurement from milliseconds per round; written at once. Returns the median."""
        median = statistics.median(times)
        self.lines.append(
            {
                "suite": self.suite,
                "case": case,
                "system": system,
                "version": version or binmorph.__version__,
                "threads": 1,
                "median_ms": median,
                "min_ms": min(times),
                "runs": len(times),
                "rate": rate,
            }
        )
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        (self.out / f"{self.suite}.jsonl").write_text(text, "utf-8")
        print(f"  {case:<44} {system:<26} {1e3 * median:>12.2f} us  {rate}", flush=True)
        return median

    def attempt(self, what: str, work: Callable[[], None], *, needed: bool = True) -> None:
        """Runs a piece; its failure is told, counted if the piece is needed, and stops nothing."""
        try:
            work()
        except Exception as error:
            self.failures += needed
            print(f"  {what}: {type(error).__name__}: {error}", flush=True)


def torch_cuda() -> object | None:
    """torch, if it is here and sees a GPU."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def torch_times(torch: object, call: Callable[[], object], rounds: int, repeats: int = 20) -> list[float]:
    """Milliseconds per call by the device's clock; the calls of a round replayed as one CUDA graph."""
    cuda = torch.cuda  # type: ignore[attr-defined]
    side = cuda.Stream()
    with cuda.stream(side):
        for _ in range(5):
            call()
    cuda.synchronize()
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        for _ in range(repeats):
            call()
    times = []
    for _ in range(rounds + 1):
        begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / repeats)
    return times[1:]
