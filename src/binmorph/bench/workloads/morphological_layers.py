"""Packed BiSEL and masked dense layers beside float layers of the same shape.

"erosion/dilation" layers are what the papers' binarization gives (each neuron an OR or an AND, some
complemented); "popcount" layers count against an integer threshold, the form that keeps real classifiers
accurate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ... import ir
from ..contest import Case, close, correlated, equal
from ..counts import counts_of
from ..networks import Bits, Ops
from ..networks.forms import signed
from ..networks.morphological import random_neurons
from ..peers.numpy_ops import NumpyOps
from .common import float_peers, ours

PREFERRED = ("torch", "torch-nchw", "openvino-float")


def _case(
    work: dict[str, Any], title: str, layer: ir.AnyNode, bits: Bits, threads: int, expected: Bits
) -> Case:
    """Ours: one layer behind what packs its input."""
    nodes = (ir.PackBinary("pack", "input"), layer)
    graph = ir.Graph(ir.InputSpec("uint8", bits.shape[1:]), nodes, layer.name)
    counts = counts_of(graph, len(bits), threads)
    case = Case(title, work, len(bits), threads, PREFERRED, counts)
    ours(case, graph, bits, equal(expected))
    return case


def _beside_floats(case: Case, bits: Bits, layer: Callable[[Ops], Any], windows: bool = True) -> None:
    x = bits.astype(np.float32)
    reference = NumpyOps(x)
    sums = layer(reference)
    checks = (close(sums), correlated(sums, 0.99))
    float_peers(case, x.shape, x, layer, *checks, reference.limits, windows=windows)


@dataclass(frozen=True)
class BiselLayer:
    """As many channels in as out, images of ``size`` x ``size``, the border repeated."""

    channels: int
    kernel: int
    form: str
    size: int = 64

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng(self.channels * self.kernel)
        bits = rng.random((batch, self.channels, self.size, self.size)) < 0.5
        bise = random_neurons(rng, (self.channels, self.channels), self.kernel**2, self.form)
        lui = random_neurons(rng, (self.channels,), self.channels, self.form)
        layer = ir.Bisel("bisel", "pack", (self.kernel, self.kernel), "replicate", bise, lui)
        title = f"bisel {self.channels}->{self.channels} k{self.kernel} {self.form}"
        expected = NumpyOps(signed(bits)).bisel(signed(bits), self.kernel, bise, lui) > 0
        case = _case({"kind": "bisel_layer", **asdict(self)}, title, layer, bits, threads, expected)
        weight = rng.normal(size=(self.channels, self.channels, self.kernel, self.kernel)).astype(np.float32)
        bias = rng.normal(size=self.channels).astype(np.float32)
        _beside_floats(case, bits, lambda ops: ops.conv(ops.input(), weight, bias, 1, self.kernel // 2))
        return case


@dataclass(frozen=True)
class MaskedDense:
    """Neurons over masks of half of the features."""

    features: int
    outputs: int
    form: str

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng(self.features)
        bits = rng.random((batch, self.features)) < 0.5
        neurons = random_neurons(rng, (self.outputs,), self.features, self.form)
        layer = ir.ThresholdDense("dense", "pack", neurons)
        title = f"dense {self.features}->{self.outputs} {self.form}"
        sums = bits.astype(np.float32) @ neurons.plus.T.astype(np.float32)
        expected = (sums >= neurons.threshold) ^ neurons.invert
        case = _case({"kind": "masked_dense", **asdict(self)}, title, layer, bits, threads, expected)
        weight = rng.normal(size=(self.outputs, self.features)).astype(np.float32)
        bias = rng.normal(size=self.outputs).astype(np.float32)
        _beside_floats(case, bits, lambda ops: ops.linear(ops.input(), weight, bias), windows=False)
        return case
