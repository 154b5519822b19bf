"""Single morphological operators on plain bool images, run through the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from binmorph import ir
from binmorph.runtime import PackedModel

Bits = np.ndarray[Any, np.dtype[np.bool_]]


def neurons(
    plus: Bits,
    threshold: Any,
    minus: Bits | None = None,
    invert: Any = False,
    status: int = ir.Status.POPCOUNT,
) -> ir.Neurons:
    """Masks [..., n] with thresholds and inversions that broadcast to [...]."""
    lead = plus.shape[:-1]
    one = np.ones(lead)
    return ir.Neurons(
        plus,
        np.zeros_like(plus) if minus is None else minus,
        np.broadcast_to(threshold, lead).astype(np.int32),
        np.broadcast_to(invert, lead).astype(np.bool_),
        np.full(lead, status, np.uint8),
        one,
        0 * one,
    )


def identity() -> ir.Neurons:
    return neurons(np.ones((1, 1), np.bool_), 1)


def run(x: Bits, *nodes: ir.AnyNode, layout: str | None = None) -> Bits:
    """Sends bool images [N, C, H, W] through nodes, the first of which reads "pack"."""
    pack = ir.PackBinary("pack", "input")
    graph = ir.Graph(ir.InputSpec("uint8", x.shape[1:]), (pack, *nodes), nodes[-1].name)
    result: Bits = PackedModel(graph, threads=1, layout=layout)(x)
    return result


def rank(x: Bits, element: Bits, k: int, border: str = "replicate", **how: Any) -> Bits:
    """[at least k pixels of the element are set] on images [N, 1, H, W]."""
    layout = how.pop("layout", None)
    bise = neurons(element.reshape(1, 1, -1), k, **how)
    return run(x, ir.Bisel("m", "pack", element.shape, border, bise, identity()), layout=layout)


def dilate(x: Bits, element: Bits, border: str = "replicate", **how: Any) -> Bits:
    return rank(x, element, 1, border, **how)


def erode(x: Bits, element: Bits, border: str = "replicate", **how: Any) -> Bits:
    return rank(x, element, int(element.sum()), border, **how)


@st.composite
def elements(draw: st.DrawFn, empty: bool = False) -> Bits:
    """Structuring elements: even, rectangular and asymmetric ones, larger than some images."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 7)))
    element = np.random.default_rng(draw(st.integers(0, 2**32))).random(shape) < draw(st.floats(0.05, 1))
    if not empty and not element.any():
        element[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return element


@st.composite
def images(draw: st.DrawFn, channels: int = 1) -> Bits:
    """A few images [N, channels, H, W] around the word width, and of a single row, column or pixel."""
    height = draw(st.sampled_from([1, 2, 5, 9]))
    width = draw(st.sampled_from([1, 2, 7, 31, 63, 64, 65, 100, 129]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random((draw(st.integers(1, 3)), channels, height, width)) < draw(st.floats(0, 1))
