"""Counts of single nodes, in one stated reference form of the arithmetic of their definitions.

They do not depend on the kernels that a machine happens to run (:mod:`.methods` replaces what those do
otherwise):

- window neurons (BiSEL) are counted bit-sliced, 64 output pixels a word: an AND or OR of literals needs one
  word operation per literal; a count of m literals needs m full adders of 5 word operations and a bit-serial
  comparison; a truth table needs a choice of 3 word operations per vertex of its decision diagram;
- convolutions and fully connected neurons are counted channel-packed, 64 inputs a word: one AND (or XOR,
  where every weight is a sign) and one population count per word and mask, and an addition to the running
  sum (counted with the word operations);
- a float layer over bits is counted as one float32 addition per weight, its upper bound (all bits set); over
  numbers as a multiplication and an addition per weight; elementwise steps as what they do per value;
- a first layer over bytes is counted as one integer multiplication and addition per weight and position.

``float_macs`` is the same network with dense float32 weights, the usual thing that it replaces.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import ir
from .counts import WORD, Counts

FULL_ADDER = 5  # two XOR, two AND, one OR
FLOAT_ACE, BYTE_ACE = 32 * 32, 8 * 8  # bits of the weight times bits of the activation


def _words(bits: int) -> int:
    return -(-bits // WORD)


def value_bytes(value: ir.ValueType) -> int:
    """Bytes of a value, its bits dense."""
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
        ace=macs,
        word_ops=(_sliced_ops(node.bise) + _sliced_ops(node.lui)) * _words(pixels),
        weight_bytes=-(-(neuron_bits(node.bise) + neuron_bits(node.lui)) // 8),
        float_macs=macs,
        float_weight_bytes=4 * (node.bise.plus.size + node.bise.threshold.size + outputs * (channels + 1)),
    )


def diagram_size(table: npt.NDArray[np.bool_]) -> int:
    """Vertices of the ordered decision diagram of ``table`` bool [2^n], inputs of most influence first."""
    n = len(table).bit_length() - 1
    cube = table.reshape((2,) * n)  # axis a is input n - 1 - a
    influence = [np.count_nonzero(cube != np.flip(cube, a)) for a in range(n)]
    rows, size = cube.transpose(np.argsort(influence)[::-1]).reshape(1, -1), 0
    while rows.shape[1] > 1:  # the distinct functions of the inputs that are left
        rows = np.unique(rows, axis=0)
        halves = rows.reshape(len(rows), 2, -1)
        size += int((halves[:, 0] != halves[:, 1]).any(-1).sum())
        rows = halves.reshape(2 * len(rows), -1)
    return size


def _truth_table(node: ir.TruthTable, y: ir.ValueType) -> Counts:
    outputs, inputs = len(node.table), node.table.shape[1].bit_length() - 1
    macs = y.size * inputs
    return Counts(
        binary_macs=macs,
        ace=macs,
        word_ops=3 * sum(map(diagram_size, node.table)) * _words(_pixels(y)),
        weight_bytes=-(-node.table.size // 8) + node.channels.nbytes,
        float_macs=macs,
        float_weight_bytes=4 * outputs * (inputs + 1),
    )


def _threshold_dense(node: ir.ThresholdDense) -> Counts:
    outputs, inputs = node.neurons.shape[0], node.neurons.n
    passes = 2 if bool(node.neurons.minus.any()) else 1
    words = outputs * _words(inputs) * passes
    return Counts(
        binary_macs=outputs * inputs,
        ace=outputs * inputs,
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
        ace=y.size * inputs,
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
            return work + Counts(int_macs=macs, ace=macs * BYTE_ACE)
        ace = macs * (FLOAT_ACE if x.kind == "float32" else 32 * 8)
        return work + Counts(float_adds=macs, float_muls=macs, float_macs_left=macs, ace=ace)
    assert isinstance(node, (ir.CountConv2d, ir.TwoValueConv2d))
    minus = node.minus_weights if isinstance(node, ir.CountConv2d) else np.zeros_like(node.plus_weights)
    masks = _masks(node.plus_weights, minus)
    work = _count_words(node, y, node.plus_weights.shape[1], masks)
    work += Counts(weight_bytes=-(-node.plus_weights.size * masks // 8) + node.constant.nbytes)
    if isinstance(node, ir.TwoValueConv2d):  # the whole window is counted once for all outputs of a group
        words = _pixels(y) * _words(x.shape[0]) * node.kernel[0] * node.kernel[1]
        work += Counts(word_ops=words, popcounts=words) + _per_value(y.size, 2 * y.size)
    return work


def _per_value(adds: int, muls: int) -> Counts:
    """Elementwise work on a stream of float32; an addition and a multiplication are one multiply-add."""
    return Counts(float_adds=adds, float_muls=muls, elementwise_ace=max(adds, muls) * FLOAT_ACE)


def _elementwise(node: ir.AnyNode, y: ir.ValueType) -> Counts:
    """Streams of numbers: additions, multiplications and parameters."""
    if isinstance(node, ir.Affine):
        return _per_value(y.size, y.size) + Counts(weight_bytes=2 * node.scale.nbytes)
    if isinstance(node, ir.Add):
        return _per_value(y.size, 0)
    if isinstance(node, ir.PRelu):
        return _per_value(0, y.size) + Counts(weight_bytes=node.slope.nbytes)
    if isinstance(node, ir.AvgPool):
        return _per_value(y.size * node.kernel[0] * node.kernel[1], y.size)
    return Counts()


def count_node(node: ir.AnyNode, x: ir.ValueType, y: ir.ValueType) -> Counts:
    """Counts of one node that reads a value of type ``x`` and writes one of type ``y``."""
    work = Counts()
    if isinstance(node, ir.Bisel):
        work = _bisel(node, y)
    elif isinstance(node, ir.TruthTable):
        work = _truth_table(node, y)
    elif isinstance(node, ir.ThresholdConv2d):
        work = _threshold_conv2d(node, y)
    elif isinstance(node, ir.WindowNode):
        work = _sums(node, x, y)
    elif isinstance(node, ir.ThresholdDense):
        work = _threshold_dense(node)
    elif isinstance(node, ir.Linear):
        size = int(node.weight.size)
        bytes_ = 4 * (size + node.bias.size)
        muls, ace = (0, 32 * size) if x.kind == "bits" else (size, FLOAT_ACE * size)
        work = Counts(float_adds=size, float_muls=muls, weight_bytes=bytes_, float_macs=size, ace=ace)
        work += Counts(float_weight_bytes=bytes_, float_macs_left=size)
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
    return work + Counts(value_bytes=value_bytes(x) + value_bytes(y), float_value_bytes=4 * (x.size + y.size))
