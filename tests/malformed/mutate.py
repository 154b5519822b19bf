"""Take a valid file apart, change one thing, and put it together again: only the intended rule is broken."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
Change = Callable[[dict[str, Any]], object]


def valid() -> bytes:
    """The valid file that every case starts from."""
    return (GOLDEN / "digits_like.bmorph").read_bytes()


def take_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header object and payload."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def sign(data: bytes) -> bytes:
    """The file with a correct checksum, if it has exactly one well-formed checksum field."""
    found = list(re.finditer(rb'"sha256":"([0-9a-f]{64})"', data))
    if len(found) != 1:
        return data
    at = found[0].start(1)
    blank = data[:at] + b"0" * 64 + data[at + 64 :]
    return blank[:at] + hashlib.sha256(blank).hexdigest().encode() + blank[at + 64 :]


def pack(header: object, payload: bytes) -> bytes:
    """A signed file from any header: bytes are taken as they are, everything else becomes JSON."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return sign(len(text).to_bytes(8, "little") + text + payload)


def with_header(change: Change) -> bytes:
    """Change the header object in place (or return another header)."""
    header, payload = take_apart(valid())
    changed = change(header)
    return pack(header if changed is None else changed, payload)


def with_metadata(**values: object) -> bytes:
    """Set metadata keys; None removes a key."""

    def change(header: dict[str, Any]) -> None:
        for key, value in values.items():
            header["__metadata__"][key.replace("__", "-")] = value
            if value is None:
                del header["__metadata__"][key]

    return with_header(change)


def with_graph(change: Change) -> bytes:
    """Change the graph object in place (or return another graph; a str replaces the JSON text itself)."""

    def inner(header: dict[str, Any]) -> None:
        graph = json.loads(header["__metadata__"]["graph"])
        changed = change(graph)
        text = changed if isinstance(changed, str) else json.dumps(graph if changed is None else changed)
        header["__metadata__"]["graph"] = text

    return with_header(inner)


def node(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in graph["nodes"] if entry["name"] == name)


def with_node(name: str, /, **values: object) -> bytes:
    """Set keys of one node of the graph."""
    return with_graph(lambda graph: node(graph, name).update(values))


def with_shape(name: str, role: str, shape: object) -> bytes:
    """Replace the stated true shape of one tensor."""
    return with_graph(lambda graph: node(graph, name)["tensors"].update({role: shape}))


def with_tensor(name: str, /, **values: object) -> bytes:
    """Set keys of one tensor entry of the header."""
    return with_header(lambda header: header[name].update(values))


def with_payload(name: str, change: Callable[[bytearray], object]) -> bytes:
    """Change the bytes of one tensor in place."""
    header, payload = take_apart(valid())
    begin, end = header[name]["data_offsets"]
    part = bytearray(payload[begin:end])
    change(part)
    assert len(part) == end - begin
    return pack(header, payload[:begin] + bytes(part) + payload[end:])


def rename(old: str, new: str) -> bytes:
    """Give a node another name everywhere: graph, readers and tensors."""

    def change(header: dict[str, Any]) -> dict[str, Any]:
        graph = json.loads(header["__metadata__"]["graph"])
        for entry in graph["nodes"]:
            for key in ("name", "input"):
                entry[key] = new if entry[key] == old else entry[key]
        graph["output"] = new if graph["output"] == old else graph["output"]
        header["__metadata__"]["graph"] = json.dumps(graph)
        return {(new + k[len(old) :] if k.startswith(old + ".") else k): v for k, v in header.items()}

    return with_header(change)
