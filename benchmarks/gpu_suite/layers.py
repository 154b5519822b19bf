"""Binary layers, bits in, bits out, on the device: ours beside cuDNN in half precision and int8 products.

L1 to L4 are the 3x3 layers of a ResNet-18, L5 is a 1x1, L6 a strided layer, L7 a fully connected one; G1 and
G2 are square matrix products. The rate counts binary multiply-adds twice, as everybody does.
"""

from __future__ import annotations

import ctypes
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from binmorph import ir
from binmorph.bench.meters import NVML, NvmlMeter
from binmorph.bench.peers.cuda_layers import LAYERS as LIBRARIES
from binmorph.runtime import DeviceModel, PackedModel

from .part import Part, torch_cuda, torch_times


@dataclass(frozen=True)
class Layer:
    """A convolution of bits; a fully connected layer is a 1x1 one on one pixel."""

    name: str
    channels: int
    outputs: int
    size: int = 1
    kernel: int = 1
    stride: int = 1

    @property
    def macs(self) -> int:
        out = (self.size + 2 * (self.kernel // 2) - self.kernel) // self.stride + 1
        return out**2 * self.outputs * self.channels * self.kernel**2

    def __str__(self) -> str:
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        return f"{self.name} {self.channels}->{self.outputs} {self.kernel}x{self.kernel} @{self.size}{stride}"


LAYERS = (
    Layer("L1", 64, 64, 56, 3),
    Layer("L2", 128, 128, 28, 3),
    Layer("L3", 256, 256, 14, 3),
    Layer("L4", 512, 512, 7, 3),
    Layer("L5", 256, 512, 14, 1),
    Layer("L6", 64, 128, 56, 3, 2),
    Layer("L7", 4096, 4096),
)
PRODUCTS = (Layer("G1", 4096, 4096), Layer("G2", 8192, 8192), Layer("G3", 16384, 16384))
BATCHES = (1, 64, 1024)
ENERGY_SECONDS = 5.0
TRIAL = (Layer("L1", 64, 64, 6, 3), Layer("L7", 128, 128))


def _signs(rng: np.random.Generator, outputs: int, inputs: int) -> ir.Neurons:
    """Neurons with weights -1 and +1 and thresholds where sums lie."""
    plus = rng.random((outputs, inputs)) < 0.5
    count = plus.sum(-1)
    return ir.Neurons(
        plus,
        ~plus,
        (count - inputs // 2).astype(np.int32),
        np.zeros(outputs, bool),
        np.full(outputs, int(ir.Status.APPROXIMATED), np.uint8),
        np.full(outputs, np.nan),
        np.ones(outputs),
    )


def graph_of(layer: Layer) -> ir.Graph:
    """The layer behind what packs its input."""
    rng = np.random.default_rng(layer.channels + layer.outputs)
    neurons = _signs(rng, layer.outputs, layer.channels * layer.kernel**2)
    if layer.size == 1:
        spec = ir.InputSpec("uint8", (layer.channels,))
        node: ir.AnyNode = ir.ThresholdDense("layer", "pack", neurons)
    else:
        spec = ir.InputSpec("uint8", (layer.channels, layer.size, layer.size))
        padding = (layer.kernel // 2,) * 2
        node = ir.ThresholdConv2d(
            *("layer", "pack", (layer.kernel,) * 2, (layer.stride,) * 2, (1, 1), padding, 1, "zeros"),
            neurons,
            np.zeros((1, layer.outputs), np.int32),
        )
    return ir.Graph(spec, (ir.PackBinary("pack", "input"), node), "layer")


def _ours(part: Part, layer: Layer, batch: int) -> None:
    graph = graph_of(layer)
    rng = np.random.default_rng(batch)
    x = rng.integers(0, 2, (batch, *graph.input.shape), np.uint8)
    expected = PackedModel(graph)(x[:8])
    for isa in ("cuda_wgmma", "cuda_mma", "cuda_simt"):
        model = DeviceModel(graph, isa=isa)
        if not np.array_equal(model(x[:8]), expected):
            raise AssertionError(f"{layer} {isa} differs from the CPU")
        for name, times in model.profile(x, part.rounds).items():
            if name.startswith("layer: threshold") and isa in name:
                tops = 2e-9 * layer.macs * batch / float(np.median(times))
                part.record(f"{layer} batch {batch}", f"binmorph-{isa}", times, rate=f"{tops:.1f} TOPS")


def _tensors(torch: Any, layer: Layer, batch: int) -> tuple[Any, Any]:
    """-1 and +1."""
    shapes = [(batch, layer.channels), (layer.outputs, layer.channels)]
    if layer.size > 1:
        shapes = [(*shapes[0], layer.size, layer.size), (*shapes[1], layer.kernel, layer.kernel)]
    x, weight = (2 * torch.randint(0, 2, shape, device="cuda", dtype=torch.int8) - 1 for shape in shapes)
    return x, weight


def _library(part: Part, torch: Any, layer: Layer, batch: int, system: str) -> None:
    """One of :data:`binmorph.bench.peers.cuda_layers.LAYERS`."""
    x, weight = _tensors(torch, layer, batch)
    window = (layer.stride, layer.kernel // 2)
    call = LIBRARIES[system][0](torch, x, weight, *window)
    if system == "cudnn-int8":
        first = torch.nn.functional.conv2d(x[:1].double(), weight.double(), None, *window)
        if not torch.equal(call()[:1].double(), first.clamp(-128, 127)):
            raise AssertionError("cuDNN's int8 convolution is not what it was thought to be")
    times = torch_times(torch, call, part.rounds)
    tops = 2e-9 * layer.macs * batch / float(np.median(times))
    version = f"{torch.__version__} cudnn {torch.backends.cudnn.version()}"
    part.record(f"{layer} batch {batch}", system, times, rate=f"{tops:.1f} TOPS", version=version)


def _energy(part: Part, torch: Any, layer: Layer, batch: int) -> None:
    """Operations per joule of the board (NVML), of calls on the device, packing and unpacking included."""
    library = ctypes.CDLL(NVML)
    library.nvmlInit_v2()
    meter = NvmlMeter(library, 0)
    model = DeviceModel(graph_of(layer))
    x = torch.randint(0, 2, (batch, layer.channels), device="cuda", dtype=torch.uint8).to(torch.bool)
    seconds: list[float] = []

    def work() -> None:
        while sum(seconds) < ENERGY_SECONDS:
            begin = time.perf_counter()
            for _ in range(20):
                model(x)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)

    model(x)
    torch.cuda.synchronize()
    joules = meter.between(work)
    rate = 2e-12 * layer.macs * batch * 20 * len(seconds) / joules
    times = [1e3 * s / 20 for s in seconds]
    part.record(f"{layer} batch {batch}", "binmorph-energy", times, rate=f"{rate:.1f} TOPS/W")


def main() -> int:
    """Write layers.jsonl; 0 if every piece ran."""
    part = Part.from_arguments("layers")
    torch = None if part.dry else torch_cuda()
    cases = [(layer, batch) for layer in LAYERS for batch in BATCHES]
    cases += [(layer, layer.channels) for layer in PRODUCTS]
    for layer, batch in [(layer, 2) for layer in TRIAL] if part.dry else cases:
        part.attempt(f"{layer} ours", lambda layer=layer, batch=batch: _ours(part, layer, batch))
        if torch is not None:
            for system in LIBRARIES:
                part.attempt(
                    f"{layer} {system}",
                    lambda layer=layer, batch=batch, system=system: _library(
                        part, torch, layer, batch, system
                    ),
                    needed=system == "torch-cuda",
                )
            torch.cuda.empty_cache()  # type: ignore[attr-defined]
    if torch is not None:
        largest = PRODUCTS[-1]
        part.attempt("energy", lambda: _energy(part, torch, largest, largest.channels))
    return min(1, part.failures)


if __name__ == "__main__":
    sys.exit(main())
