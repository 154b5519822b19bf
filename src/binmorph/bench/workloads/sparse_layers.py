"""3x3 convolutions by masks with few ones, beside our own kernels for any density.

"binmorph-kernel" (integers out) and "binmorph-kernel-bits" (thresholds) run on lists of taps, planes of the
image included; "binmorph-any-density" is accumulate_conv2d, the same masks and the same integers by the
kernel of any density, "binmorph-threshold" threshold_conv2d, the same bits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import binmorph
from binmorph import _core

from ..contest import Absent, Array, Case, System, equal
from ..networks import Bits
from ..peers.numpy_ops import NumpyOps
from .common import pack

SUFFIX = {"x86_avx2": "x86_avx2_lutp", "x86_avx512": "x86_avx512_popcnt"}


@dataclass(frozen=True)
class SparseConv2d:
    """As many channels in as out; ``density`` is the share of ones; ``isa`` holds all systems to it."""

    name: str
    channels: int
    size: int
    density: float
    isa: str

    def case(self, batch: int, threads: int) -> Case:
        rng = np.random.default_rng([self.channels, round(100 * self.density)])
        plus = rng.random((self.channels, self.channels * 9)) < self.density
        bits = rng.random((1, self.channels, self.size, self.size)) < 0.5
        weight = plus.astype(np.float32).reshape(self.channels, self.channels, 3, 3)
        ops = NumpyOps(bits.astype(np.float32))
        sums = ops.conv(ops.input(), weight, None, 1, 1).astype(np.int32)
        title = f"{self.name} {self.channels} channels @{self.size}, {self.density:.0%} ones, {self.isa}"
        work = {"kind": "sparse_conv2d", **asdict(self)}
        case = Case(title, work, batch, threads, ("binmorph-any-density",))
        words = pack(bits[0].transpose(1, 2, 0)).ravel()
        case.enter("binmorph-kernel", lambda: self._lists(plus, words), equal(sums))
        case.enter("binmorph-any-density", lambda: self._dense(plus, words, "accumulate"), equal(sums))
        thresholded = equal(sums >= 9)
        case.enter("binmorph-kernel-bits", lambda: self._list_bits(plus, words), thresholded)
        case.enter("binmorph-threshold", lambda: self._dense(plus, words, "threshold"), thresholded)
        return case

    def _check(self) -> None:
        if not _core.isas().get(self.isa):
            raise Absent(f"this machine lacks {self.isa}")

    def _lists(self, plus: Bits, words: Array) -> System:
        self._check()
        image, sides = (self.channels, self.size, self.size), (1, 1, 1, 1)
        conv = _core.kernels.SparseConv2d(pack(plus), None, image, self.channels, (3, 3), padding=sides)
        name, planes = f"sparse_conv2d_u64_i32__{self.isa}", f"images_to_planes_u64_u64__{self.isa}"
        sums = np.zeros(self.size**2 * self.channels, np.int32)
        scratch = np.zeros(conv.scratch_words, np.uint64)

        def call() -> Any:
            return conv.run(name, conv.planes(planes, words), sums, scratch=scratch)

        return System(
            "binmorph-kernel", f"{binmorph.__version__} {name}", call, lambda: self._image(call()), "1 thread"
        )

    def _list_bits(self, plus: Bits, words: Array) -> System:
        self._check()
        image, sides = (self.channels, self.size, self.size), (1, 1, 1, 1)
        conv = _core.kernels.SparseConv2d(pack(plus), None, image, self.channels, (3, 3), padding=sides)
        name, planes = f"sparse_threshold_u64_u64__{self.isa}", f"images_to_planes_u64_u64__{self.isa}"
        one_class = [0] * self.size
        neurons = (np.full((1, self.channels), 9, np.int32), np.zeros(self.channels, np.uint8))
        bits = np.zeros(self.size**2 * self.channels // 64, np.uint64)
        scratch = np.zeros(conv.threshold_scratch_words(1), np.uint64)

        def call() -> Any:
            on = conv.planes(planes, words)
            return conv.fires(name, on, *neurons, one_class, one_class, bits, scratch=scratch)

        def output() -> Array:
            return self._image(np.unpackbits(call().view(np.uint8), bitorder="little").astype(bool))

        version = f"{binmorph.__version__} {name}"
        return System("binmorph-kernel-bits", version, call, output, "1 thread")

    def _dense(self, plus: Bits, words: Array, op: str) -> System:
        self._check()
        kernel = f"{op}_conv2d_u64_{'i32' if op == 'accumulate' else 'u64'}__{SUFFIX[self.isa]}"
        conv = _core.kernels.Conv2d(
            kernel,
            pack(plus),
            None,
            np.full((1, self.channels), 9, np.int32),
            np.zeros(self.channels, np.uint8),
            (self.channels, self.size, self.size),
            self.channels,
            (3, 3),
            padding=(1, 1, 1, 1),
        )
        out = conv.run(words)

        def output() -> Array:
            result: Array = conv.run(words, out)
            if op == "accumulate":
                return self._image(result)
            return self._image(np.unpackbits(result.view(np.uint8), bitorder="little").astype(bool))

        name = "binmorph-any-density" if op == "accumulate" else "binmorph-threshold"
        return System(
            name,
            f"{binmorph.__version__} {kernel}",
            lambda: conv.run(words, out),
            output,
            "1 thread",
            lambda n: conv.run(words, out, repeats=n),
        )

    def _image(self, values: Array) -> Array:
        """[1, C, H, W] of channels-last values."""
        return values.reshape(self.size, self.size, self.channels).transpose(2, 0, 1)[None]
