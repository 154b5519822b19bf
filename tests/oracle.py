"""The oracle: a plain numpy interpreter of ``binmorph.ir.Graph``, and random graphs to try it on.

Nothing here is fast and nothing is shared with the package beyond the graph classes themselves: every formula
is written a second time from the docstrings of ``binmorph.ir``: two independent readings are compared.

    values = evaluate(graph, x)        # {node name: bool or float32 array [N, ...]}
    graph = random_graph(rng)          # a valid graph over all ops
    x = random_input(rng, graph, 8)    # a batch that the graph accepts
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from oracle_streams import evaluate_stream, taps_inside

from binmorph import ir
from binmorph.errors import DomainError

Bits = npt.NDArray[np.bool_]
PAD_MODE = {
    "replicate": {"mode": "edge"},
    "zeros": {"constant_values": False},
    "ones": {"constant_values": True},
}


# --- evaluation ---


def evaluate(graph: ir.Graph, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Every node's value for the batch ``x`` [N, *graph.input.shape]: bool, int32 or float32 arrays."""
    if x.shape[1:] != graph.input.shape or x.dtype != np.dtype(graph.input.dtype):
        raise ValueError(
            f"expected [N, {graph.input.shape}] of {graph.input.dtype}, got {x.shape} of {x.dtype}"
        )
    values: dict[str, npt.NDArray[Any]] = {graph.input.name: x}
    for node in graph.nodes:
        values[node.name] = evaluate_node(node, *(values[name] for name in node.inputs))
    del values[graph.input.name]
    return values


def evaluate_node(node: ir.AnyNode, x: npt.NDArray[Any], *others: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The value of one node for its batched inputs."""
    numbers = evaluate_stream(node, x, list(others))
    if numbers is not None:
        return numbers
    if isinstance(node, ir.LevelSets):
        gray = x.astype(np.float32)  # exact for uint8 and for integer streams
        planes = gray[:, :, None] >= node.values[None].reshape(1, *node.values.shape, *[1] * (x.ndim - 2))
        return planes.reshape(len(x), node.values.size, *x.shape[2:])
    if isinstance(node, ir.PackBinary):
        if not np.isin(x, (0, 1)).all():
            raise DomainError(f"node {node.name!r}: the input holds values other than 0 and 1")
        return x == 1
    if isinstance(node, ir.Bisel):
        return _bisel(node, x)
    if isinstance(node, ir.TruthTable):
        return _truth_table(node, x)
    if isinstance(node, ir.ThresholdConv2d):
        return _conv2d(node, x)
    if isinstance(node, ir.MaxPool):
        return _max_pool(node, x)
    if isinstance(node, ir.Flatten):
        return x.reshape(len(x), int(np.prod(x.shape[1:])))
    if isinstance(node, ir.ThresholdDense):
        return _dense(node.neurons, x)
    raise NotImplementedError(node.op)


def _fire(neurons: ir.Neurons, count: npt.NDArray[np.int64], axes: tuple[int, ...]) -> Bits:
    """[count >= threshold] XOR invert; ``axes`` are appended to the per-neuron arrays to meet ``count``."""
    shape = neurons.shape + axes
    return (count >= neurons.threshold.reshape(shape)) ^ neurons.invert.reshape(shape)


def _signs(neurons: ir.Neurons) -> npt.NDArray[np.int64]:
    return neurons.plus.astype(np.int64) - neurons.minus.astype(np.int64)


def _dense(neurons: ir.Neurons, x: Bits) -> Bits:
    """[N, K] bits to [N, O] bits."""
    return _fire(neurons, x.astype(np.int64) @ _signs(neurons).T, ())


def _extended(node: ir.Bisel | ir.TruthTable, x: Bits) -> tuple[Bits, int, int]:
    """The image with its border, and the height and width of the output."""
    kh, kw = node.kernel
    top, left = kh // 2, kw // 2
    if node.border != "valid":
        around = ((0, 0), (0, 0), (top, kh - 1 - top), (left, kw - 1 - left))
        x = np.pad(x, around, **PAD_MODE[node.border])
    return x, x.shape[2] - kh + 1, x.shape[3] - kw + 1


def _bisel(node: ir.Bisel, x: Bits) -> Bits:
    """[N, C, H, W] bits to [N, O, H', W'] bits: tap (i, j) reads x(p + (i - kh // 2, j - kw // 2))."""
    (kh, kw), (x, height, width) = node.kernel, _extended(node, x)
    outputs, channels = node.bise.shape
    signs = _signs(node.bise)
    count = np.zeros((len(x), outputs, channels, height, width), np.int64)
    for i in range(kh):
        for j in range(kw):
            tap = x[:, None, :, i : i + height, j : j + width]
            count += tap * signs[:, :, i * kw + j, None, None]
    fired = _fire(node.bise, count, (1, 1))
    union = (fired * _signs(node.lui)[:, :, None, None]).sum(axis=2)
    return _fire(node.lui, union, (1, 1))


def _truth_table(node: ir.TruthTable, x: Bits) -> Bits:
    """[N, C, H, W] bits to [N, O, H', W'] bits: the window's inputs are the binary digits of an index."""
    (kh, kw), (x, height, width) = node.kernel, _extended(node, x)
    outputs, reads = node.channels.shape
    index = np.zeros((len(x), outputs, height, width), np.int64)
    digit = 0
    for c in range(reads):
        for i in range(kh):
            for j in range(kw):
                index += x[:, node.channels[:, c], i : i + height, j : j + width].astype(np.int64) << digit
                digit += 1
    return node.table[np.arange(outputs)[:, None, None], index]


def _conv2d(node: ir.ThresholdConv2d, x: Bits) -> Bits:
    """[N, C, H, W] bits to [N, O, H', W'] bits."""
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = node.kernel, node.stride, node.dilation, node.padding
    height, width = x.shape[2:]
    rows, columns = (
        taps_inside(height, kh, sh, dh, ph),
        taps_inside(width, kw, sw, dw, pw),
    )
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), **PAD_MODE[node.border])
    outputs, depth = node.neurons.shape[0], x.shape[1] // node.groups
    signs = _signs(node.neurons).reshape(node.groups, outputs // node.groups, depth, kh, kw)
    groups = x.reshape(len(x), node.groups, depth, *x.shape[2:]).astype(np.int64)
    count = np.zeros((len(x), node.groups, outputs // node.groups, len(rows), len(columns)), np.int64)
    for i in range(kh):
        for j in range(kw):
            tap = groups[..., i * dh : i * dh + sh * len(rows) : sh, j * dw : j * dw + sw * len(columns) : sw]
            tap = tap[..., : len(rows), : len(columns)]
            count += np.einsum("ngchw,goc->ngohw", tap, signs[..., i, j])
    count = count.reshape(len(x), outputs, len(rows), len(columns))
    if len(node.offset) > 1:  # classes in the order in which they first occur, row-major
        row_classes, column_classes = list(dict.fromkeys(rows)), list(dict.fromkeys(columns))
        for y, row in enumerate(rows):
            for q, column in enumerate(columns):
                k = row_classes.index(row) * len(column_classes) + column_classes.index(column)
                count[:, :, y, q] -= node.offset[k]
    else:
        count -= node.offset[0][:, None, None]
    return _fire(node.neurons, count, (1, 1))


def _max_pool(node: ir.MaxPool, x: Bits) -> Bits:
    (kh, kw), (sh, sw) = node.kernel, node.stride
    height, width = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    out = np.zeros((*x.shape[:2], height, width), np.bool_)
    for p in range(height):
        for q in range(width):
            out[:, :, p, q] = x[:, :, p * sh : p * sh + kh, q * sw : q * sw + kw].any(axis=(2, 3))
    return out


# --- random graphs ---


def random_neurons(rng: np.random.Generator, shape: tuple[int, ...], n: int) -> ir.Neurons:
    """Neurons of every status, each with masks and a threshold that fit the status."""
    count = int(np.prod(shape))
    plus, minus = np.zeros((count, n), np.bool_), np.zeros((count, n), np.bool_)
    threshold, invert = np.zeros(count, np.int32), rng.random(count) < 0.25
    margin, distance = rng.random(count), np.zeros(count)
    signed = rng.random() < 0.6  # otherwise the whole minus mask stays empty, as for erosions and dilations
    choices = [s for s in ir.Status if s <= ir.Status.APPROXIMATED and (signed or s != ir.Status.LITERAL)]
    status = np.array([int(rng.choice(choices)) for _ in range(count)], np.uint8)
    for r in range(count):
        size = int(rng.integers(1, n + 1)) if rng.random() < 0.5 else min(n, int(rng.integers(1, 5)))
        chosen = rng.permutation(n)[:size]
        split = int(rng.integers(0, size + 1)) if signed and status[r] >= ir.Status.LITERAL else size
        if status[r] != ir.Status.CONSTANT:
            plus[r, chosen[:split]] = True
            minus[r, chosen[split:]] = True
        positive, negative = int(plus[r].sum()), int(minus[r].sum())
        if status[r] == ir.Status.CONSTANT:
            threshold[r] = rng.integers(0, 2)
        elif status[r] == ir.Status.EROSION:
            threshold[r] = positive
        elif status[r] == ir.Status.DILATION:
            threshold[r] = 1
        elif status[r] == ir.Status.LITERAL:
            threshold[r] = positive if rng.random() < 0.5 else 1 - negative
        else:
            threshold[r] = rng.integers(-negative, positive + 2)
        if status[r] == ir.Status.APPROXIMATED:
            margin[r], distance[r] = np.nan, rng.random() + 0.01
    return ir.Neurons(
        plus.reshape(*shape, n),
        minus.reshape(*shape, n),
        threshold.reshape(shape),
        invert.reshape(shape),
        status.reshape(shape),
        margin.reshape(shape),
        distance.reshape(shape),
    )


def random_graph(
    rng: np.random.Generator,
    *,
    layers: int = 4,
    side: int = 12,
    channels: int = 4,
    kernel: int = 5,
    features: int = 70,
    input_dtype: str | None = None,
    convolutions: bool = False,
    tables: bool = False,
    producer: str = "",
) -> ir.Graph:
    """A valid graph: an input layer, up to ``layers`` image layers with branches, then often a dense head.

    Heights and widths are at most ``side`` (and often differ), layers at most ``channels`` deep, windows
    at most ``kernel`` x ``kernel``, dense layers at most ``features`` wide; now and then the input is flat.
    ``convolutions`` mixes ThresholdConv2d in, which runs in rows only; ``tables`` mixes TruthTable in.
    """
    nodes: list[ir.AnyNode] = []
    dtype = input_dtype or str(rng.choice(["float32", "uint8"]))
    if rng.random() < 0.15:
        spec = ir.InputSpec(dtype, (int(rng.integers(1, features + 1)),))
    else:
        size = rng.integers(1, side + 1, 2)
        spec = ir.InputSpec(dtype, (int(rng.integers(1, channels + 1)), int(size[0]), int(size[1])))
    types = {spec.name: ir.ValueType(dtype, spec.shape)}

    def add(node: ir.AnyNode) -> str:
        types[node.name] = node.infer(types[node.input])
        nodes.append(node)
        return node.name

    def pick(rank: int) -> str:
        """A value of bits with this rank: mostly the newest, sometimes an older one (a branch)."""
        fitting = [name for name, t in types.items() if t.kind == "bits" and len(t.shape) == rank]
        return fitting[-1] if rng.random() < 0.7 else str(rng.choice(fitting))

    if len(spec.shape) == 1 or rng.random() < 0.4:
        add(ir.PackBinary("pack", spec.name))
    else:
        add(ir.LevelSets("levels", spec.name, _random_levels(rng, spec)))
    if len(spec.shape) == 3:
        for i in range(int(rng.integers(0, layers + 1))):
            if tables and rng.random() < 0.5:
                add(_random_table(rng, f"layer{i}", pick(3), types, channels))
            else:
                add(_random_image_node(rng, f"layer{i}", pick(3), types, channels, kernel, convolutions))
        if rng.random() < 0.75:
            add(ir.Flatten("flat", pick(3)))
    if any(t.kind == "bits" and len(t.shape) == 1 for t in types.values()):
        for i in range(int(rng.integers(0, 3))):
            source = pick(1)
            neurons = random_neurons(rng, (int(rng.integers(1, features + 1)),), types[source].shape[0])
            add(ir.ThresholdDense(f"dense{i}", source, neurons))
        if rng.random() < 0.7:
            source = pick(1)
            classes = int(rng.integers(1, 12))
            weight = rng.normal(size=(classes, types[source].shape[0])).astype(np.float32)
            add(ir.Linear("head", source, weight, rng.normal(size=classes).astype(np.float32)))
    return ir.Graph(spec, tuple(nodes), nodes[-1].name, producer)


def _random_levels(rng: np.random.Generator, spec: ir.InputSpec) -> npt.NDArray[np.float32]:
    shape = (spec.shape[0], int(rng.integers(1, 5)))
    if spec.dtype == "uint8":
        return rng.choice([0, 1, 63.5, 127, 128, 254.5, 255, 256], shape).astype(np.float32)
    return rng.choice([-1.5, -0.25, 0.0, 0.5, 1.0, 1.5], shape).astype(np.float32)


def _random_image_node(
    rng: np.random.Generator,
    name: str,
    source: str,
    types: dict[str, ir.ValueType],
    channels: int,
    kernel: int,
    convolutions: bool,
) -> ir.AnyNode:
    depth, height, width = types[source].shape
    if rng.random() < 0.25:
        kh, kw = int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1))
        stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        return ir.MaxPool(name, source, (kh, kw), stride)
    if convolutions and rng.random() < 0.6:
        return _random_conv2d(rng, name, source, types, kernel)
    border = str(rng.choice(ir.BORDERS))
    tall, wide = (min(kernel, height), min(kernel, width)) if border == "valid" else (kernel, kernel)
    window = (int(rng.integers(1, tall + 1)), int(rng.integers(1, wide + 1)))
    outputs = int(rng.integers(1, channels + 1))
    bise = random_neurons(rng, (outputs, depth), window[0] * window[1])
    return ir.Bisel(name, source, window, border, bise, random_neurons(rng, (outputs,), depth))


def _random_table(
    rng: np.random.Generator, name: str, source: str, types: dict[str, ir.ValueType], channels: int
) -> ir.TruthTable:
    """Of random entries, of one entry that differs from the others, or constant; up to 10 inputs."""
    depth, height, width = types[source].shape
    border = str(rng.choice(ir.BORDERS))
    tall, wide = (min(3, height), min(3, width)) if border == "valid" else (3, 3)
    window = (int(rng.integers(1, tall + 1)), int(rng.integers(1, wide + 1)))
    outputs, reads = (
        int(rng.integers(1, channels + 1)),
        int(rng.integers(1, 10 // (window[0] * window[1]) + 1)),
    )
    table = rng.random((outputs, 2 ** (reads * window[0] * window[1]))) < rng.random((outputs, 1))
    for o in np.flatnonzero(rng.random(outputs) < 0.4):
        table[o] = rng.random() < 0.5
        table[o, rng.integers(table.shape[1])] ^= rng.random() < 0.7
    read = rng.integers(0, depth, (outputs, reads)).astype(np.int32)
    status = rng.choice([int(s) for s in ir.Status if s < ir.Status.APPROXIMATED], outputs).astype(np.uint8)
    return ir.TruthTable(name, source, window, border, read, table, status)


def _random_conv2d(
    rng: np.random.Generator, name: str, source: str, types: dict[str, ir.ValueType], kernel: int
) -> ir.ThresholdConv2d:
    depth, height, width = types[source].shape
    groups = int(rng.choice([g for g in range(1, depth + 1) if depth % g == 0]))
    outputs = groups * int(rng.integers(1, 4))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    padding = (int(rng.integers(0, 3)), int(rng.integers(0, 3)))
    # The largest window that fits in the padded image.
    fits = [
        (size + 2 * p - 1) // d + 1 for size, d, p in zip((height, width), dilation, padding, strict=True)
    ]
    window = tuple(int(rng.integers(1, min(kernel, fit) + 1)) for fit in fits)
    neurons = random_neurons(rng, (outputs,), depth // groups * window[0] * window[1])
    if rng.random() < 0.4:  # sign weights: every input in one mask or the other
        plus = rng.random(neurons.plus.shape) < 0.5
        low, high = -(~plus).sum(-1), plus.sum(-1) + 1
        neurons = dataclasses.replace(
            neurons, plus=plus, minus=~plus, threshold=rng.integers(low, high + 1).astype(np.int32)
        )
    classes = 1
    if rng.random() < 0.5:
        axes = zip((height, width), window, stride, dilation, padding, strict=True)
        classes = int(np.prod([len(set(taps_inside(*axis))) for axis in axes]))
    room = neurons.n + 1 - np.abs(neurons.threshold)
    offset = rng.integers(-np.minimum(room, 3), np.minimum(room, 3) + 1, (classes, outputs)).astype(np.int32)
    border = str(rng.choice(["zeros", "ones", "replicate"]))
    return ir.ThresholdConv2d(
        name, source, window, stride, dilation, padding, groups, border, neurons, offset
    )


def random_input(rng: np.random.Generator, graph: ir.Graph, n: int = 3) -> npt.NDArray[Any]:
    """A batch [n, ...] that ``graph`` accepts, with values that hit level-set thresholds exactly."""
    shape = (n, *graph.input.shape)
    dtype = np.dtype(graph.input.dtype)
    if any(isinstance(node, ir.PackBinary) and node.input == graph.input.name for node in graph.nodes):
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype == np.uint8:
        return rng.integers(0, 256, shape).astype(dtype)
    x = rng.normal(size=shape).astype(np.float32)
    x[rng.random(shape) < 0.3] = np.float32(0.5)
    return x


# --- comparison ---


def assert_same_graph(a: ir.Graph, b: ir.Graph) -> None:
    """Equal graphs: same nodes, attributes, arrays (bit for bit, all NaN alike) and types; producer aside."""
    assert a.input == b.input
    assert a.output == b.output
    assert a.types == b.types
    assert len(a.nodes) == len(b.nodes)
    for left, right in zip(a.nodes, b.nodes, strict=True):
        assert type(left) is type(right)
        for key, value in vars(left).items():
            _assert_same(value, vars(right)[key])


def _assert_same(a: Any, b: Any) -> None:
    if isinstance(a, ir.Neurons):
        for key in ir.Neurons.FIELDS:
            _assert_same(getattr(a, key), getattr(b, key))
    elif isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert type(a) is type(b)
        assert a == b
