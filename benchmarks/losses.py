"""Times the regularization losses on one layer: python -m benchmarks.losses

One step of a loss, forward and backward, on random weights of a layer of 784 inputs and 4096 outputs (the
dense layer of Aouad & Talbot's classifiers), one thread, the losses in turn; medians and minima. Beside them
the layer itself, smooth, forward and backward at a batch of 64. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch

from binmorph import nn
from binmorph.bench.machine import machine_card

BATCH = 64


def _steps(inputs: int, outputs: int) -> dict[str, Callable[[], torch.Tensor]]:
    """Each loss, and the layer, as a function that gives what `backward` starts from."""
    torch.manual_seed(0)
    layer = nn.DenseLUI(inputs, outputs, scale_init=1.0)
    x = torch.rand(BATCH, inputs)
    weight, bias, _ = (t.detach().requires_grad_() for t in layer.lui.effective_parameters())
    steps: dict[str, Callable[[], torch.Tensor]] = {
        "the layer itself, batch 64": lambda: layer(x).sum(),
        "bounds": lambda: nn.bound_loss(weight).sum(),
    }
    for support in ("uniform", "normal", "optimal"):
        steps[f"constant, {support}"] = lambda s=support: nn.constant_loss(weight, s).sum()
    for metric in ("dual", "true"):
        for support in ("uniform", "optimal"):
            steps[f"activable, {metric} metric, {support}"] = lambda m=metric, s=support: nn.activable_loss(
                weight, bias, m, s
            ).sum()
    return steps


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.losses", description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=784)
    parser.add_argument("--outputs", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    steps = _steps(options.inputs, options.outputs)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds + 1):  # the first one warms up
        for name, step in steps.items():
            start = time.perf_counter()
            step().backward()
            times[name].append(1e3 * (time.perf_counter() - start))
    print(f"{machine_card()['processor']}, one thread, {options.inputs} to {options.outputs}\n")
    print("| loss | median ms | least ms |\n|---|---|---|")
    for name, spent in times.items():
        print(f"| {name} | {statistics.median(spent[1:]):.0f} | {min(spent[1:]):.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
