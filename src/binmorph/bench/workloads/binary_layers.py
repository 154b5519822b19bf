"""Binary layers: +-1 weights on +-1 data, a threshold per output.

"binmorph" is called from Python, packed bits of channels in and out; "binmorph-rows" gets and gives rows of
images instead, which are transposed. "binmorph-kernel" is the kernel alone, as it runs in the middle of a
network. Libraries of float operators compute the
sums of the same +-1 data, padded with zeros; OpenVINO's BinaryConvolution takes and gives float32, so layers
also come as chains, where its data stays binary but for the ends.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import binmorph
from binmorph import _core

from ..contest import Case, Check, System, correlated, equal
from ..counts import counts_of
from ..networks import Bits, Ints, Ops
from ..networks.forms import Simulated, signed
from ..networks.sequential import weights
from ..peers.numpy_ops import NumpyOps
from ..peers.packed import PackedNetwork, packed_system, sign_neurons
from .common import float_peers, larq, layer_on_gpu, openvino_binary, ours, pack

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BinaryConv2d:
    """A square convolution, padded by half of its kernel; ``chain`` such layers in a row."""

    name: str
    channels: int
    outputs: int
    size: int
    kernel: int = 3
    stride: int = 1
    chain: int = 1

    @property
    def padding(self) -> int:
        return self.kernel // 2

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng([self.channels, self.outputs, self.kernel])
        layers = [
            weights(rng, self.outputs, self.channels, self.kernel, self.kernel) for _ in range(self.chain)
        ]
        bits = rng.random((batch, self.channels, self.size, self.size)) < 0.5
        x = signed(bits)
        expected: Array = self._build(Simulated(NumpyOps(x)), layers) > 0

        packed = PackedNetwork(bits.shape[1:], bits=True)
        value = packed.packed_input()
        for weight, threshold in layers:
            value = packed.binary_conv(value, weight, threshold, self.stride, self.padding)
        graph = packed.graph(value)
        case = Case(
            self._title(),
            {"kind": "binary_conv2d", **asdict(self)},
            batch,
            threads,
            ("openvino-binary", "torch"),
            counts_of(graph, batch),
        )
        ours(case, graph, bits, equal(expected), "channel-packed")
        if (batch, threads, self.chain) == (1, 1, 1):
            case.enter("binmorph-rows", packed_system("binmorph-rows", graph, bits, threads), equal(expected))
        last = layers[-1][1]
        if (batch, threads, self.chain) == (1, 1, 1):
            case.enter("binmorph-kernel", lambda: self._kernel(*layers[0], bits[0]), equal(expected))
        if self.chain == 1:
            padding = self.padding
            inside = (slice(None), slice(None), *(slice(padding, -padding or None),) * 2)
            check = _reaches(expected, last, inside)

            def convolution(ops: Ops) -> Any:
                return ops.conv(ops.input(), signed(layers[0][0]), None, self.stride, padding)

            reference = NumpyOps(x)
            rounded = correlated(convolution(reference), 0.99)
            float_peers(case, x.shape, x, convolution, check, rounded, reference.limits)
            if threads == 1:
                window = (self.stride, padding)
                layer_on_gpu(case, graph, bits, expected, layers[0][0], window, check)
        reaches = _reaches(expected, last, (slice(None),))
        openvino_binary(case, x.shape, x, lambda form: form.sums(self._build(form, layers)), reaches, False)
        larq(case, x, lambda form: form.sums(self._build(form, layers)), reaches)
        return case

    def _build(self, form: Any, layers: list[tuple[Bits, Ints]]) -> Any:
        value = form.signs(form.input(), np.zeros(self.channels, np.float32))
        for weight, threshold in layers:
            value = form.binary_conv(value, weight, threshold, self.stride, self.padding)
        return value

    def _title(self) -> str:
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        chain = f" chain of {self.chain}" if self.chain > 1 else ""
        return (
            f"{self.name} {self.channels}->{self.outputs} {self.kernel}x{self.kernel} @{self.size}"
            f"{stride}{chain}"
        )

    def _kernel(self, weight: Bits, threshold: Ints, image: Bits) -> System:
        neurons = sign_neurons(weight, threshold)

        def made(kernel: str) -> Any:
            return _core.kernels.Conv2d(
                kernel,
                pack(neurons.plus),
                pack(neurons.minus),
                neurons.threshold[None],
                np.zeros(self.outputs, np.uint8),
                image.shape,
                self.outputs,
                (self.kernel, self.kernel),
                stride=(self.stride, self.stride),
                padding=(self.padding,) * 4,
            )

        best = min(
            (
                made(name)
                for name in kernels_of("threshold_conv2d", _core.default_isa())
                if _core.kernels.Conv2d.supports(name, neurons.plus.shape[1])
            ),
            key=lambda conv: float(conv.cycles),
        )
        words = pack(image.transpose(1, 2, 0)).ravel()
        out = best.run(words)
        side = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return System(
            "binmorph-kernel",
            f"{binmorph.__version__} {best.kernel}",
            lambda: best.run(words, out),
            lambda: _unpacked(best.run(words, out), (side, side), self.outputs).transpose(2, 0, 1)[None],
            "1 thread, channel-packed bits in and out",
            lambda n: best.run(words, out, repeats=n),
        )


@dataclass(frozen=True)
class BinaryDense:
    """A fully connected layer."""

    name: str
    features: int
    outputs: int

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng(batch)
        weight, threshold = weights(rng, self.outputs, self.features)
        bits = rng.random((batch, self.features)) < 0.5
        x, w = signed(bits), signed(weight)
        expected = x @ w.T >= threshold

        packed = PackedNetwork((self.features,), bits=True)
        graph = packed.graph(packed.binary_dense(packed.packed_input(), weight, threshold))
        title = f"{self.name} dense {self.features}->{self.outputs}"
        work = {"kind": "binary_dense", **asdict(self)}
        preferred = ("openvino-binary", "torch")
        case = Case(title, work, batch, threads, preferred, counts_of(graph, batch))
        ours(case, graph, bits, equal(expected))
        if threads == 1:
            case.enter("binmorph-kernel", lambda: self._kernel(weight, threshold, bits), equal(expected))
        check = _reaches(expected, threshold, (slice(None),))
        reference = NumpyOps(x)
        rounded = correlated(reference.linear(x, w, None), 0.99)

        def product(ops: Ops) -> Any:
            return ops.linear(ops.input(), w, None)

        float_peers(case, x.shape, x, product, check, rounded, reference.limits, windows=False)
        shape = (1, self.features, 1, batch)  # images along the width: the fastest of three forms

        def build(form: Any) -> Any:
            value = form.signs(form.input(), np.zeros(self.features, np.float32))
            return form.sums(form.binary_dense(value, weight, threshold))

        along = np.ascontiguousarray(x.T).reshape(shape)
        openvino_binary(case, shape, along, build, _transposed(check), True)
        larq(case, x, build, lambda sums: check(sums[:, :, 0, 0]))
        if threads == 1:
            layer_on_gpu(case, graph, bits, expected, weight, (1, 0), check)
        return case

    def _kernel(self, weight: Bits, threshold: Ints, bits: Bits) -> System:
        neurons = sign_neurons(weight, threshold)
        masks = (pack(neurons.plus), pack(neurons.minus))
        layer = _core.kernels.Dense(
            self.features, *masks, neurons.threshold, np.zeros(self.outputs, np.uint8)
        )
        name = kernels_of("threshold_dense", _core.default_isa())[-1]
        words, scratch = pack(bits).ravel(), np.zeros(layer.scratch_words, np.uint64)
        out = layer.run(name, words, scratch=scratch)
        return System(
            "binmorph-kernel",
            f"{binmorph.__version__} {name}",
            lambda: layer.run(name, words, out, scratch=scratch),
            lambda: _unpacked(layer.run(name, words, out, scratch=scratch), (len(bits),), self.outputs),
            "1 thread, packed bits in and out",
            lambda n: layer.run(name, words, out, scratch=scratch, repeats=n),
        )


def kernels_of(op: str, isa: str) -> list[str]:
    """The kernels of an operation for an instruction set; those of lower ones where it has none."""
    order = list(_core.isas())
    known = [
        (order.index(of), name)
        for kind, name, of, runs in _core.kernels.list_kernels()
        if kind == op and runs and of in order and order.index(of) <= order.index(isa)
    ]
    best = max(level for level, _ in known)
    return [name for level, name in known if level == best]


def _unpacked(words: Array, leading: tuple[int, ...], bits: int) -> Bits:
    flat = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")
    return flat.reshape(*leading, -1)[..., :bits].astype(bool)


def _reaches(expected: Array, threshold: Ints, where: tuple[Any, ...]) -> Check:
    """Checks sums: which of them reach the threshold, in the part ``where``."""
    limit = threshold.astype(np.float32).reshape(-1, *(1,) * (expected.ndim - 2))
    exact = equal(expected[where])
    return lambda sums: exact((sums >= limit - 0.5)[where])


def _transposed(check: Check) -> Check:
    return lambda sums: check(sums[0, :, 0].T)
