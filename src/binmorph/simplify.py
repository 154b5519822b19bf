"""Algebra on the graph that keeps every bit of every node: the form in which a network is shortest to say.

- *Constant folding*: a neuron that always or never fires becomes an empty one, and a BiSEL's union or
  intersection no longer waits for it; a channel that is constant over the whole image (its border included)
  makes the neurons that read it constant in turn.
- *De Morgan*: a neuron that only counts zeros is the complement of one that counts ones; complements of BiSE
  neurons move into the union or intersection behind them, NOT y = 1 - y.

Nodes keep their names, shapes and values; statuses, margins and distances say what they said, how the neuron
relates to the float one it came from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ir

_KEEPS_CONSTANT = {
    "replicate": (True, True),
    "valid": (True, True),
    "zeros": (True, False),
    "ones": (False, True),
}
"""Whether a window sees a constant 0, or 1, channel as constant even where it reaches over the border."""


def simplify(graph: ir.Graph) -> ir.Graph:
    """An equal graph: the same nodes with simpler neurons. Every node's value is the same on every input."""
    known: dict[str, npt.NDArray[np.int8]] = {}
    nodes: list[ir.AnyNode] = []
    for node in graph.nodes:
        simple, constant = _node(node, known.get(node.input), graph)
        nodes.append(simple)
        if constant is not None and (constant >= 0).any():
            known[node.name] = constant
    return ir.Graph(graph.input, tuple(nodes), graph.output, graph.producer)


def _node(
    node: ir.AnyNode, known: npt.NDArray[np.int8] | None, graph: ir.Graph
) -> tuple[ir.AnyNode, npt.NDArray[np.int8] | None]:
    """The simpler node, and its constant channels: 0, 1, or -1 where the channel varies."""
    if isinstance(node, ir.Bisel):
        return _bisel(node, known)
    if isinstance(node, ir.ThresholdDense):
        neurons = node.neurons if known is None else _fold_inputs(node.neurons, known)
        neurons = positive(fold_constants(neurons))
        return replace(node, neurons=neurons), constants(neurons)
    if isinstance(node, ir.MaxPool):
        return node, known
    if isinstance(node, ir.Flatten) and known is not None:
        return node, np.repeat(known, graph.type_of(node.name).size // known.size)
    return node, None


def _bisel(node: ir.Bisel, known: npt.NDArray[np.int8] | None) -> tuple[ir.Bisel, npt.NDArray[np.int8]]:
    bise = node.bise
    if known is not None:
        zero, one = _KEEPS_CONSTANT[node.border]
        usable = np.where(((known == 0) & zero) | ((known == 1) & one), known, -1)
        # A window of channel c sees n equal bits.
        channels = np.broadcast_to(usable[None, :, None], bise.plus.shape)
        bise = _fold_inputs(bise, channels)
    bise = positive(fold_constants(bise))
    lui = _fold_inputs(node.lui, constants(bise))
    bise, lui = _complements_into(bise, lui)
    lui = positive(fold_constants(lui))
    return replace(node, bise=bise, lui=lui), constants(lui)


def constants(neurons: ir.Neurons) -> npt.NDArray[np.int8]:
    """int8 [...]: 1 for neurons that always fire, 0 for those that never do, -1 for the others."""
    always = neurons.threshold <= -neurons.minus.sum(-1)
    never = neurons.threshold > neurons.plus.sum(-1)
    value = np.where(always, 1, np.where(never, 0, -1))
    return np.where(value < 0, value, value ^ neurons.invert).astype(np.int8)


def fold_constants(neurons: ir.Neurons) -> ir.Neurons:
    """Constant neurons with empty masks, threshold 0 (one) or 1 (zero), and no inversion."""
    value = constants(neurons)
    fixed = np.asarray(value >= 0)
    return replace(
        neurons,
        plus=neurons.plus & ~fixed[..., None],
        minus=neurons.minus & ~fixed[..., None],
        threshold=np.where(fixed, 1 - value, neurons.threshold).astype(np.int32),
        invert=neurons.invert & ~fixed,
    )


def positive(neurons: ir.Neurons) -> ir.Neurons:
    """De Morgan: -P >= t iff NOT (P >= 1 - t), for neurons that count zeros only."""
    turned = np.asarray(neurons.minus.any(-1) & ~neurons.plus.any(-1))
    return replace(
        neurons,
        plus=np.where(turned[..., None], neurons.minus, neurons.plus),
        minus=neurons.minus & ~turned[..., None],
        threshold=np.where(turned, 1 - neurons.threshold, neurons.threshold).astype(np.int32),
        invert=neurons.invert ^ turned,
    )


def _fold_inputs(neurons: ir.Neurons, value: npt.NDArray[Any]) -> ir.Neurons:
    """Neurons without the inputs of known ``value`` (0 or 1; -1 unknown), broadcast to their masks: a known
    one moves into the threshold."""
    known = np.broadcast_to(value >= 0, neurons.plus.shape)
    one = np.broadcast_to(value == 1, neurons.plus.shape)
    counted = (neurons.plus & one).sum(-1, dtype=np.int64) - (neurons.minus & one).sum(-1, dtype=np.int64)
    plus, minus = neurons.plus & ~known, neurons.minus & ~known
    # Beyond what is left to count the neuron is constant, and says so at the end of its range.
    low, high = -minus.sum(-1, dtype=np.int64), plus.sum(-1, dtype=np.int64) + 1
    threshold = np.clip(neurons.threshold - counted, low, high).astype(np.int32)
    return replace(neurons, plus=plus, minus=minus, threshold=threshold)


def _complements_into(bise: ir.Neurons, lui: ir.Neurons) -> tuple[ir.Neurons, ir.Neurons]:
    """BiSE neurons without inversion: w (1 - y) = w - w y, so the input changes its sign and w moves into the
    threshold of the LUI."""
    flipped = bise.invert
    moved = (lui.plus & flipped).sum(-1, dtype=np.int64) - (lui.minus & flipped).sum(-1, dtype=np.int64)
    joined = replace(
        lui,
        plus=np.where(flipped, lui.minus, lui.plus),
        minus=np.where(flipped, lui.plus, lui.minus),
        threshold=(lui.threshold - moved).astype(np.int32),
    )
    return replace(bise, invert=np.zeros_like(bise.invert)), joined
