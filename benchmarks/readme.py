"""Writes the figures of README.md from a run in benchmarks/results: python -m benchmarks.readme

With --check nothing is written; the exit code says whether README has the figures of the run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.generated import between, command
from binmorph.bench.ratios import ratio
from binmorph.bench.record import CaseRecord, RunRecord, SystemRecord, read
from binmorph.bench.report.numbers import median, with_unit

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RUN = ROOT / "benchmarks" / "results" / "amd-epyc-zen4-2cores" / "0.1.0.json"
BEGIN, END = "<!-- figures: python -m benchmarks.readme -->", "<!-- end of figures -->"

# (suite, the case's name, batch, systems beside ours); one thread.
BINARY = ("openvino-binary", "larq-compute-engine")
FLOAT = ("onnxruntime-int8", "openvino-int8", "onnxruntime-float", "torch")
ROWS: tuple[tuple[str, str, int, tuple[str, ...]], ...] = (
    *(
        ("layers", f"L{i} {n}->{n} 3x3 @{size}", 1, (*BINARY, *FLOAT))
        for i, n, size in ((1, 64, 56), (2, 128, 28), (3, 256, 14), (4, 512, 7))
    ),
    ("layers", "L1 64->64 3x3 @56 chain of 8", 1, BINARY),
    ("layers", "L4 512->512 3x3 @7 chain of 8", 1, BINARY),
    ("layers", "L7 dense 4096->4096", 1, (*BINARY, *FLOAT)),
    ("layers", "L7 dense 4096->4096", 64, (*BINARY, *FLOAT)),
    ("networks", "MLP 784-1024-1024-10", 1, (*BINARY, *FLOAT)),
    ("networks", "MLP 784-1024-1024-10", 64, (*BINARY, *FLOAT)),
    ("networks", "CNV 3x32x32", 1, (*BINARY, *FLOAT)),
    ("networks", "CNV 3x32x32", 64, (*BINARY, *FLOAT)),
    ("networks", "VGG-small 3x32x32", 1, (*BINARY, *FLOAT)),
    ("networks", "ResNetE-18 32x32", 1, (*BINARY, *FLOAT)),
    ("networks", "ResNetE-18 224x224", 1, (*BINARY, *FLOAT)),
    ("networks", "BiSEL classifier 1x28x28", 1, FLOAT),
    ("bisel", "bisel 16->16 k7 erosion/dilation", 1, FLOAT),
    ("bisel", "bisel 32->32 k3 popcount", 1, FLOAT),
    ("morphology", "erosion sq3 2048", 1, ("opencv", "leptonica-generated", "leptonica", "scipy")),
    ("morphology", "erosion rnd7 2048", 1, ("opencv", "leptonica-generated", "leptonica", "scipy")),
    ("batches", "opening sq5 1000x28x28", 1000, ("opencv",)),
    ("batches", "4 layers of 1000 gates", 64, ("torchlogix",)),
    ("batches", "4 layers of 1000 gates", 1024, ("torchlogix",)),
)


def table(run: RunRecord) -> str:
    """The rows whose cases the run has."""
    cases = {(c.suite, c.name, c.batch): c for c in run.cases if c.threads == 1 and c.cache == "hot"}
    lines = ["| suite | case | batch | ours | times as long |", "|---|---|---|---|---|"]
    for suite, name, batch, peers in ROWS:
        case = cases.get((suite, name, batch))
        if case is not None:
            lines.append(_row(case, peers))
    return "\n".join(lines)


def _row(case: CaseRecord, peers: tuple[str, ...]) -> str:
    measured = {system.name: system for system in case.systems if system.status == "measured"}
    ours = measured["binmorph"]
    found = ", ".join(_beside(measured[name], ours) for name in peers if name in measured)
    time = with_unit(median(ours.seconds), "s")
    return f"| `{case.suite}` | {case.name} | {case.batch} | {time} | {found} |"


def _beside(peer: SystemRecord, ours: SystemRecord) -> str:
    found = ratio(peer.seconds, ours.seconds)
    if not found.stated:
        return f"{peer.name} open"
    return f"{peer.name} {found.median:.{1 if found.median < 10 else 0}f}x"


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return command(
        "readme",
        __doc__.split("\n")[0],
        README,
        lambda: between(README, BEGIN, END, table(read(RUN))),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
