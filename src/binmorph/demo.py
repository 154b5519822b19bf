"""The whole way once: train on scikit-learn's digits, pack, verify every bit, time against PyTorch, draw.

Needs torch, scikit-learn and matplotlib (``pip install 'binmorph[demo]'``); imports them only when it runs.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import __version__
from .cost import Cost, cost
from .pictures import pictures

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Timing:
    """Paired medians in milliseconds for one batch size; ``speedup`` is torch over packed."""

    batch: int
    runs: int
    packed_ms: float
    packed_min_ms: float
    torch_ms: float
    torch_min_ms: float

    @property
    def speedup(self) -> float:
        """How many times faster the packed network is, by medians."""
        return self.torch_ms / self.packed_ms


@dataclass(frozen=True)
class DemoResult:
    """Everything that the demo measured in one run."""

    accuracy: dict[str, float]
    verify: dict[str, Any]
    timings: tuple[Timing, ...]
    threads: int
    export: dict[str, Any]
    certificate: str
    float_bytes: int
    train_seconds: float
    cost: Cost
    file: Path
    pictures: tuple[Path, ...]
    versions: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every packed bit agrees."""
        return bool(self.verify["equal"])

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries; the first five keys are the stable ones that scripts read."""
        return {
            "accuracy": self.accuracy,
            "mismatched_bits": self.verify["mismatched_bits"],
            "speedup_vs_torch": self.timings[-1].speedup,
            "file_bytes": self.export["file_bytes"],
            "train_seconds": self.train_seconds,
            "certificate": self.certificate,
            "float_bytes": self.float_bytes,
            "packed_bits": self.export["totals"]["packed_bits"],
            "statuses": self.export["totals"]["statuses"],
            "threads": self.threads,
            "timings": [{**vars(t), "speedup": t.speedup} for t in self.timings],
            "verify": self.verify,
            "export": self.export,
            "cost": self.cost.to_json(),
            "file": str(self.file),
            "pictures": [str(p) for p in self.pictures],
            "versions": self.versions,
        }

    def __str__(self) -> str:
        acc, totals = self.accuracy, self.export["totals"]
        checked, images = self.verify["bits_compared"], self.verify["images"]
        lines = [
            f"accuracy    smooth {acc['smooth']:.2%}, hard {acc['hard']:.2%}, packed {acc['packed']:.2%} "
            f"on {images} test images",
            f"exactness   {self.verify['mismatched_bits']} of {checked} bits differ between packed and hard "
            f"(every packed layer, every test image): {'EQUAL' if self.ok else 'NOT EQUAL'}",
            f"size        file {self.export['file_bytes']} bytes; {totals['packed_bits']} packed weight bits "
            f"+ {totals['float_layer_bytes']} bytes float last layer; as float32 {self.float_bytes} bytes",
            "neurons     " + ", ".join(f"{count} {name}" for name, count in totals["statuses"].items()),
        ]
        lines += [f"certificate {line}" for line in self.certificate.splitlines()]
        for t in self.timings:
            lines.append(
                f"speed       batch {t.batch}: packed {t.packed_ms:.4g} ms, PyTorch float {t.torch_ms:.4g} "
                f"ms: {t.speedup:.3g} x ({self.threads} thread{'s' if self.threads > 1 else ''}, medians of "
                f"{t.runs} interleaved runs, {self.verify['isa']})"
            )
        for e in self.cost.energy:
            lines.append(
                f"energy      proxy from {e.title}: {e.ratio_compute:.3g} x less arithmetic, "
                f"{e.ratio_total:.3g} x less with memory (counts x table, not measured)"
            )
        lines.append(f"trained in {self.train_seconds:.1f} s; written: {self.file}")
        lines += [f"picture     {p}" for p in self.pictures]
        return "\n".join(lines)


def time_pair(
    packed: Callable[[], object], torch_float: Callable[[], object], batch: int, budget_s: float = 2.0
) -> Timing:
    """Time two functions alternately, so that a slow moment of the machine meets both; 15 to 400 pairs."""
    for _ in range(3):
        packed()
        torch_float()
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + budget_s
    while len(times[0]) < 15 or (len(times[0]) < 400 and time.perf_counter() < end):
        for function, record in ((packed, times[0]), (torch_float, times[1])):
            start = time.perf_counter()
            function()
            record.append((time.perf_counter() - start) * 1e3)
    medians = [statistics.median(t) for t in times]
    return Timing(batch, len(times[0]), medians[0], min(times[0]), medians[1], min(times[1]))


def _timings(smooth: Any, net: Any, x: Array, threads: int) -> tuple[Timing, ...]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        results = []
        for batch in (1, len(x)):
            images = np.ascontiguousarray(x[:batch])
            tensor = torch.from_numpy(images)

            def torch_float(tensor: Any = tensor) -> None:
                with torch.inference_mode():
                    smooth(tensor)

            results.append(time_pair(lambda images=images: net(images), torch_float, batch))  # type: ignore[misc]
        return tuple(results)
    finally:
        torch.set_num_threads(before)


def _accuracy(scores: Array, labels: Array) -> float:
    return float((scores.argmax(1) == labels).mean())


def plain_float(smooth: Any) -> Any:
    """A copy of a smooth network with its weights worked out once, the form that one would deploy in PyTorch.

    The training layers derive their weights from parameters on every call; timing that would flatter us.
    """
    import torch

    from .nn import morphological_layers

    plain = copy.deepcopy(smooth)
    with torch.no_grad():
        for _, layer in morphological_layers(plain):
            for _, bank in layer.banks():
                for parameter, value in zip(
                    (bank.weight_raw, bank.bias_raw, bank.scale), bank.effective_parameters(), strict=True
                ):
                    parameter.copy_(value)
                bank.weight_kind, bank.bias_kind = "identity", "raw"
                bank.snap, bank.sharpness = 0.0, 1.0
    return plain


def run_demo(
    folder: Path,
    *,
    seed: int = 0,
    threads: int = 1,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> DemoResult:
    """Train, export, verify, time and draw; files go to ``folder``.

    Raises:
        VerificationError: the exported file failed its own check, and was not published.
    """
    import torch

    from . import nn, runtime
    from .export import export, verify
    from .nn import recipes

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "digits.bmorph"
    say("training a morphological classifier on the digits of scikit-learn")
    trained = recipes.train_digits(seed=seed, progress=progress)
    x, labels = trained.data.x_test, trained.data.y_test.numpy()
    say(f"exporting to {file} and verifying every bit on {len(x)} test images")
    exported = export(trained.hard, x[:16], file)
    verified = verify(trained.hard, file, x, threads=threads)
    net = runtime.load(file, threads=threads)
    say(f"timing packed against PyTorch float, {threads} thread(s), interleaved")
    timings = _timings(plain_float(trained.smooth), net, x.numpy(), threads)
    floats = [*trained.smooth.parameters(), trained.smooth.levels.values]
    return DemoResult(
        accuracy={
            "smooth": trained.accuracy_smooth,
            "hard": trained.accuracy_hard,
            "packed": _accuracy(np.asarray(net(x.numpy())), labels),
        },
        verify=verified.to_json(),
        timings=timings,
        threads=threads,
        export=exported.to_json(),
        certificate=str(nn.certify(trained.smooth)),
        float_bytes=sum(4 * tensor.numel() for tensor in floats),
        train_seconds=trained.seconds,
        cost=cost(net.graph),
        file=file,
        pictures=tuple(pictures(net.graph, folder)),
        versions={"binmorph": __version__, "torch": torch.__version__, "numpy": np.__version__},
    )
