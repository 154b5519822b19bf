"""How far the packed network is from torch left to itself: bits that float roundings turn over, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir
from .checks import EndToEnd

Array = npt.NDArray[Any]


def end_to_end(graph: ir.Graph, own: Mapping[str, Array], packed: Mapping[str, Array]) -> EndToEnd:
    """Compare the bits of torch's ``own`` run with the ``packed`` ones.

    Once a bit of an image differs, its later numbers differ by more than roundings; so distances are taken
    where nothing did before.
    """
    bits = different = first = 0
    distance = 0.0
    clean: Array | None = None
    for node in graph.nodes:
        if node.name not in own or packed[node.name].dtype != np.bool_:
            continue
        wrong = own[node.name] != packed[node.name]
        images = wrong.reshape(len(wrong), -1).any(1)
        clean = np.ones(len(wrong), np.bool_) if clean is None else clean
        if isinstance(node, ir.LevelSets) and node.input in packed:
            new = wrong & clean.reshape(-1, *[1] * (wrong.ndim - 1))
            first += int(new.sum())
            distance = max(distance, _farthest(node, packed[node.input], new))
        clean &= ~images
        bits, different = bits + wrong.size, different + int(wrong.sum())
    return EndToEnd(bits, different, 0 if clean is None else int((~clean).sum()), first, distance)


def _farthest(node: ir.LevelSets, stream: Array, chosen: Array) -> float:
    """The largest distance of the ``chosen`` bits' numbers from their levels, relative to the largest
    number."""
    if not chosen.any():
        return 0.0
    x = np.repeat(stream.astype(np.float64), node.values.shape[1], axis=1)
    level = node.values.reshape(1, -1, *[1] * (x.ndim - 2))
    return float((np.abs(x - level)[chosen] / max(float(np.abs(x).max()), 1e-30)).max())
