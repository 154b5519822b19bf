"""3x3 convolutions by masks with few ones, batch 1, integers out, beside the kernels for any density.

"binmorph" is sparse_conv2d by the best instruction set, planes of the image included; "any-density" is
accumulate_conv2d of the same instruction set, with the same masks and the same integers out; "threshold" is
threshold_conv2d, bits out. The name of a case has the share of ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import binmorph
from binmorph import _core

from ..case import Case, System
from .layers import LAYERS, Layer, _pack

DENSITIES = (0.1, 0.05, 0.02, 0.01)
DENSE_KERNELS = {
    "x86_avx2": ("accumulate_conv2d_u64_i32__x86_avx2_lutp", "threshold_conv2d_u64_u64__x86_avx2_lutp"),
    "x86_avx512": (
        "accumulate_conv2d_u64_i32__x86_avx512_popcnt",
        "threshold_conv2d_u64_u64__x86_avx512_popcnt",
    ),
}


def _case(layer: Layer, density: float, isa: str, threads: int) -> Case:
    rng = np.random.default_rng([layer.channels, round(100 * density)])
    plus = rng.random((layer.outputs, layer.channels * 9)) < density
    image, padding = (layer.channels, layer.size, layer.size), (1, 1, 1, 1)
    x = _pack(rng.random((layer.size, layer.size, layer.channels)) < 0.5).ravel()
    sparse = _core.kernels.SparseConv2d(_pack(plus), None, image, layer.outputs, (3, 3), padding=padding)
    name, planes = f"sparse_conv2d_u64_i32__{isa}", "images_to_planes_u64_u64__x86_avx2"
    sums = np.zeros(layer.size**2 * layer.outputs, np.int32)
    scratch = np.zeros(sparse.scratch_words, np.uint64)

    def lists() -> Any:
        return sparse.run(name, sparse.planes(planes, x), sums, scratch=scratch)

    threshold, invert = np.full((1, layer.outputs), 9, np.int32), np.zeros(layer.outputs, np.uint8)
    systems = [System("binmorph", f"{binmorph.__version__} {isa}", lists)]
    for label, kernel in zip(("any-density", "threshold"), DENSE_KERNELS[isa], strict=True):
        conv = _core.kernels.Conv2d(
            kernel, _pack(plus), None, threshold, invert, image, layer.outputs, (3, 3), padding=padding
        )
        out: Any = np.zeros_like(sums) if label == "any-density" else None
        if out is not None and not np.array_equal(conv.run(x, out), lists()):
            raise AssertionError(f"{name} differs from {kernel}")
        out = out if out is not None else np.zeros(layer.size**2 * layer.outputs // 64, np.uint64)

        def call(conv: Any = conv, out: Any = out) -> Any:
            return conv.run(x, out)

        systems.append(System(label, f"{binmorph.__version__} {isa}", call))
    return Case(f"{layer}, {density:.0%} ones, {isa}", tuple(systems), "any-density", threads)


def cases(threads: int) -> Iterator[Case]:
    """The 3x3 layers of a ResNet-18 at each density, on AVX-512 and AVX2 where the machine has them."""
    if threads != 1:
        raise ValueError("the sparse suite compares single threads: --threads 1")
    isas = _core.isas()
    for isa in ("x86_avx512", "x86_avx2"):
        for layer in LAYERS[:4] if isas[isa] else []:
            for density in DENSITIES:
                yield _case(layer, density, isa, threads)
