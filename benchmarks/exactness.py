"""What exactness costs, and what shared elements bring: python -m benchmarks.exactness

Two Markdown tables, one thread, images of 64 x 64 pixels; the least of several runs of the layer's own steps:

- layers of random signed weights, none of them counts: the nearest counts, and the exact forms that
  :func:`binmorph.nn.lossless` weighs (truth tables, integer planes);
- BiSEL layers that erode and dilate by a few distinct elements, beside elements that are all different: the
  plan computes a repeated element once.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from binmorph import ir, nn
from binmorph.bench.machine import machine_card
from binmorph.runtime import PackedModel

SIDE, ROUNDS = 64, 200
FREE = {"weight": "identity", "bias": "raw", "init": "signed", "scale_init": 1.0}


def _forms() -> None:
    print("| layer | form | bits | word operations | us per image |\n|---|---|---|---|---|")
    layers = (
        ("BiSEL 1 to 8, 2 x 2", nn.BiSEL(1, 8, 2, "valid", **FREE), (1, SIDE, SIDE)),
        ("BiSEL 1 to 8, 3 x 3", nn.BiSEL(1, 8, 3, **FREE), (1, SIDE, SIDE)),
        ("BiSEL 4 to 8, 3 x 3", nn.BiSEL(4, 8, 3, **FREE, lui=FREE), (4, SIDE, SIDE)),
        ("BiSEL 1 to 4, 4 x 4", nn.BiSEL(1, 4, 4, "valid", **FREE), (1, SIDE, SIDE)),
        ("DenseLUI 12 to 64", nn.DenseLUI(12, 64, **FREE), (12,)),
    )
    for name, layer, shape in layers:
        (found,) = nn.lossless(layer, torch.zeros(1, *shape))[1].layers
        for form in (found.counts, *found.forms):
            taken = " (taken)" if form is found.taken else " (not exact)" if form is found.counts else ""
            print(
                f"| {name} | {form.name}{taken} | {form.bits} | {form.operations} | {form.microseconds:.1f} |"
            )


def _layer(outputs: int, distinct: int, size: int, rng: np.random.Generator) -> ir.Graph:
    """Erosions and dilations of one channel by ``distinct`` elements of ``size`` x ``size``."""
    elements = rng.random((distinct, 1, size * size)) < 0.5
    elements[..., size * size // 2] = True
    plus = elements[np.arange(outputs) % distinct]
    dilates = (np.arange(outputs) // distinct % 2 == 1) & (distinct < outputs)
    threshold = np.where(dilates[:, None], 1, plus.sum(-1)).astype(np.int32)
    one = np.ones((outputs, 1), np.bool_)
    lui = (one, ~one, np.ones(outputs, np.int32), np.zeros(outputs, np.bool_))
    known = (np.full(outputs, ir.Status.EROSION, np.uint8), np.ones(outputs), np.zeros(outputs))
    bise = ir.Neurons(plus, np.zeros_like(plus), threshold, ~one, *(part[:, None] for part in known))
    node = ir.Bisel("bisel", "bits", (size, size), "replicate", bise, ir.Neurons(*lui, *known))
    spec = ir.InputSpec("uint8", (1, SIDE, SIDE))
    return ir.Graph(spec, (ir.PackBinary("bits", "input"), node), "bisel")


def _microseconds(graph: ir.Graph, images: int) -> tuple[float, str]:
    model = PackedModel(graph, threads=1)
    x = np.random.default_rng(0).integers(0, 2, (images, *graph.input.shape)).astype(np.uint8)
    times = {key: min(part) for key, part in model.profile(x, ROUNDS).items() if key.startswith("bisel:")}
    kernels = {key.rpartition(", ")[2].partition("_u64")[0] for key in times}
    return 1e3 * sum(times.values()) / images, ", ".join(sorted(kernels))


def _shared() -> None:
    print("| BiSEL of 1 channel | distinct | us per image | kernel | all different, us | ratio |")
    print("|---|---|---|---|---|---|")
    for size in (3, 5, 7):
        for outputs, distinct in ((32, 2), (32, 4), (32, 8)):
            rng = np.random.default_rng(size)
            some, kernel = _microseconds(_layer(outputs, distinct, size, rng), 1)
            every, _ = _microseconds(_layer(outputs, outputs, size, rng), 1)
            print(
                f"| {outputs} outputs, {size} x {size} | {distinct} | {some:.1f} | {kernel} "
                f"| {every:.1f} | {every / some:.1f} |"
            )


def main() -> int:
    """Entry point; returns the exit code."""
    torch.manual_seed(0)
    print(f"{machine_card()['processor']}, one thread\n")
    _forms()
    print()
    _shared()
    return 0


if __name__ == "__main__":
    sys.exit(main())
