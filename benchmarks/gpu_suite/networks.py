"""Whole networks from uint8 images to scores: the device's time, and a caller's."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from binmorph import ir
from binmorph.runtime import DeviceModel, PackedModel

from .layers import Layer, _signs
from .part import Part, torch_cuda

BATCHES = (1, 64, 1024)
FEW_IMAGES = 8  # up to here layers are as short as launches


def _convolution(name: str, source: str, layer: Layer, rng: np.random.Generator) -> ir.ThresholdConv2d:
    neurons = _signs(rng, layer.outputs, layer.channels * layer.kernel**2)
    offset = np.zeros((1, layer.outputs), np.int32)
    padding = (layer.kernel // 2,) * 2
    return ir.ThresholdConv2d(
        *(name, source, (layer.kernel,) * 2, (layer.stride,) * 2, (1, 1), padding, 1, "zeros"),
        neurons,
        offset,
    )


def body(width: int = 64, size: int = 56, depth: int = 4) -> ir.Graph:
    """The 3x3 binary layers of a ResNet-18, without its shortcuts: four stages, each half as wide as deep."""
    rng = np.random.default_rng(0)
    nodes: list[ir.AnyNode] = [
        ir.LevelSets(
            "levels", "input", np.linspace(2, 254, 3 * (width // 3 + 1)).astype(np.float32).reshape(3, -1)
        )
    ]
    channels, last = 3 * (width // 3 + 1), "levels"
    for stage in range(4):
        for i in range(depth):
            outputs, stride = width << stage, 2 if i == 0 and stage > 0 else 1
            layer = Layer("", channels, outputs, size >> stage, 3, stride)
            nodes.append(_convolution(f"conv{stage}.{i}", last, layer, rng))
            channels, last = outputs, nodes[-1].name
    side = -(-size // 8)
    nodes.append(ir.Flatten("flat", last))
    weight = rng.normal(size=(10, channels * side * side)).astype(np.float32)
    nodes.append(ir.Linear("head", "flat", weight, np.zeros(10, np.float32)))
    return ir.Graph(ir.InputSpec("uint8", (3, size, size)), tuple(nodes), "head")


def dense(inputs: int = 784, hidden: int = 1024) -> ir.Graph:
    """A multilayer perceptron of bits."""
    rng = np.random.default_rng(1)
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    width = inputs
    for i in range(3):
        nodes.append(ir.ThresholdDense(f"dense{i}", nodes[-1].name, _signs(rng, hidden, width)))
        width = hidden
    weight = rng.normal(size=(10, width)).astype(np.float32)
    nodes.append(ir.Linear("head", nodes[-1].name, weight, np.zeros(10, np.float32)))
    return ir.Graph(ir.InputSpec("uint8", (inputs,)), tuple(nodes), "head")


def _calls(call: Any, rounds: int) -> list[float]:
    call()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def _measure(part: Part, name: str, graph: ir.Graph, batch: int) -> None:
    rng = np.random.default_rng(batch)
    x = rng.integers(0, 2 if isinstance(graph.nodes[0], ir.PackBinary) else 256, (batch, *graph.input.shape))
    x = x.astype(np.uint8)
    model, expected = DeviceModel(graph), PackedModel(graph)(x[:4])
    if not np.array_equal(model(x[:4]), expected):
        raise AssertionError(f"{name} differs from the CPU")
    profile = model.profile(x, part.rounds)
    median = float(np.median(profile[""]))
    rate = f"{1e3 * batch / median:.0f} images/s"
    part.record(f"{name} batch {batch}", "binmorph-device", profile[""], rate=rate)
    part.record(f"{name} batch {batch}", "binmorph-device-no-overlap", profile["launch after launch"])
    for isa in ("cuda_persistent", "cuda_cluster") if batch <= FEW_IMAGES else ():
        joined = DeviceModel(graph, isa=isa)
        if not np.array_equal(joined(x[:4]), expected):
            raise AssertionError(f"{name} with {isa} differs from the CPU")
        times = joined.profile(x, part.rounds)
        if not any("threshold_chain" in kernel for kernel in times):
            print(f"  {name} batch {batch}: {isa} joins nothing here", flush=True)
            continue
        system = f"binmorph-device-{isa.removeprefix('cuda_')}"
        part.record(f"{name} batch {batch}", system, times[""])
    part.record(f"{name} batch {batch}", "binmorph-numpy-call", _calls(lambda: model(x), part.rounds))
    torch: Any = None if part.dry else torch_cuda()
    if torch is not None:
        on_device = torch.from_numpy(x).cuda()
        if isinstance(graph.nodes[0], ir.PackBinary):
            on_device = on_device.bool()

        def call() -> None:
            model(on_device)
            torch.cuda.synchronize()

        part.record(f"{name} batch {batch}", "binmorph-torch-call", _calls(call, part.rounds))


def main() -> int:
    """Write networks.jsonl; 0 if every piece ran."""
    part = Part.from_arguments("networks")
    if part.dry:
        _measure(part, "body", body(8, 8, 1), 2)
        _measure(part, "mlp", dense(40, 70), 2)
        return 0
    for name, graph in (("body", body()), ("mlp", dense())):
        for batch in BATCHES:
            part.attempt(f"{name} {batch}", lambda n=name, g=graph, b=batch: _measure(part, n, g, b))
    return min(1, part.failures)


if __name__ == "__main__":
    sys.exit(main())
