"""Graphs to files. Deterministic: the same graph gives the same bytes; atomic: see ``atomic.write``."""

from __future__ import annotations

import json
import os
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir
from . import arrays, atomic, container
from .reader import loads
from .spec import COMPLEMENT, ENCODINGS, OPS, ZERO_WHEN_NULL, check_name, check_text, plus_of


def save(graph: ir.Graph, path: str | os.PathLike[str]) -> int:
    """Write ``graph`` to ``path``; returns the number of bytes. On any error the old file stays as it was.

    Raises:
        FormatError: the graph breaks a limit of the format, or ``path`` is not a regular file.
        OSError: as from writing any file.
    """
    data = dumps(graph)
    atomic.write(path, data)
    return len(data)


def dumps(graph: ir.Graph) -> bytes:
    """The bytes of the file for ``graph``.

    The reader is the specification: the bytes are read back before they are returned, so that no file is ever
    published that ``load`` would refuse (a name too long, an array changed since the graph was made).
    """
    for name in (graph.input.name, graph.output, *(node.name for node in graph.nodes)):
        check_name(name, "graph")
    tensors: list[tuple[str, str, bytes]] = []
    nodes = [_node(graph, node, tensors) for node in graph.nodes]
    spec = {"name": graph.input.name, "dtype": graph.input.dtype, "shape": list(graph.input.shape)}
    text = json.dumps(
        {"input": spec, "nodes": nodes, "output": graph.output}, ensure_ascii=False, separators=(",", ":")
    )
    producer = check_text(graph.producer or _producer(), "producer")
    data = container.build({"producer": producer, "graph": text}, tensors, _minor(graph, nodes))
    loads(data)
    return data


def _minor(graph: ir.Graph, nodes: list[dict[str, Any]]) -> int:
    """The oldest minor version that knows everything in these nodes, so that older readers can read them."""

    def since(entry: dict[str, Any]) -> int:
        spec = OPS[entry["op"]]
        newer = COMPLEMENT in entry["tensors"].values() or not spec.optional.keys().isdisjoint(entry)
        return max(spec.since, int(newer))

    banks = [getattr(node, group) for node in graph.nodes for group in OPS[node.op].neurons]
    calibrated = any(bool((bank.status == ir.Status.CALIBRATED).any()) for bank in banks)
    return max((2 * calibrated, *map(since, nodes)))


def _producer() -> str:
    try:
        return f"binmorph {metadata.version('binmorph')}"
    except metadata.PackageNotFoundError:  # used from a source tree
        return "binmorph"


def _node(graph: ir.Graph, node: ir.AnyNode, tensors: list[tuple[str, str, bytes]]) -> dict[str, Any]:
    """The JSON of one node; appends its tensors (name, dtype, bytes) in the order of their roles."""
    spec = OPS[node.op]
    entry: dict[str, Any] = {
        "op": node.op,
        "name": node.name,
        "input": node.input,
        "shape": list(graph.type_of(node.name).shape),
    }
    for key in spec.attributes:
        value = getattr(node, key)
        if key not in spec.optional or value != spec.optional[key]:
            entry[key] = list(value) if isinstance(value, tuple) else value
    shapes: dict[str, list[int] | str | None] = {}
    entry["tensors"] = shapes
    for role, dtype in spec.roles().items():
        array = _role_array(node, role)
        if role.rpartition(".")[2] in ZERO_WHEN_NULL and not array.any():
            shapes[role] = None
            continue
        plus = plus_of(role)
        if plus is not None and np.array_equal(array, ~_role_array(node, plus)):
            shapes[role] = COMPLEMENT
            continue
        shapes[role] = list(array.shape)
        tensors.append((f"{node.name}.{role}", ENCODINGS[dtype].dtype, arrays.encode(array)))
    return entry


def _role_array(node: ir.AnyNode, role: str) -> npt.NDArray[Any]:
    """The array behind a role such as "weight" or "bise.plus"."""
    value: Any = node
    for part in role.split("."):
        value = getattr(value, part)
    assert isinstance(value, np.ndarray)
    return value
