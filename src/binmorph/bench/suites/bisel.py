"""Packed BiSEL and dense layers against torch's float layers of the same shape, bits in, bits out, batch 1.

"erosion/dilation" layers are what the papers' binarization gives (each neuron an OR or an AND, some
complemented); "popcount" layers count against an integer threshold, the form that keeps real classifiers
accurate.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

import binmorph
import binmorph.nn  # registers the reference operators
from binmorph import ir

from ..case import Case, System

CONVOLUTIONS = [(16, 3), (16, 7), (32, 3)]  # channels in and out, kernel; images are 64 x 64
DENSE = (784, 4096)


def random_neurons(rng: np.random.Generator, shape: tuple[int, ...], n: int, form: str) -> ir.Neurons:
    """Half the inputs in the mask; thresholds 1 or |S| with random complements, or about half of |S|."""
    plus = rng.random((*shape, n)) < 0.5
    plus[..., 0] |= ~plus.any(-1)
    size = plus.sum(-1)
    dilation = rng.random(shape) < 0.5
    threshold = (size + 1) // 2 if form == "popcount" else np.where(dilation, 1, size)
    return ir.Neurons(
        plus=plus,
        minus=np.zeros_like(plus),
        threshold=threshold.astype(np.int32),
        invert=(rng.random(shape) < 0.5) & (form != "popcount"),
        status=np.full(shape, int(ir.Status.POPCOUNT), np.uint8),
        margin=np.zeros(shape),
        distance=np.zeros(shape),
    )


def _operands(neurons: ir.Neurons, *window: int) -> list[torch.Tensor]:
    masks = [m.reshape(*m.shape[:-1], *window) if window else m for m in (neurons.plus, neurons.minus)]
    return [torch.from_numpy(a) for a in (*masks, neurons.threshold, neurons.invert)]


def _packed(graph: ir.Graph, bits: np.ndarray, expected: torch.Tensor, threads: int) -> System:
    model = binmorph.PackedModel(graph, threads=threads)
    packed = binmorph.BitArray.pack(bits)
    if not np.array_equal(model(packed).unpack(), expected.numpy() > 0.5):
        raise AssertionError("the packed layer differs from the reference")
    return System("binmorph", f"{binmorph.__version__} {model.isa}", lambda: model(packed))


def _torch(name: str, layer: torch.nn.Module, x: torch.Tensor) -> System:
    def call() -> torch.Tensor:
        with torch.inference_mode():
            return layer(x)

    return System(name, torch.__version__, call)


def convolution(channels: int, kernel: int, form: str, threads: int) -> Case:
    """One BiSEL layer on a 64 x 64 image beside ``torch.nn.Conv2d`` in both memory formats."""
    rng = np.random.default_rng(channels * kernel)
    bits = rng.random((1, channels, 64, 64)) < 0.5
    bise = random_neurons(rng, (channels, channels), kernel * kernel, form)
    lui = random_neurons(rng, (channels,), channels, form)
    graph = ir.Graph(
        ir.InputSpec("uint8", (channels, 64, 64)),
        (ir.PackBinary("pack", "input"), ir.Bisel("bisel", "pack", (kernel, kernel), "replicate", bise, lui)),
        "bisel",
    )
    x = torch.from_numpy(bits.astype(np.float32))
    expected = torch.ops.binmorph.bisel(x, *_operands(bise, kernel, kernel), *_operands(lui), "replicate")
    layer = torch.nn.Conv2d(channels, channels, kernel, padding=kernel // 2).eval()
    last = torch.nn.Conv2d(channels, channels, kernel, padding=kernel // 2).eval()
    last = last.to(memory_format=torch.channels_last)
    return Case(
        f"bisel {channels}->{channels} k{kernel} {form}",
        (
            _packed(graph, bits, expected, threads),
            _torch("torch-conv2d", layer, x),
            _torch("torch-conv2d-channels-last", last, x.to(memory_format=torch.channels_last)),
        ),
        "torch-conv2d",
        threads,
    )


def dense(features: int, outputs: int, form: str, threads: int) -> Case:
    """One dense layer on a single image beside ``torch.nn.Linear``."""
    rng = np.random.default_rng(features)
    bits = rng.random((1, features)) < 0.5
    neurons = random_neurons(rng, (outputs,), features, form)
    graph = ir.Graph(
        ir.InputSpec("uint8", (features,)),
        (ir.PackBinary("pack", "input"), ir.ThresholdDense("dense", "pack", neurons)),
        "dense",
    )
    x = torch.from_numpy(bits.astype(np.float32))
    expected = torch.ops.binmorph.threshold_dense(x, *_operands(neurons))
    layer = torch.nn.Linear(features, outputs).eval()
    return Case(
        f"dense {features}->{outputs} {form}",
        (_packed(graph, bits, expected, threads), _torch("torch-linear", layer, x)),
        "torch-linear",
        threads,
    )


def cases(threads: int) -> Iterator[Case]:
    """The four shapes, in both forms."""
    torch.set_num_threads(threads)
    for form in ("erosion/dilation", "popcount"):
        for channels, kernel in CONVOLUTIONS:
            yield convolution(channels, kernel, form, threads)
        yield dense(*DENSE, form, threads)
