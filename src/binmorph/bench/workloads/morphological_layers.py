"""Packed BiSEL and masked dense layers beside float layers of the same shape.

"erosion/dilation" layers are what the papers' binarization gives (each neuron an OR or an AND, some
complemented); "popcount" layers count against an integer threshold, the form that keeps real classifiers
accurate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ... import ir
from ..contest import Case, close, correlated, equal
from ..counts import counts_of
from ..networks import Ops
from ..networks.forms import signed
from ..networks.morphological import random_neurons
from ..peers.numpy_ops import NumpyOps
from ..peers.packed import isas_to_compare, packed_system
from .common import float_peers

PREFERRED = ("torch", "torch-nchw", "openvino-float")


@dataclass(frozen=True)
class BiselLayer:
    """As many channels in as out, images of ``size`` x ``size``, the border repeated."""

    channels: int
    kernel: int
    form: str
    size: int = 64

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng(self.channels * self.kernel)
        shape = (batch, self.channels, self.size, self.size)
        bits = rng.random(shape) < 0.5
        bise = random_neurons(rng, (self.channels, self.channels), self.kernel**2, self.form)
        lui = random_neurons(rng, (self.channels,), self.channels, self.form)
        layer = ir.Bisel("bisel", "pack", (self.kernel, self.kernel), "replicate", bise, lui)
        graph = ir.Graph(ir.InputSpec("uint8", shape[1:]), (ir.PackBinary("pack", "input"), layer), "bisel")
        title = f"bisel {self.channels}->{self.channels} k{self.kernel} {self.form}"
        case = Case(
            title,
            {"kind": "bisel_layer", **asdict(self)},
            batch,
            threads,
            PREFERRED,
            counts_of(graph, batch, threads),
        )
        expected = NumpyOps(signed(bits)).bisel(signed(bits), self.kernel, bise, lui) > 0
        for name, isa in isas_to_compare().items():
            case.enter(name, packed_system(name, graph, bits, threads, isa), equal(expected))

        x = bits.astype(np.float32)
        weight = rng.normal(size=(self.channels, self.channels, self.kernel, self.kernel)).astype(np.float32)
        bias = rng.normal(size=self.channels).astype(np.float32)

        def convolution(ops: Ops) -> Any:
            return ops.conv(ops.input(), weight, bias, 1, self.kernel // 2)

        reference = NumpyOps(x)
        sums = convolution(reference)
        float_peers(case, shape, x, convolution, close(sums), correlated(sums, 0.99), reference.limits)
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
        nodes = (ir.PackBinary("pack", "input"), ir.ThresholdDense("dense", "pack", neurons))
        graph = ir.Graph(ir.InputSpec("uint8", (self.features,)), nodes, "dense")
        title = f"dense {self.features}->{self.outputs} {self.form}"
        case = Case(
            title,
            {"kind": "masked_dense", **asdict(self)},
            batch,
            threads,
            PREFERRED,
            counts_of(graph, batch, threads),
        )
        x = bits.astype(np.float32)
        expected = (x @ neurons.plus.T.astype(np.float32) >= neurons.threshold) ^ neurons.invert
        for name, isa in isas_to_compare().items():
            case.enter(name, packed_system(name, graph, bits, threads, isa), equal(expected))
        weight = rng.normal(size=(self.outputs, self.features)).astype(np.float32)
        bias = rng.normal(size=self.outputs).astype(np.float32)
        reference = NumpyOps(x)
        sums = reference.linear(x, weight, bias)
        float_peers(
            case,
            x.shape,
            x,
            lambda ops: ops.linear(ops.input(), weight, bias),
            close(sums),
            correlated(sums, 0.99),
            reference.limits,
            windows=False,
        )
        return case
