"""The container: a safetensors file with a checksum, split into metadata and tensors, or built from them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ChecksumError, FormatError, VersionError
from . import strict_json
from .spec import (
    ALIGNMENT,
    ENCODINGS,
    EXTENSION,
    FORMAT_MAJOR,
    FORMAT_MINOR,
    MAX_FILE_BYTES,
    MAX_HEADER_BYTES,
    MAX_TENSORS,
    METADATA_KEYS,
    REMEDY,
    check_name,
    check_text,
    padded,
    short,
)

ITEMSIZE = {encoding.dtype: encoding.itemsize for encoding in ENCODINGS.values()}
BLANK = b"0" * 64
# Inside a JSON string a quote is always escaped, so these can only match keys, never the text of a value.
DIGEST = re.compile(rb'"sha256":"([^"]*)"')
VERSION = re.compile(rb'"format":"([0-9]{1,4})\.[0-9]{1,4}"')


@dataclass(frozen=True)
class Tensor:
    """A stored tensor: dtype, number of items (padding included), payload bytes, and where they start."""

    dtype: str
    items: int
    data: memoryview
    offset: int


@dataclass(frozen=True)
class Container:
    metadata: dict[str, str]
    tensors: dict[str, Tensor]
    version: tuple[int, int]


def header_length(first: bytes, size: int) -> int:
    """Length of the header of a file of ``size`` bytes that starts with ``first``; raises FormatError."""
    if size > MAX_FILE_BYTES:
        raise FormatError(f"file: {size} bytes, the limit is {MAX_FILE_BYTES}; split the network")
    if size < 8 or len(first) < 8:
        raise FormatError(f"file: {size} bytes, too few to hold a header; {REMEDY}")
    length = int.from_bytes(first[:8], "little")
    if length > MAX_HEADER_BYTES:
        raise FormatError(f"byte 0: header of {length} bytes, the limit is {MAX_HEADER_BYTES}; {REMEDY}")
    if length > size - 8:
        raise FormatError(f"byte 0: header of {length} bytes in a file of {size} bytes, cut short; {REMEDY}")
    if length == 0 or (8 + length) % ALIGNMENT:
        raise FormatError(
            f"byte 0: header of {length} bytes; the payload must start at a multiple of {ALIGNMENT}; {REMEDY}"
        )
    return length


def split(data: memoryview, verify_checksum: bool) -> Container:
    """Check the container and its checksum; raises FormatError, VersionError or ChecksumError."""
    length = header_length(bytes(data[:8]), len(data))
    header = bytes(data[8 : 8 + length])
    # The version comes first: a later major may compute its checksum differently.
    ahead = VERSION.search(header)
    if ahead and int(ahead[1]) != FORMAT_MAJOR:
        _check_version(ahead[0].split(b'"')[3].decode())
    verified = verify_checksum and _verify(data, header)
    _check_padding(header)
    parsed: dict[str, object] = strict_json.parse(header, "header")  # it starts with {, so it is an object
    metadata = _metadata(parsed.pop("__metadata__", None))
    version = _check_version(metadata["format"])
    if verify_checksum and not verified:
        raise ChecksumError(f'header: "sha256" must be written once, without spaces or escapes; {REMEDY}')
    return Container(metadata, _tensors(parsed, data[8 + length :], 8 + length), version)


def _check_padding(header: bytes) -> None:
    text = header.rstrip(b" ")
    if header[:1] != b"{" or text[-1:] != b"}" or len(header) - len(text) >= ALIGNMENT:
        raise FormatError(
            f"header: must start with {{ and end with }} and fewer than {ALIGNMENT} spaces; {REMEDY}"
        )


def _verify(data: memoryview, header: bytes) -> bool:
    """Whether the checksum was found and agrees; a wrong one raises, a missing one is left to the parser."""
    found = list(DIGEST.finditer(header))
    if len(found) != 1:
        return False
    stated, at = found[0][1], 8 + found[0].start(1)
    if re.fullmatch(rb"[0-9a-f]{64}", stated) is None:
        raise ChecksumError(f"byte {at}: the SHA-256 must be 64 lower-case hexadecimal digits; {REMEDY}")
    actual = digest(data, at)
    if actual.encode() != stated:
        raise ChecksumError(
            f"file: its SHA-256 is {actual[:16]}..., but byte {at} states {stated[:16].decode()}...: "
            f"the bytes changed since they were written; copy or export the file again"
        )
    return True


def digest(data: memoryview, at: int) -> str:
    """SHA-256 of the file with its own 64 digits, which start at byte ``at``, read as zeros."""
    sha = hashlib.sha256(data[:at])
    sha.update(BLANK)
    sha.update(data[at + 64 :])
    return sha.hexdigest()


def _metadata(value: object) -> dict[str, str]:
    where = "header, __metadata__"
    if isinstance(value, dict) and "format" in value and "sha256" not in value:
        raise ChecksumError(f"{where}: the key 'sha256' is missing; {REMEDY}")
    if value is None:
        raise FormatError(
            f"{where} is missing: a safetensors file perhaps, but no network that binmorph exported"
        )
    metadata = strict_json.fields(value, where, METADATA_KEYS)
    for key, text in metadata.items():
        if not isinstance(text, str):
            raise FormatError(f"{where}, {short(key)}: expected a string, got {short(text)}; {REMEDY}")
        if key.startswith(EXTENSION):
            check_text(key, where)
    if re.fullmatch("[0-9a-f]{64}", metadata["sha256"]) is None:
        raise ChecksumError(f"{where}: the SHA-256 must be 64 lower-case hexadecimal digits; {REMEDY}")
    check_text(metadata["producer"], f"{where}, producer")
    return metadata


def _check_version(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", text, re.ASCII)
    if match is None:
        raise FormatError(f"header, format: {short(text)} is not a version such as 1.0; {REMEDY}")
    major, minor = int(match[1]), int(match[2])
    if major != FORMAT_MAJOR:
        raise VersionError(
            f"header, format: the file has format {major}.{minor}, this binmorph reads format "
            f"{FORMAT_MAJOR}.{FORMAT_MINOR} and later {FORMAT_MAJOR}.x; "
            + ("upgrade binmorph" if major > FORMAT_MAJOR else REMEDY)
        )
    return major, minor


def _tensors(entries: dict[str, object], payload: memoryview, start: int) -> dict[str, Tensor]:
    """Check every entry of the header and that together they tile the payload; bytes are not looked at."""
    if len(entries) > MAX_TENSORS:
        raise FormatError(f"header: {len(entries)} tensors, the limit is {MAX_TENSORS}; {REMEDY}")
    spans = []
    for name, entry in entries.items():
        where = f"header, tensor {short(name)}"
        check_name(name, where)
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise FormatError(f"{where}: expected the keys dtype, shape and data_offsets; {REMEDY}")
        dtype = entry["dtype"]
        if not isinstance(dtype, str) or dtype not in ITEMSIZE:
            raise FormatError(f"{where}: dtype {short(dtype)} is not one of {', '.join(ITEMSIZE)}; {REMEDY}")
        (items,) = strict_json.integers(entry["shape"], f"{where}, shape", 1, MAX_FILE_BYTES, 1)
        span = strict_json.integers(entry["data_offsets"], f"{where}, data_offsets", 0, MAX_FILE_BYTES, 2)
        if len(span) != 2 or span[1] - span[0] != items * ITEMSIZE[dtype]:
            raise FormatError(
                f"{where}: data_offsets {list(span)} do not hold {items} items of {dtype}; {REMEDY}"
            )
        if span[0] % ALIGNMENT or span[1] % ALIGNMENT:
            raise FormatError(
                f"{where}: data_offsets {list(span)} are not multiples of {ALIGNMENT}; {REMEDY}"
            )
        spans.append((span[0], span[1], name, dtype, items))
    end, tensors = 0, {}
    for begin, stop, name, dtype, items in sorted(spans):
        if begin != end:
            what = "overlap" if begin < end else "leave a hole"
            raise FormatError(
                f"header, tensor {short(name)}: starts at {begin}, not {end}: tensors {what}; {REMEDY}"
            )
        if stop > len(payload):
            raise FormatError(
                f"header, tensor {short(name)}: ends at {stop}, past the payload of {len(payload)}; {REMEDY}"
            )
        tensors[name] = Tensor(dtype, items, payload[begin:stop], start + begin)
        end = stop
    if end != len(payload):
        raise FormatError(f"byte {start + end}: {len(payload) - end} bytes after the last tensor; {REMEDY}")
    return tensors


def build(metadata: dict[str, str], tensors: Sequence[tuple[str, str, bytes]], minor: int) -> bytes:
    """The file with these tensors (name, dtype, unpadded bytes) in this order, with its checksum;
    ``minor`` is the version of the format that it states."""
    header: dict[str, object] = {
        "__metadata__": {"format": f"{FORMAT_MAJOR}.{minor}", "sha256": BLANK.decode(), **metadata}
    }
    payload, end = [], 0
    for name, dtype, raw in tensors:
        size = padded(len(raw))
        header[name] = {"dtype": dtype, "shape": [size // ITEMSIZE[dtype]], "data_offsets": [end, end + size]}
        payload += [raw, b"\0" * (size - len(raw))]
        end += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text = text.ljust(padded(8 + len(text)) - 8, b" ")
    data = bytearray(b"".join((len(text).to_bytes(8, "little"), text, *payload)))
    match = DIGEST.search(text)
    assert match is not None
    at = 8 + match.start(1)
    data[at : at + 64] = digest(memoryview(data), at).encode()
    return bytes(data)
