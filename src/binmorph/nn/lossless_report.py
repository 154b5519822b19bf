"""What exactness costs: the forms that were weighed for each layer, their bits, operations and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .. import ir
from ..cost import cost
from .hardening import binarized_bank
from .integer_layers import Part, Shape
from .layers import LUI, BiSEL, MorphologicalLayer
from .neurons import ThresholdNeurons

ROUNDS = 15


@dataclass(frozen=True)
class ExactForm:
    """A form of a layer: ``bits`` of its masks, tables and thresholds, ``operations`` on words per image (a
    population count is two), and ``microseconds`` per image as this machine runs it on one thread."""

    name: str
    bits: int
    operations: int
    microseconds: float

    @classmethod
    def of(cls, name: str, parts: Sequence[Part], shape: Shape) -> ExactForm:
        """That of ``parts``, one after the other, for images of ``shape``."""
        graph = _graph(shape)
        for i, part in enumerate(parts):
            source = graph.output
            node = part.node(f"part{i}", source, graph.type_of(source).shape)
            graph = ir.Graph(graph.input, (*graph.nodes, node), node.name)
        return cls(name, sum(part.bits for part in parts), *_spent(graph))

    @classmethod
    def as_counts(cls, layer: MorphologicalLayer, shape: Shape) -> ExactForm:
        """That of the nearest counts: not exact, what exactness is measured against."""
        banks = [binarized_bank(bank, "popcount") for _, bank in layer.banks()]
        node: ir.AnyNode
        if isinstance(layer, BiSEL):
            lui = banks[1] if isinstance(layer.lui, ThresholdNeurons) else layer.lui.neurons()
            node = ir.Bisel("counts", "bits", layer.kernel, layer.border, banks[0], lui)
        elif isinstance(layer, LUI):
            outputs, channels = banks[0].plus.shape
            passes = _passing(outputs, channels)
            node = ir.Bisel("counts", "bits", (1, 1), "valid", passes, banks[0])
        else:
            node = ir.ThresholdDense("counts", "bits", banks[0])
        start = _graph(shape)
        graph = ir.Graph(start.input, (*start.nodes, node), node.name)
        bits = sum(2 * bank.plus.size + 32 * bank.threshold.size for bank in banks)
        return cls("nearest counts", bits, *_spent(graph))

    def __str__(self) -> str:
        return f"{self.bits} bits, {self.operations} operations, {self.microseconds:.3g} us"


def _passing(outputs: int, channels: int) -> ir.Neurons:
    size = (outputs, channels)
    plus = np.ones((*size, 1), np.bool_)
    no, one, zero = np.zeros(size, np.bool_), np.ones(size), np.zeros(size)
    return ir.Neurons(plus, ~plus, one.astype(np.int32), no, one.astype(np.uint8), zero, zero)


def _graph(shape: Shape) -> ir.Graph:
    return ir.Graph(ir.InputSpec("uint8", shape), (ir.PackBinary("bits", "input"),), "bits")


def _spent(graph: ir.Graph) -> tuple[int, float]:
    """Operations, and the least microseconds, of all nodes but the packing of the input."""
    from ..runtime import PackedModel

    work = [counts for name, counts in cost(graph).nodes.items() if name != "bits"]
    model = PackedModel(graph, threads=1)
    x = np.random.default_rng(0).integers(0, 2, (1, *graph.input.shape)).astype(np.uint8)
    times = model.profile(x, ROUNDS)
    own = [times[key] for key in times if key not in ("", "output") and not key.startswith("bits:")]
    least = 1e3 * sum(min(part) for part in own)
    return sum(counts.word_ops + 2 * counts.popcounts for counts in work), least


@dataclass(frozen=True)
class LosslessLayer:
    """One layer: ``neurons`` were no count; ``largest`` is the largest integer weight that realises them.
    ``forms`` are the exact ones that there are, the one that was taken first; ``counts`` the nearest counts
    in their place. Calibrated layers: ``tried`` and ``changed`` decisions, and the largest ``bound``."""

    name: str
    neurons: int
    largest: int
    counts: ExactForm
    forms: tuple[ExactForm, ...]
    tried: int = 0
    changed: int = 0
    bound: float = 0.0

    @property
    def taken(self) -> ExactForm:
        """The cheapest."""
        return self.forms[0]

    def __str__(self) -> str:
        what = "lossless"
        if self.tried:
            what = (
                f"calibrated ({self.changed} of {self.tried} decisions changed, sums within {self.bound:.3g})"
            )
        lines = [
            f"{self.name or 'the network'}: {what}, {self.neurons} neurons by {self.taken.name}, "
            f"weights up to {self.largest}: {self.taken}; nearest counts: {self.counts}"
        ]
        lines += [f"  instead of {form.name}: {form}" for form in self.forms[1:]]
        return "\n".join(lines)


@dataclass(frozen=True)
class LosslessReport:
    """What :func:`binmorph.nn.lossless` replaced, and which inexact layers it had to leave, and why."""

    layers: tuple[LosslessLayer, ...]
    left: tuple[str, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """One dictionary per layer replaced."""
        return [asdict(layer) for layer in self.layers]

    def __str__(self) -> str:
        lines = [*map(str, self.layers), *self.left]
        return "\n".join(lines) or "every neuron is a count: nothing to replace"
