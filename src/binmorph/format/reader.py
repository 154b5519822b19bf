"""Files to graphs. Loading is validating: no graph comes out of a file that breaks a rule."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir
from ..errors import DTypeError, FormatError, MemoryLimitError, ShapeError
from . import arrays, strict_json
from .container import Container, Tensor, header_length, split
from .spec import (
    COMPLEMENT,
    ENCODINGS,
    FORMAT_MAJOR,
    FORMAT_MINOR,
    GRAPH_KEYS,
    INPUT_KEYS,
    MAX_NODES,
    MAX_RANK,
    NODE_KEYS,
    OPS,
    REMEDY,
    ZERO_WHEN_NULL,
    check_name,
    padded,
    plus_of,
    short,
    stored_items,
)


def load(path: str | os.PathLike[str], *, verify_checksum: bool = True) -> ir.Graph:
    """Read and validate a file; the graph owns its arrays, so the file may change or vanish afterwards.

    Raises:
        FormatError, ShapeError: the file breaks a rule; the message says which, where and what to do.
        VersionError: written by another major version of the format.
        ChecksumError: the bytes are not the ones that were written (not with ``verify_checksum=False``).
        MemoryLimitError: there is not enough memory for the arrays.
        FileNotFoundError, PermissionError: as from ``open``.
    """
    try:
        return loads(_read(path), verify_checksum=verify_checksum)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise FormatError(f"{short(os.fspath(path))}: cannot be read, {error.strerror}") from error


def loads(data: bytes | bytearray | memoryview, *, verify_checksum: bool = True) -> ir.Graph:
    """As :func:`load`, from the bytes of a file."""
    try:
        view = memoryview(data).cast("B")
    except TypeError as error:
        raise DTypeError(f"loads takes the contiguous bytes of a file, got {type(data).__name__}") from error
    try:
        return _decode(split(view, verify_checksum))
    except MemoryLimitError:
        raise
    except MemoryError as error:
        raise MemoryLimitError(
            "file: not enough memory for its tensors; free some, or split the network"
        ) from error


def _read(path: str | os.PathLike[str]) -> bytearray:
    """The bytes of a regular file; anything else is refused before it is opened and can block."""
    try:
        mode = os.stat(path).st_mode
    except ValueError as error:  # a NUL inside the path
        raise FormatError(f"{short(os.fspath(path))}: not a path, {error}") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FormatError(
                f"{short(os.fspath(path))}: a loop of symbolic links; name the file itself"
            ) from None
        raise
    # Between stat and open the path may change; O_NONBLOCK and the second look keep that harmless.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if stat.S_ISREG(mode) else -1
    if file < 0:
        raise FormatError(f"{short(os.fspath(path))}: not a regular file; copy its contents into one")
    with open(file, "rb", buffering=0) as stream:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode):
            raise FormatError(f"{short(os.fspath(path))}: not a regular file; copy its contents into one")
        first = stream.read(8) or b""
        header_length(first, info.st_size)  # a wrong size is refused before memory is taken for it
        data = bytearray(info.st_size)
        data[:8] = first
        rest, filled = memoryview(data), 8
        while filled < len(data):
            count = stream.readinto(rest[filled:])
            if not count:
                raise FormatError(
                    f"{short(os.fspath(path))}: cut to {filled} of {len(data)} bytes while it was read"
                )
            filled += count
        return data


def _decode(container: Container) -> ir.Graph:
    """The graph of a checked container: every tensor used once, every rule of the graph vocabulary kept."""
    version = f"{container.version[0]}.{container.version[1]}"
    source = strict_json.fields(
        strict_json.parse(container.metadata["graph"].encode("utf-8", "surrogatepass"), "graph"),
        "graph",
        GRAPH_KEYS,
    )
    spec = strict_json.fields(source["input"], "graph, input", INPUT_KEYS)
    if not isinstance(spec["dtype"], str):
        raise FormatError(f"graph, input: dtype {short(spec['dtype'])} is not a string; {REMEDY}")
    graph_input = ir.InputSpec(
        spec["dtype"],
        strict_json.integers(spec["shape"], "graph, input, shape", 1, ir.MAX_DIM, MAX_RANK),
        check_name(spec["name"], "graph, input, name"),
    )
    entries = source["nodes"]
    if not isinstance(entries, list) or len(entries) > MAX_NODES:
        size = len(entries) if isinstance(entries, list) else short(entries)
        raise FormatError(f"graph, nodes: expected a list of at most {MAX_NODES} nodes, got {size}; {REMEDY}")
    unused = dict(container.tensors)
    nodes, shapes = [], []
    for index, entry in enumerate(entries):
        node, shape = _node(entry, f"graph, node {index}", unused, version)
        nodes.append(node)
        shapes.append(shape)
    if unused:
        raise FormatError(f"tensor {short(next(iter(unused)))}: no node of the graph uses it; {REMEDY}")
    graph = ir.Graph(
        graph_input,
        tuple(nodes),
        check_name(source["output"], "graph, output"),
        container.metadata["producer"],
    )
    for node, shape in zip(nodes, shapes, strict=True):
        computed = graph.type_of(node.name).shape
        if shape != computed:
            raise ShapeError(
                f"node {node.name!r}: the file states the shape {shape}, but it is {computed}; {REMEDY}"
            )
    return graph


def _node(entry: object, where: str, unused: dict[str, Tensor], version: str) -> tuple[Any, tuple[int, ...]]:
    """One node and the output shape that the file states for it; takes its tensors out of ``unused``."""
    op = entry["op"] if isinstance(entry, dict) and "op" in entry else ""
    spec = OPS.get(op) if isinstance(op, str) else None
    if spec is None and op != "":
        raise FormatError(
            f"{where}: unknown op {short(op)}; the file has format {version}, this binmorph knows "
            f"{FORMAT_MAJOR}.{FORMAT_MINOR}: upgrade it if that is newer"
        )
    attributes = dict(spec.attributes) if spec else {}
    if spec and isinstance(entry, dict):
        attributes = {
            key: kind for key, kind in attributes.items() if key in entry or key not in spec.optional
        }
    fields = strict_json.fields(entry, where, NODE_KEYS + tuple(attributes))
    if spec is None:
        raise FormatError(f"{where}: the op is empty; {REMEDY}")
    name = check_name(fields["name"], f"{where}, name")
    where = f"node {name!r} ({op})"
    shape = strict_json.integers(fields["shape"], f"{where}, shape", 1, ir.MAX_DIM, MAX_RANK)
    built: dict[str, Any] = {"name": name, "input": check_name(fields["input"], f"{where}, input")}
    for key, kind in attributes.items():
        built[key] = _attribute(fields[key], kind, f"{where}, {key}")
    roles = spec.roles()
    stated = strict_json.fields(fields["tensors"], f"{where}, tensors", tuple(roles))
    if len(stated) != len(roles):
        raise FormatError(f"{where}, tensors: extensions are not allowed here; {REMEDY}")
    stored = {
        role: _array(role, dtype, stated[role], name, where, unused)
        for role, dtype in roles.items()
        if stated[role] is not None and not (stated[role] == COMPLEMENT and plus_of(role))
    }
    for role in roles:
        plus = stored.get(plus_of(role) or "")
        if plus is not None and role not in stored:
            stored[role] = ~plus if stated[role] == COMPLEMENT else np.zeros_like(plus)
    built |= {key: _required(stored, key, where) for key in spec.arrays}
    built |= {group: _neurons(stored, group, where) for group in spec.neurons}
    return spec.node(**built), shape


def _attribute(value: object, kind: str, where: str) -> Any:
    if kind in ("text", "value"):
        return check_name(value, where)
    if kind == "values":
        if not isinstance(value, list) or len(value) > MAX_NODES:
            raise FormatError(f"{where}: expected a list of names, got {short(value)}; {REMEDY}")
        return tuple(check_name(name, where) for name in value)
    if kind == "count":
        return strict_json.integers([value], where, 1, ir.MAX_DIM, 1)[0]
    pair = strict_json.integers(value, where, 0 if kind == "pair_from_zero" else 1, ir.MAX_DIM, 2)
    if len(pair) != 2:
        raise FormatError(f"{where}: expected two integers, got {short(value)}; {REMEDY}")
    return pair


def _array(
    role: str, dtype: str, shape: object, node: str, where: str, unused: dict[str, Tensor]
) -> npt.NDArray[Any]:
    """The array of one role, once its tensor is known to have the dtype and length that it needs."""
    full = f"{node}.{role}"
    true_shape = strict_json.integers(shape, f"{where}, tensors, {role}", 1, ir.MAX_DIM, MAX_RANK)
    tensor = unused.pop(full, None)
    if tensor is None:
        raise FormatError(f"{where}: the tensor {short(full)} is missing; {REMEDY}")
    encoding = ENCODINGS[dtype]
    if tensor.dtype != encoding.dtype:
        raise FormatError(f"{where}, {role}: stored as {tensor.dtype}, expected {encoding.dtype}; {REMEDY}")
    needed = padded(stored_items(dtype, true_shape) * encoding.itemsize)
    if len(tensor.data) != needed:
        raise FormatError(
            f"{where}, {role}: the shape {list(true_shape)} takes {needed} bytes, the tensor has "
            f"{len(tensor.data)}; {REMEDY}"
        )
    return arrays.decode(tensor, dtype, true_shape, f"{where}, {role}")


def _required(stored: dict[str, npt.NDArray[Any]], role: str, where: str) -> npt.NDArray[Any]:
    if role not in stored:
        raise FormatError(f"{where}, {role}: null, but only {', '.join(ZERO_WHEN_NULL)} may be; {REMEDY}")
    return stored[role]


def _neurons(stored: dict[str, npt.NDArray[Any]], group: str, where: str) -> ir.Neurons:
    plus = _required(stored, f"{group}.plus", where)
    built = {}
    for field, dtype in ir.Neurons.FIELDS.items():
        if field in ZERO_WHEN_NULL and f"{group}.{field}" not in stored:
            built[field] = np.zeros(plus.shape[:-1], dtype)
        else:
            built[field] = _required(stored, f"{group}.{field}", where)
    try:
        return ir.Neurons(**built)
    except (FormatError, ShapeError) as error:
        raise type(error)(f"{where}, {group}: {error}") from None
