"""From the graph to the compiled core, which checks every array again."""

from __future__ import annotations

from typing import Any

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


def _window(node: ir.WindowNode) -> tuple[int, ...]:
    return (*node.kernel, *node.stride, *node.dilation, *node.padding, node.groups)


def _plain(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    return [np.ascontiguousarray(array) for array in arrays]


def _add_bits(core: _core.Graph, node: ir.AnyNode, at: list[int]) -> int | None:
    """Nodes whose meaning is in :mod:`binmorph.ir.bit_nodes`; None for any other."""
    name, index = node.name, at[0]
    if isinstance(node, ir.LevelSets):
        return core.add_level_sets(name, index, np.ascontiguousarray(node.values), node.values.shape[1])
    if isinstance(node, ir.PackBinary):
        return core.add_pack_binary(name, index)
    if isinstance(node, ir.Bisel):
        arrays = _neurons(node.bise, "bise_") | _neurons(node.lui, "lui_")
        return core.add_bisel(name, index, node.lui.n, *node.kernel, node.border, **arrays)
    if isinstance(node, ir.TruthTable):
        channels, table = np.ascontiguousarray(node.channels), pack_mask(node.table)
        return core.add_truth_table(name, index, *node.kernel, node.border, len(channels), channels, table)
    if isinstance(node, ir.ThresholdConv2d):
        arrays = {**_neurons(node.neurons), "offset": np.ascontiguousarray(node.offset)}
        return core.add_threshold_conv2d(name, index, _window(node), node.border, node.neurons.n, **arrays)
    if isinstance(node, ir.MaxPool):
        return core.add_max_pool(name, index, (*node.kernel, *node.stride, *node.padding))
    if isinstance(node, ir.Flatten):
        return core.add_flatten(name, index)
    if isinstance(node, ir.ThresholdDense):
        return core.add_threshold_dense(name, index, node.neurons.n, **_neurons(node.neurons))
    return None


def _add_sums(core: _core.Graph, node: ir.AnyNode, at: list[int]) -> int | None:
    """Nodes whose meaning is in :mod:`binmorph.ir.sum_nodes`; None for any other."""
    if not isinstance(node, ir.WindowNode):
        return None
    name, index, window = node.name, at[0], _window(node)
    if isinstance(node, ir.CountConv2d):
        masks = pack_mask(node.plus_weights), pack_mask(node.minus_weights)
        size, constant = node.plus_weights.shape[1], np.ascontiguousarray(node.constant)
        return core.add_count_conv2d(name, index, window, node.border, node.factor, size, *masks, constant)
    if isinstance(node, ir.TwoValueConv2d):
        arrays = _plain(node.constant, node.total, node.difference, node.low)
        size, mask = node.plus_weights.shape[1], pack_mask(node.plus_weights)
        return core.add_two_value_conv2d(name, index, window, node.border, node.factor, size, mask, *arrays)
    if isinstance(node, ir.PixelConv2d):
        return core.add_pixel_conv2d(name, index, window, *_plain(node.weight, node.constant))
    if isinstance(node, ir.Conv2d):
        return core.add_conv2d(name, index, window, *_plain(node.weight, node.bias))
    return None


def _add_streams(core: _core.Graph, node: ir.AnyNode, at: list[int]) -> int | None:
    """Nodes whose meaning is in :mod:`binmorph.ir.stream_nodes`; None for any other."""
    name, index = node.name, at[0]
    if isinstance(node, ir.Affine):
        return core.add_affine(name, index, *_plain(node.scale, node.shift))
    if isinstance(node, ir.Add):
        return core.add_add(name, *at)
    if isinstance(node, ir.PRelu):
        return core.add_prelu(name, index, *_plain(node.slope))
    if isinstance(node, ir.Clamp):
        return core.add_clamp(name, index, float(node.limits[0]), float(node.limits[1]))
    if isinstance(node, ir.AvgPool):
        return core.add_avg_pool(name, index, (*node.kernel, *node.stride))
    if isinstance(node, ir.Concat):
        return core.add_concat(name, at)
    if isinstance(node, ir.Linear):
        return core.add_linear(name, index, *_plain(node.weight, node.bias))
    return None


def build_core_graph(graph: ir.Graph) -> _core.Graph:
    """The compiled counterpart of ``graph``."""
    core = _core.Graph(graph.input.dtype, list(graph.input.shape))
    index = {graph.input.name: 0}
    for node in graph.nodes:
        at = [index[name] for name in node.inputs]
        for add in (_add_bits, _add_sums, _add_streams):
            made = add(core, node, at)
            if made is not None:
                index[node.name] = made
                break
        else:
            raise UnsupportedOpError(f"node {node.name!r}: the runtime has no op {node.op!r}")
    core.set_output(index[graph.output])
    return core
