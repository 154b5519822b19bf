"""Each packed layer by itself, on inputs made against it: its sums at T - 1, T and T + 1 in every border
class.

A layer and the elementwise nodes behind it become a network of their own, so that the fused kernels run as
they do in the whole network. torch runs the same part of the traced graph on the values that the bits stand
for. Signs of streams are tried at their levels and at the float32 numbers on both sides.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import format as file_format
from .. import ir
from . import match
from .adversarial import Windows, adversarial
from .arithmetic import compute
from .checks import ProbeCheck
from .lower import Lowered
from .trace import Traced
from .values import Reading, Rounded

Array = npt.NDArray[Any]
Run = Callable[[ir.Graph, Array], Mapping[str, Array]]
VALUES, PRODUCTS = 1 << 23, 1 << 31  # of one layer: values at once, multiplications in torch
ELEMENTWISE = (ir.Affine, ir.PRelu, ir.Clamp, ir.LevelSets)
SUMS = (ir.ThresholdConv2d, ir.ThresholdDense, ir.CountConv2d, ir.TwoValueConv2d, ir.PixelConv2d)


class OutsideError(Exception):
    """A value that does not follow from the layer's input alone."""


@dataclass
class _Torch:
    """torch's value of traced nodes, from the ``known`` ones; rounded sums as the packed layers give them."""

    lowered: Lowered
    known: dict[fx.Node, torch.Tensor]
    packed: Mapping[str, Array]

    def __call__(self, node: fx.Node) -> Any:
        constants = self.lowered.constants
        if node in constants or node in self.known:
            return constants[node] if node in constants else self.known[node]
        if node.op != "call_function":
            raise OutsideError
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), self)
        if match.base_name(node).endswith("_"):
            args = (args[0].clone(), *args[1:])
        with torch.no_grad():
            value = node.target(*args, **kwargs)
        rounded = self.lowered.rounded.get(node.name)
        self.known[node] = value if rounded is None else self._led(rounded, value)
        return self.known[node]

    def _led(self, rounded: Rounded, own: torch.Tensor) -> torch.Tensor:
        if rounded.layer:
            if rounded.layer not in self.packed:
                raise OutsideError
            own = torch.from_numpy(np.array(self.packed[rounded.layer], np.float32)).view(own.shape)
        return own if rounded.canonical is None else rounded.canonical(own).to(own.dtype)


def probe(traced: Traced, lowered: Lowered, graph: ir.Graph, run: Run) -> tuple[ProbeCheck, ...]:
    """Probe every layer of sums, and every sign of a stream, of ``graph``; ``run`` gives all values of a
    network."""
    nodes = {n.name: n for n in traced.program.graph.nodes}
    found = []
    for node in graph.nodes:
        reading = lowered.readings.get(node.name)
        try:
            if isinstance(node, SUMS) and reading is not None:
                found.append(_sums(node, reading, lowered, graph, nodes, run))
            elif _signs_a_stream(node, lowered, graph):
                found.append(_levels(node, lowered, graph, nodes, run))
        except OutsideError:
            continue
    return tuple(found)


def _signs_a_stream(node: ir.AnyNode, lowered: Lowered, graph: ir.Graph) -> TypeGuard[ir.LevelSets]:
    """Whether ``node`` compares a stream of floats that torch knows, too."""
    if not isinstance(node, ir.LevelSets) or node.input not in lowered.traced_nodes:
        return False
    return graph.type_of(node.input).kind == "float32"


def _sums(
    node: Any, reading: Reading, lowered: Lowered, graph: ir.Graph, nodes: Mapping[str, fx.Node], run: Run
) -> ProbeCheck:
    type_ = graph.type_of(node.input)
    tail = _tail(node, graph)
    windows = _windows(node, type_)
    rng = np.random.default_rng(len(windows.weight))
    per_image = int(np.prod(windows.image)) + graph.type_of(node.name).size
    products = graph.type_of(node.name).size * windows.weight.shape[1]
    limit = max(1, min(VALUES // per_image, PRODUCTS // products, 4096))
    stored, hits = adversarial(windows, _turns(node, tail, windows), limit, rng)
    stored = stored.reshape(-1, *type_.shape)
    packed = run(_alone(node, tail, type_), stored)
    value = torch.from_numpy(reading.true(stored)).to(match.dtype_of(reading.start) or torch.float32)
    in_torch = _Torch(lowered, {reading.start: value}, packed)
    values = wrong = 0
    at_hits = None
    for part in (node, *tail):
        hard = _hard(part.name, lowered, nodes, in_torch)
        if hard is None:
            continue
        differs = hard.reshape(packed[part.name].shape) != packed[part.name]
        values, wrong = values + differs.size, wrong + int(differs.sum())
        if part is node:
            at_hits = differs.reshape(*differs.shape[:2], *(differs.shape[2:] or (1, 1)))
    border = 0
    if at_hits is not None:
        interior = max(range(len(windows.classes())), key=lambda c: len(windows.classes()[c]))
        inner = set(windows.classes()[interior])
        border = sum(bool(at_hits[m, o, y, x]) for m, o, y, x, _ in hits.tolist() if (y, x) not in inner)
    return ProbeCheck(node.name, node.op, len(stored), len(hits), values, wrong, border)


def _hard(name: str, lowered: Lowered, nodes: Mapping[str, fx.Node], in_torch: _Torch) -> Array | None:
    """What the packed node should give; None for a node that no traced value is equal to."""
    if name in lowered.references:
        traced_name, stored = lowered.references[name]
        bits: Array = stored(in_torch(nodes[traced_name]))
        return bits
    if name not in lowered.traced_nodes:
        return None
    value: Array = in_torch(nodes[lowered.traced_nodes[name]]).numpy()
    return value


def _tail(node: ir.AnyNode, graph: ir.Graph) -> list[ir.AnyNode]:
    """The elementwise nodes behind ``node``, as long as each value has one reader."""
    found: list[ir.AnyNode] = []
    while True:
        readers = [n for n in graph.nodes if node.name in n.inputs]
        if len(readers) != 1 or not isinstance(readers[0], ELEMENTWISE):
            return found
        node = readers[0]
        found.append(node)


def _windows(node: Any, type_: ir.ValueType) -> Windows:
    if isinstance(node, (ir.ThresholdConv2d, ir.ThresholdDense)):
        weight = node.neurons.plus.astype(np.int64) - node.neurons.minus
    elif isinstance(node, ir.PixelConv2d):
        weight = node.weight.reshape(len(node.weight), -1).astype(np.int64)
    else:
        weight = node.plus_weights.astype(np.int64)
        weight = weight - node.minus_weights if isinstance(node, ir.CountConv2d) else weight
    channels, height, width = (*type_.shape, 1, 1)[:3]
    if isinstance(node, ir.ThresholdDense):
        return Windows(weight, (channels, 1, 1))
    geometry = (node.kernel, node.stride, node.dilation, node.padding, node.groups, node.border)
    top = 255 if isinstance(node, ir.PixelConv2d) else 1
    return Windows(weight, (channels, height, width), top, *geometry)


def _turns(node: Any, tail: list[ir.AnyNode], windows: Windows) -> npt.NDArray[np.int64]:
    """The sums [classes or 1, O] where the layer's bit turns, or, of numbers without a sign behind them,
    0."""
    outputs = len(windows.weight)
    if isinstance(node, ir.ThresholdDense):
        return node.neurons.threshold.astype(np.int64)[None]
    if isinstance(node, ir.ThresholdConv2d):
        return node.neurons.threshold.astype(np.int64) + node.offset
    if isinstance(node, ir.TwoValueConv2d) or not tail or not isinstance(tail[-1], ir.LevelSets):
        return np.zeros((1, outputs), np.int64)
    low = windows.top * np.minimum(windows.weight, 0).sum(1)
    high = windows.top * np.maximum(windows.weight, 0).sum(1)
    counts = np.unique(np.linspace(low.min(), high.max(), 1 << 14).astype(np.int64))
    turns = []
    for constant in node.constant:
        factor = getattr(node, "factor", 1)
        values = (factor * counts[:, None] + constant).astype(np.float32)
        for behind in tail[:-1]:
            values = compute(behind, values)
        bits = values >= tail[-1].values[:, 0]
        turns.append(counts[np.argmax(bits != bits[0], axis=0)])
    return np.stack(turns)


def _alone(node: ir.AnyNode, tail: list[ir.AnyNode], type_: ir.ValueType) -> ir.Graph:
    """The layer and its tail as a network over uint8 0 and 1, or over bytes."""
    spec = ir.InputSpec("uint8", type_.shape)
    nodes: tuple[ir.AnyNode, ...]
    if type_.kind == "bits":
        front = ir.PackBinary("probed.bits", spec.name)
        nodes = (front, replace(node, input=front.name), *tail)
    else:
        nodes = (replace(node, input=spec.name), *tail)
    return ir.Graph(spec, nodes, nodes[-1].name)


def _levels(
    node: ir.LevelSets, lowered: Lowered, graph: ir.Graph, nodes: Mapping[str, fx.Node], run: Run
) -> ProbeCheck:
    """The sign of a float stream at its levels, and next to them."""
    type_ = graph.type_of(node.input)
    with np.errstate(over="ignore"):
        around = [node.values, *(np.nextafter(node.values, np.float32(end)) for end in (-np.inf, np.inf))]
    largest = np.finfo(np.float32).max
    x = np.concatenate(around, axis=1).clip(-largest, largest).T.copy()  # [3 n, C]
    flat = len(type_.shape) == 1
    x = x if flat else x[:, :, None, None]
    spec = ir.InputSpec("float32", x.shape[1:])
    packed = run(ir.Graph(spec, (replace(node, input=spec.name),), node.name), x)
    start = nodes[lowered.traced_nodes[node.input]]
    hard = _hard(node.name, lowered, nodes, _Torch(lowered, {start: torch.from_numpy(x)}, packed))
    if hard is None:
        raise OutsideError
    differs = hard != packed[node.name]
    return ProbeCheck(node.name, node.op, len(x), differs.size, differs.size, int(differs.sum()), 0)


def runner(load: Callable[[Path], Any]) -> Run:
    """All values of a network, through a file: ``load`` makes a model of it."""

    def run(graph: ir.Graph, x: Array) -> Mapping[str, Array]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.bmorph"
            file_format.save(graph, path)
            values: Mapping[str, Array] = load(path).trace(x)
            return values

    return run
