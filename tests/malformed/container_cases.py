"""Malformed containers: length, header JSON, metadata, checksum, version, tensor table, padding."""

from __future__ import annotations

import struct
from typing import Any

from mutate import pack, take_apart, valid, with_header, with_metadata, with_payload, with_tensor

from binmorph.errors import ChecksumError, FormatError, VersionError

FIRST, SECOND, LAST = "levels.values", "open.bise.plus", "head.bias"


def length(value: int) -> bytes:
    return struct.pack("<Q", value) + valid()[8:]


def header_text(change: tuple[bytes, bytes]) -> bytes:
    """Replace bytes of the header's text once."""
    data = valid()
    size = int.from_bytes(data[:8], "little")
    text = data[8 : 8 + size].rstrip(b" ")
    assert text.count(change[0]) >= 1, change
    return pack(text.replace(*change, 1), data[8 + size :])


def with_padding(spaces: bytes) -> bytes:
    """The header followed by other bytes than the fewest spaces, and a length field that includes them."""
    data = valid()
    size = int.from_bytes(data[:8], "little")
    return pack(data[8 : 8 + size].rstrip(b" ") + spaces, data[8 + size :])


def payload(change: Any) -> bytes:
    header, body = take_apart(valid())
    return pack(header, change(body))


def duplicated_tensor() -> bytes:
    entry = b'"levels.values":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}'
    return header_text((entry, entry + b"," + entry))


def hole() -> bytes:
    """Everything after the first tensor moves up by 64 bytes."""
    header, body = take_apart(valid())
    for name, entry in header.items():
        if name not in ("__metadata__", FIRST):
            entry["data_offsets"] = [at + 64 for at in entry["data_offsets"]]
    return pack(header, body[:64] + bytes(64) + body[64:])


def late_start() -> bytes:
    header, body = take_apart(valid())
    for name, entry in header.items():
        if name != "__metadata__":
            entry["data_offsets"] = [at + 64 for at in entry["data_offsets"]]
    return pack(header, bytes(64) + body)


def many_tensors() -> bytes:
    header, body = take_apart(valid())
    entry = {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}
    header.update({f"t{i}": entry for i in range(65_536)})
    return pack(header, body)


def set_byte(at: int, value: int) -> Any:
    return lambda part: part.__setitem__(at, value)


def metadata_value(value: object) -> bytes:
    return with_header(lambda header: header.__setitem__("__metadata__", value))


DEEP = b"[" * 100_000

CONTAINER: list[tuple[Any, ...]] = [
    ("empty", lambda: b"", FormatError, "too few"),
    ("seven_bytes", lambda: valid()[:7], FormatError, "too few"),
    ("length_only", lambda: valid()[:8], FormatError, "cut short"),
    ("length_zero", lambda: length(0), FormatError, "header of 0 bytes"),
    ("length_2_63", lambda: length(2**63), FormatError, "the limit is 16777216"),
    ("length_2_64_minus_1", lambda: length(2**64 - 1), FormatError, "the limit is 16777216"),
    ("length_2_64_minus_8", lambda: length(2**64 - 8), FormatError, "the limit is 16777216"),
    ("length_past_end", lambda: length(len(valid())), FormatError, "cut short"),
    ("length_over_cap", lambda: length((16 << 20) + 1), FormatError, "the limit is 16777216"),
    ("length_unaligned", lambda: length(57), FormatError, "multiple of 64"),
    ("not_json", lambda: pack(b"{not json}", b""), FormatError, "not valid JSON"),
    ("not_utf8", lambda: header_text((b"binmorph golden", b"binmorph \xff\xfe")), FormatError, "UTF-8"),
    ("utf8_overlong", lambda: header_text((b"golden", b"g\xc0\xaf")), FormatError, "UTF-8"),
    ("utf8_surrogate", lambda: header_text((b"golden", b"g\xed\xa0\x80")), FormatError, "UTF-8"),
    ("byte_order_mark", lambda: header_text((b"{", b"\xef\xbb\xbf{")), FormatError, "start with {"),
    ("leading_space", lambda: header_text((b"{", b" {")), FormatError, "start with {"),
    ("array_root", lambda: pack(b"[]", b""), FormatError, "start with {"),
    ("string_root", lambda: pack(b'"text"', b""), FormatError, "start with {"),
    ("two_roots", lambda: pack(b"{}{}", b""), FormatError, "not valid JSON"),
    ("depth_bomb", lambda: pack(b'{"a":' + DEEP + b"}", b""), FormatError, "deep, the limit is 32"),
    ("depth_bomb_objects", lambda: pack(b'{"a":' * 50_000 + b"}", b""), FormatError, "the limit is 32"),
    ("depth_33", lambda: pack(b'{"a":' * 32 + b"[]" + b"}" * 32, b""), FormatError, "nested 33 deep"),
    ("nan_literal", lambda: header_text((b'"shape":[16]', b'"shape":[NaN]')), FormatError, "NaN is not JSON"),
    ("infinity", lambda: header_text((b"[16]", b"[Infinity]")), FormatError, "Infinity is not JSON"),
    ("minus_infinity", lambda: header_text((b"[16]", b"[-Infinity]")), FormatError, "-Infinity is not"),
    ("endless_number", lambda: header_text((b"[16]", b"[" + b"9" * 900_000 + b"]")), FormatError, "digits"),
    ("control_in_string", lambda: header_text((b"golden", b"g\x01")), FormatError, "not valid JSON"),
    ("trailing_comma", lambda: header_text((b"[16]", b"[16,]")), FormatError, "not valid JSON"),
    ("duplicate_key", duplicated_tensor, FormatError, "stands twice"),
    ("padding_64_spaces", lambda: with_padding(b" " * 128), FormatError, "fewer than 64 spaces"),
    ("padding_tab", lambda: with_padding(b"\t"), FormatError, "end with }"),
    ("padding_nul", lambda: with_padding(b"\0"), FormatError, "end with }"),
    ("no_metadata", lambda: with_header(lambda h: h.pop("__metadata__") and h), FormatError, "missing"),
    ("metadata_null", lambda: metadata_value(None), FormatError, "missing"),
    ("metadata_list", lambda: metadata_value([]), FormatError, "expected an object"),
    ("metadata_empty", lambda: metadata_value({}), FormatError, "'format' is missing"),
    ("metadata_number", lambda: with_metadata(producer=1), FormatError, "expected a string"),
    ("metadata_nested", lambda: with_metadata(x__note={"a": "b"}), FormatError, "expected a string"),
    ("metadata_unknown", lambda: with_metadata(note="hello"), FormatError, "unknown key 'note'"),
    (
        "extension_name",
        lambda: header_text((b'"format"', b'"x-\\u0000":"","format"')),
        FormatError,
        "unprintable",
    ),
    ("graph_absent", lambda: with_metadata(graph=None), FormatError, "'graph' is missing"),
    ("producer_absent", lambda: with_metadata(producer=None), FormatError, "'producer' is missing"),
    ("producer_empty", lambda: with_metadata(producer=""), FormatError, "non-empty"),
    ("producer_control", lambda: with_metadata(producer="a\u0000b"), FormatError, "unprintable"),
    ("producer_long", lambda: with_metadata(producer="a" * 1025), FormatError, "1025 bytes"),
    ("format_absent", lambda: with_metadata(format=None), FormatError, "'format' is missing"),
    ("format_1_x", lambda: with_metadata(format="1.x"), FormatError, "not a version"),
    ("format_1", lambda: with_metadata(format="1"), FormatError, "not a version"),
    ("format_leading_zero", lambda: with_metadata(format="01.0"), FormatError, "not a version"),
    ("format_newline", lambda: with_metadata(format="1.0\n"), FormatError, "not a version"),
    ("format_arabic_digit", lambda: with_metadata(format="\u0661.0"), FormatError, "not a version"),
    ("format_negative", lambda: with_metadata(format="-1.0"), FormatError, "not a version"),
    ("format_number", lambda: with_metadata(format=1.0), FormatError, "expected a string"),
    (
        "format_0",
        lambda: with_metadata(format="0.9"),
        VersionError,
        "format 0.9, this binmorph reads format 1.",
    ),
    (
        "format_2",
        lambda: with_metadata(format="2.0"),
        VersionError,
        "format 2.0, this binmorph reads format 1.",
    ),
    ("format_999", lambda: with_metadata(format="999.0"), VersionError, "upgrade binmorph"),
    ("sha_absent", lambda: with_metadata(sha256=None), ChecksumError, "missing"),
    ("sha_empty", lambda: with_metadata(sha256=""), ChecksumError, "64 lower-case"),
    ("sha_short", lambda: with_metadata(sha256="0" * 63), ChecksumError, "64 lower-case"),
    ("sha_long", lambda: with_metadata(sha256="0" * 65), ChecksumError, "64 lower-case"),
    ("sha_upper_case", lambda: with_metadata(sha256="ABCDEF01" * 8), ChecksumError, "64 lower-case"),
    (
        "sha_wrong",
        lambda: valid().replace(b'"sha256":"', b'"sha256":"0', 1)[: len(valid())],
        ChecksumError,
        "64",
    ),
    ("sha_number", lambda: with_metadata(sha256=0), FormatError, "expected a string"),
    ("sha_spaced", lambda: header_text((b'"sha256":', b'"sha256": ')), ChecksumError, "without spaces"),
    ("sha_escaped_key", lambda: header_text((b'"sha256"', b'"sha\\u003256"')), ChecksumError, "without"),
    ("sha_twice", lambda: header_text((b'"format"', b'"sha256":"","format"')), FormatError, "stands twice"),
    ("payload_changed", lambda: valid()[:-1] + b"\1", ChecksumError, "bytes changed"),
    ("trailing_byte", lambda: payload(lambda body: body + b"\0"), FormatError, "after the last tensor"),
    ("trailing_block", lambda: payload(lambda body: body + bytes(64)), FormatError, "after the last tensor"),
    ("payload_cut", lambda: payload(lambda body: body[:-64]), FormatError, "past the payload"),
    ("payload_missing", lambda: payload(lambda body: b""), FormatError, "past the payload"),
    (
        "entry_not_object",
        lambda: with_header(lambda h: h.update({FIRST: 7})),
        FormatError,
        "expected the keys",
    ),
    ("entry_key_missing", lambda: with_header(lambda h: h[FIRST].pop("dtype") and h), FormatError, "keys"),
    ("entry_key_extra", lambda: with_tensor(FIRST, note=1), FormatError, "expected the keys"),
    ("entry_extension", lambda: with_tensor(FIRST, **{"x-note": 1}), FormatError, "expected the keys"),
    ("dtype_unknown", lambda: with_tensor(FIRST, dtype="F128"), FormatError, "dtype 'F128' is not one of"),
    ("dtype_lower_case", lambda: with_tensor(FIRST, dtype="f32"), FormatError, "dtype 'f32'"),
    ("dtype_list", lambda: with_tensor(FIRST, dtype=["F32"]), FormatError, "dtype"),
    ("dtype_other", lambda: with_tensor(FIRST, dtype="I32"), FormatError, "stored as I32, expected F32"),
    ("shape_not_list", lambda: with_tensor(FIRST, shape=16), FormatError, "list of 1 to 1"),
    ("shape_2d", lambda: with_tensor(FIRST, shape=[4, 4]), FormatError, "list of 1 to 1"),
    ("shape_scalar", lambda: with_tensor(FIRST, shape=[]), FormatError, "list of 1 to 1"),
    ("shape_bytes_differ", lambda: with_tensor(FIRST, shape=[15]), FormatError, "do not hold 15 items"),
    ("shape_overflow", lambda: with_tensor(FIRST, shape=[2**62]), FormatError, "not an integer in"),
    ("shape_wraps", lambda: with_tensor(FIRST, shape=[2**62 + 16]), FormatError, "not an integer in"),
    ("shape_negative", lambda: with_tensor(FIRST, shape=[-16]), FormatError, "-16 is not an integer"),
    ("shape_zero", lambda: with_tensor(FIRST, shape=[0], data_offsets=[0, 0]), FormatError, "0 is not an"),
    ("shape_float", lambda: with_tensor(FIRST, shape=[16.0]), FormatError, "16.0 is not an integer"),
    ("shape_bool", lambda: with_tensor(FIRST, shape=[True]), FormatError, "True is not an integer"),
    ("shape_text", lambda: with_tensor(FIRST, shape=["16"]), FormatError, "'16' is not an integer"),
    ("offset_negative", lambda: with_tensor(FIRST, data_offsets=[-64, 0]), FormatError, "-64 is not"),
    ("offset_reversed", lambda: with_tensor(FIRST, data_offsets=[64, 0]), FormatError, "do not hold"),
    ("offset_past_end", lambda: with_tensor(LAST, data_offsets=[3072, 3136]), FormatError, "hole"),
    (
        "offset_huge",
        lambda: with_tensor(LAST, data_offsets=[2**63, 2**63 + 64]),
        FormatError,
        "not an integer",
    ),
    ("offset_float", lambda: with_tensor(FIRST, data_offsets=[0.0, 64]), FormatError, "0.0 is not"),
    ("offset_bool", lambda: with_tensor(FIRST, data_offsets=[False, 64]), FormatError, "False is not"),
    ("offset_three", lambda: with_tensor(FIRST, data_offsets=[0, 32, 64]), FormatError, "1 to 2"),
    ("offset_one", lambda: with_tensor(FIRST, data_offsets=[64]), FormatError, "do not hold"),
    ("offset_first_not_zero", late_start, FormatError, "starts at 64, not 0"),
    ("tensors_overlap", lambda: with_tensor(SECOND, data_offsets=[0, 64]), FormatError, "overlap"),
    ("tensors_hole", hole, FormatError, "leave a hole"),
    (
        "tensor_misaligned",
        lambda: with_tensor(FIRST, shape=[8], data_offsets=[0, 32]),
        FormatError,
        "multiples",
    ),
    ("too_many_tensors", many_tensors, FormatError, "tensors, the limit is 65536"),
    ("unused_tensor", lambda: payload_with_extra("extra"), FormatError, "no node of the graph uses it"),
    ("tensor_name_nul", lambda: payload_with_extra("a\0b"), FormatError, "unprintable"),
    ("tensor_name_path", lambda: payload_with_extra("../a"), FormatError, "looks like a path"),
    ("tensor_name_empty", lambda: payload_with_extra(""), FormatError, "non-empty"),
    ("tensor_missing", lambda: rename_tensor(FIRST, "levels.other"), FormatError, "is missing"),
    ("padding_not_zero", lambda: with_payload(FIRST, set_byte(63, 1)), FormatError, "padding must be zero"),
    ("status_padding", lambda: with_payload("open.lui.status", set_byte(3, 1)), FormatError, "padding"),
    ("bits_padding", lambda: with_payload(SECOND, set_byte(48, 1)), FormatError, "padding must be zero"),
    ("tail_bit", lambda: with_payload(SECOND, set_byte(1, 2)), FormatError, "tail bits must be zero"),
    ("tail_byte", lambda: with_payload(SECOND, set_byte(7, 0x80)), FormatError, "tail bits must be zero"),
    ("tail_of_last_row", lambda: with_payload(SECOND, set_byte(47, 1)), FormatError, "tail bits"),
]


def payload_with_extra(name: str) -> bytes:
    header, body = take_apart(valid())
    header[name] = {"dtype": "U8", "shape": [64], "data_offsets": [len(body), len(body) + 64]}
    return pack(header, body + bytes(64))


def rename_tensor(old: str, new: str) -> bytes:
    return with_header(lambda header: {(new if key == old else key): value for key, value in header.items()})
