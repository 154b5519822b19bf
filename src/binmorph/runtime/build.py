"""From the graph to the compiled core, which checks every array again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import _core, ir
from ..errors import UnsupportedOpError
from ..format.arrays import encode


def pack_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Bool [..., n] to uint64 [..., ceil(n / 64)], packed as in the file; no kernel has a say in it."""
    return np.frombuffer(encode(mask), "<u8").reshape(*mask.shape[:-1], -1)


def _neurons(neurons: ir.Neurons, prefix: str = "") -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"{prefix}plus": pack_mask(neurons.plus),
        f"{prefix}minus": pack_mask(neurons.minus),
        f"{prefix}threshold": np.ascontiguousarray(neurons.threshold),
        f"{prefix}invert": np.ascontiguousarray(neurons.invert).view(np.uint8),
    }


def _add(core: _core.Graph, node: ir.Node, index: int) -> int:
    name = node.name
    if isinstance(node, ir.LevelSets):
        values = np.ascontiguousarray(node.values)
        return core.add_level_sets(name, index, values, values.shape[1])
    if isinstance(node, ir.PackBinary):
        return core.add_pack_binary(name, index)
    if isinstance(node, ir.Bisel):
        arrays = _neurons(node.bise, "bise_") | _neurons(node.lui, "lui_")
        return core.add_bisel(name, index, node.lui.n, *node.kernel, node.border, **arrays)
    if isinstance(node, ir.ThresholdConv2d):
        geometry = (*node.kernel, *node.stride, *node.dilation, *node.padding, node.groups)
        arrays = {**_neurons(node.neurons), "offset": np.ascontiguousarray(node.offset)}
        return core.add_threshold_conv2d(name, index, geometry, node.border, node.neurons.n, **arrays)
    if isinstance(node, ir.MaxPool):
        return core.add_max_pool(name, index, *node.kernel, *node.stride)
    if isinstance(node, ir.Flatten):
        return core.add_flatten(name, index)
    if isinstance(node, ir.ThresholdDense):
        return core.add_threshold_dense(name, index, node.neurons.n, **_neurons(node.neurons))
    if isinstance(node, ir.Linear):
        weight, bias = np.ascontiguousarray(node.weight), np.ascontiguousarray(node.bias)
        return core.add_linear(name, index, weight, bias)
    raise UnsupportedOpError(f"node {name!r}: the runtime has no op {node.op!r}")


def build_core_graph(graph: ir.Graph) -> _core.Graph:
    """The compiled counterpart of ``graph``."""
    core = _core.Graph(graph.input.dtype, list(graph.input.shape))
    index = {graph.input.name: 0}
    for node in graph.nodes:
        index[node.name] = _add(core, node, index[node.input])
    core.set_output(index[graph.output])
    return core
