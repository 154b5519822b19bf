"""Counts of a network's work, and energy *proxies* made of counts times published tables.

The counts describe the arithmetic that the definition of each node needs in one stated reference form; they
do not depend on the kernels that a machine happens to run:

- window neurons (BiSEL) are counted bit-sliced, 64 output pixels a word: an AND or OR of literals needs one
  word operation per literal; a count of m literals needs m full adders of 5 word operations and a bit-serial
  comparison;
- convolutions and fully connected neurons are counted channel-packed, 64 inputs a word: one AND (or XOR,
  where every weight is a sign) and one population count per word and mask, and an addition to the running
  sum (counted with the word operations);
- a float layer over bits is counted as one float32 addition per weight, its upper bound (all bits set); over
  numbers as a multiplication and an addition per weight; elementwise steps as what they do per value;
- a first layer over bytes is counted as one integer multiplication and addition per weight and position.

``float_macs`` is the same network with dense float32 weights, the usual thing that it replaces.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ir
from .errors import ShapeError

WORD = 64
FULL_ADDER = 5  # two XOR, two AND, one OR


@dataclass(frozen=True)
class Counts:
    """Work of a node or a network. Everything is a plain count; ``*_bytes`` are bytes that move once."""

    binary_macs: int = 0
    word_ops: int = 0
    popcounts: int = 0
    float_adds: int = 0
    float_muls: int = 0
    int_macs: int = 0
    weight_bytes: int = 0
    value_bytes: int = 0
    float_macs: int = 0
    float_weight_bytes: int = 0
    float_value_bytes: int = 0

    def times(self, batch: int) -> Counts:
        """The counts of a batch of images: weights move once."""
        once = ("weight_bytes", "float_weight_bytes")
        return Counts(*(getattr(self, f.name) * (1 if f.name in once else batch) for f in fields(self)))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Energy:
    """Energy proxies in picojoules under one table; ``*_level`` is the memory that bytes are charged to."""

    table: str
    title: str
    packed_compute_pj: float
    packed_memory_pj: float
    packed_memory_level: str
    float_compute_pj: float
    float_memory_pj: float
    float_memory_level: str

    @property
    def ratio_compute(self) -> float:
        """Float over packed, arithmetic only."""
        return self.float_compute_pj / max(self.packed_compute_pj, 1e-30)

    @property
    def ratio_total(self) -> float:
        """Float over packed, arithmetic and memory."""
        packed = self.packed_compute_pj + self.packed_memory_pj
        return (self.float_compute_pj + self.float_memory_pj) / max(packed, 1e-30)


@dataclass(frozen=True)
class Cost:
    """Counts per node and in total, and an :class:`Energy` per table."""

    nodes: dict[str, Counts]
    total: Counts
    energy: tuple[Energy, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, ready for ``json.dump``."""
        energy = [
            {**asdict(e), "ratio_compute": e.ratio_compute, "ratio_total": e.ratio_total, "kind": "proxy"}
            for e in self.energy
        ]
        nodes = {name: asdict(counts) for name, counts in self.nodes.items()}
        assumptions = load_tables()["assumptions"]
        return {
            "nodes": nodes,
            "total": asdict(self.total),
            "energy_proxy": energy,
            "assumptions": assumptions,
        }


def _words(bits: int) -> int:
    return -(-bits // WORD)


def _value_bytes(value: ir.ValueType) -> int:
    if value.kind == "bits":
        return _words(value.size) * 8
    return value.size * (1 if value.kind == "uint8" else 4)


def _sliced_ops(neurons: ir.Neurons) -> int:
    """Word operations per 64 outputs of bit-sliced neurons, summed over all of them."""
    plus, minus = neurons.plus.sum(-1, dtype=np.int64), neurons.minus.sum(-1, dtype=np.int64)
    # NOT x = 1 - x turns the signed count into a count of literals: count + |minus| >= threshold + |minus|.
    literals, needed = plus + minus, neurons.threshold + minus
    constant = (needed <= 0) | (needed > literals)
    logic = (needed == 1) | (needed == literals)
    bits = np.ceil(np.log2(literals + 1)).astype(np.int64)
    counting = FULL_ADDER * literals + 2 * bits
    return int(np.where(constant, 0, np.where(logic, literals, counting)).sum())


def neuron_bits(neurons: ir.Neurons) -> int:
    """Bits that an array of neurons needs: masks (the second only if used), int32 thresholds, inversion
    bits."""
    masks = 2 if bool(neurons.minus.any()) else 1
    return int(neurons.plus.size * masks + neurons.threshold.size * 33)


def _bisel(node: ir.Bisel, y: ir.ValueType) -> Counts:
    outputs, channels = node.bise.shape
    pixels = y.shape[1] * y.shape[2]
    macs = outputs * channels * (node.bise.n + 1) * pixels
    return Counts(
        binary_macs=macs,
        word_ops=(_sliced_ops(node.bise) + _sliced_ops(node.lui)) * _words(pixels),
        weight_bytes=-(-(neuron_bits(node.bise) + neuron_bits(node.lui)) // 8),
        float_macs=macs,
        float_weight_bytes=4 * (node.bise.plus.size + node.bise.threshold.size + outputs * (channels + 1)),
    )


def _threshold_dense(node: ir.ThresholdDense) -> Counts:
    outputs, inputs = node.neurons.shape[0], node.neurons.n
    passes = 2 if bool(node.neurons.minus.any()) else 1
    words = outputs * _words(inputs) * passes
    return Counts(
        binary_macs=outputs * inputs,
        word_ops=2 * words,
        popcounts=words,
        weight_bytes=-(-neuron_bits(node.neurons) // 8),
        float_macs=outputs * inputs,
        float_weight_bytes=4 * outputs * (inputs + 1),
    )


def _pixels(y: ir.ValueType) -> int:
    return int(np.prod(y.shape[1:]))


def _count_words(node: ir.WindowNode, y: ir.ValueType, inputs: int, passes: int) -> Counts:
    """Channel-packed counting: the channels of each tap fill their own words."""
    taps = node.kernel[0] * node.kernel[1]
    words = y.size * taps * _words(inputs // taps) * passes
    return Counts(
        binary_macs=y.size * inputs,
        word_ops=2 * words,
        popcounts=words,
        float_macs=y.size * inputs,
        float_weight_bytes=4 * y.shape[0] * (inputs + 1),
    )


def _masks(plus: npt.NDArray[np.bool_], minus: npt.NDArray[np.bool_]) -> int:
    """Masks that are read: one where the second is empty, or the complement of the first."""
    return 2 if bool(minus.any()) and not bool(np.all(plus ^ minus)) else 1


def _threshold_conv2d(node: ir.ThresholdConv2d, y: ir.ValueType) -> Counts:
    neurons = node.neurons
    work = _count_words(node, y, neurons.n, _masks(neurons.plus, neurons.minus))
    offsets = 4 * (node.offset.size if len(node.offset) > 1 else 0)
    return work + Counts(weight_bytes=-(-neuron_bits(neurons) // 8) + offsets)


def _sums(node: ir.WindowNode, x: ir.ValueType, y: ir.ValueType) -> Counts:
    """Convolutions that write numbers."""
    if isinstance(node, (ir.Conv2d, ir.PixelConv2d)):
        macs = node.weight[0].size * y.size
        extra = node.bias if isinstance(node, ir.Conv2d) else node.constant
        weights = node.weight.nbytes + extra.nbytes
        work = Counts(float_macs=macs, weight_bytes=weights, float_weight_bytes=4 * node.weight.size)
        if isinstance(node, ir.PixelConv2d):
            return work + Counts(int_macs=macs)
        return work + Counts(float_adds=macs, float_muls=macs)
    assert isinstance(node, (ir.CountConv2d, ir.TwoValueConv2d))
    minus = node.minus_weights if isinstance(node, ir.CountConv2d) else np.zeros_like(node.plus_weights)
    masks = _masks(node.plus_weights, minus)
    work = _count_words(node, y, node.plus_weights.shape[1], masks)
    work += Counts(weight_bytes=-(-node.plus_weights.size * masks // 8) + node.constant.nbytes)
    if isinstance(node, ir.TwoValueConv2d):  # the whole window is counted once for all outputs of a group
        words = _pixels(y) * _words(x.shape[0]) * node.kernel[0] * node.kernel[1]
        work += Counts(word_ops=words, popcounts=words, float_adds=y.size, float_muls=2 * y.size)
    return work


def _elementwise(node: ir.AnyNode, y: ir.ValueType) -> Counts:
    """Streams of numbers: additions, multiplications and parameters."""
    if isinstance(node, ir.Affine):
        return Counts(float_adds=y.size, float_muls=y.size, weight_bytes=2 * node.scale.nbytes)
    if isinstance(node, ir.Add):
        return Counts(float_adds=y.size)
    if isinstance(node, ir.PRelu):
        return Counts(float_muls=y.size, weight_bytes=node.slope.nbytes)
    if isinstance(node, ir.AvgPool):
        return Counts(float_adds=y.size * node.kernel[0] * node.kernel[1], float_muls=y.size)
    return Counts()


def count_node(node: ir.AnyNode, x: ir.ValueType, y: ir.ValueType) -> Counts:
    """Counts of one node that reads a value of type ``x`` and writes one of type ``y``."""
    work = Counts()
    if isinstance(node, ir.Bisel):
        work = _bisel(node, y)
    elif isinstance(node, ir.ThresholdConv2d):
        work = _threshold_conv2d(node, y)
    elif isinstance(node, ir.WindowNode):
        work = _sums(node, x, y)
    elif isinstance(node, ir.ThresholdDense):
        work = _threshold_dense(node)
    elif isinstance(node, ir.Linear):
        size = int(node.weight.size)
        bytes_ = 4 * (size + node.bias.size)
        muls = 0 if x.kind == "bits" else size
        work = Counts(float_adds=size, float_muls=muls, weight_bytes=bytes_, float_macs=size)
        work += Counts(float_weight_bytes=bytes_)
    elif isinstance(node, ir.LevelSets):
        work = Counts(
            float_adds=y.size, weight_bytes=4 * node.values.size, float_weight_bytes=4 * node.values.size
        )
    elif isinstance(node, ir.PackBinary):
        work = Counts(word_ops=_words(x.size))
    elif isinstance(node, ir.MaxPool) and x.kind == "bits":
        work = Counts(word_ops=node.kernel[0] * node.kernel[1] * y.shape[0] * _words(_pixels(y)))
    else:
        work = _elementwise(node, y)
    if isinstance(node, ir.Flatten):
        return work  # a matter of layout: no arithmetic, and a runtime may keep the bits where they are
    return work + Counts(
        value_bytes=_value_bytes(x) + _value_bytes(y), float_value_bytes=4 * (x.size + y.size)
    )


def load_tables() -> dict[str, Any]:
    """The energy tables with their citations, from ``energy_tables.json``."""
    text = resources.files("binmorph").joinpath("energy_tables.json").read_text("utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables


def _level(working_set: int) -> str:
    for size, level in (
        (8 << 10, "sram_8kb_64bit"),
        (32 << 10, "sram_32kb_64bit"),
        (1 << 20, "sram_1mb_64bit"),
    ):
        if working_set <= size:
            return level
    return "dram_64bit"


def _energy(name: str, table: dict[str, Any], total: Counts, packed_set: int, float_set: int) -> Energy:
    pj = {key: float(entry["value"]) for key, entry in table["pj"].items()}
    logic = total.word_ops * pj["int32_add"] + total.popcounts * 2 * pj["int32_add"]
    packed_level, float_level = _level(packed_set), _level(float_set)
    return Energy(
        table=name,
        title=table["title"],
        packed_compute_pj=logic
        + total.float_adds * pj["float32_add"]
        + total.float_muls * pj["float32_mul"]
        + total.int_macs * (pj["int8_mul"] + pj["int32_add"]),
        packed_memory_pj=(total.weight_bytes + total.value_bytes) / 8 * pj[packed_level],
        packed_memory_level=packed_level,
        float_compute_pj=total.float_macs * (pj["float32_add"] + pj["float32_mul"]),
        float_memory_pj=(total.float_weight_bytes + total.float_value_bytes) / 8 * pj[float_level],
        float_memory_level=float_level,
    )


def cost(graph: ir.Graph, batch: int = 1) -> Cost:
    """Count the work of ``graph`` for ``batch`` images and price it with every table.

    Weights move once per batch, everything else once per image. Raises ShapeError if ``batch`` is not
    positive.
    """
    if batch < 1:
        raise ShapeError(f"batch must be at least 1, got {batch}")
    nodes = {
        n.name: count_node(n, graph.type_of(n.input), graph.type_of(n.name)).times(batch) for n in graph.nodes
    }
    total = sum(nodes.values(), Counts())
    # One image at a time is live, whatever the batch.
    packed_values = max(c.value_bytes // batch for c in nodes.values())
    float_values = max(c.float_value_bytes // batch for c in nodes.values())
    energy = tuple(
        _energy(
            name, table, total, total.weight_bytes + packed_values, total.float_weight_bytes + float_values
        )
        for name, table in load_tables()["tables"].items()
    )
    return Cost(nodes, total, energy)
