"""What a ``.bmorph`` file contains: constants, limits and the table of ops; in prose: ``docs/format.md``.

    bytes 0..8      u64 little endian: length of the header
    header          JSON, padded with fewer than 64 spaces so that the payload starts at a multiple of 64
    payload         the tensors, contiguous, each a whole number of 64-byte blocks

The file is a valid safetensors file. The header's ``__metadata__`` holds ``format`` ("major.minor"),
``sha256``, ``producer`` and ``graph`` (JSON in a string). Role ``r`` of node ``m`` is the tensor ``m.r``:
one-dimensional, filled with zeros up to a multiple of 64 bytes; its true shape stands in the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from .. import ir
from ..errors import FormatError

FORMAT_MAJOR: Final = 1
FORMAT_MINOR: Final = 2

ALIGNMENT: Final = 64
MAX_HEADER_BYTES: Final = 16 << 20
MAX_FILE_BYTES: Final = 4 << 30
MAX_TENSORS: Final = 65_536
MAX_NODES: Final = 65_536
MAX_NAME_BYTES: Final = 1024
MAX_JSON_DEPTH: Final = 32
MAX_RANK: Final = 8

METADATA_KEYS: Final = ("format", "sha256", "producer", "graph")
GRAPH_KEYS: Final = ("input", "nodes", "output")
INPUT_KEYS: Final = ("name", "dtype", "shape")
NODE_KEYS: Final = ("op", "name", "input", "shape", "tensors")
EXTENSION: Final = "x-"
"""Keys with this prefix are ignored in metadata, graph and nodes; other unknown keys are errors."""

REMEDY: Final = "the file is damaged or was not written by binmorph; export the network again"


@dataclass(frozen=True)
class Encoding:
    """How an array is stored: the safetensors dtype, the numpy dtype and its bytes per item."""

    dtype: str
    numpy: str
    itemsize: int


ENCODINGS: Final[dict[str, Encoding]] = {
    "bool": Encoding("U64", "<u8", 8),  # packed: bit i of a row is bit i % 64 of its word i // 64
    "uint8": Encoding("U8", "u1", 1),
    "int8": Encoding("I8", "i1", 1),
    "int32": Encoding("I32", "<i4", 4),
    "float32": Encoding("F32", "<f4", 4),
    "float64": Encoding("F64", "<f8", 8),
}

ZERO_WHEN_NULL: Final = ("minus", "minus_weights", "invert", "distance")
"""Arrays that are not stored when they are zero throughout: their entry in ``tensors`` is null."""


COMPLEMENT: Final = "complement"
"""In place of the shape of a mask of minuses (since 1.1): every input that is not in that of pluses."""


def plus_of(role: str) -> str | None:
    """The role of the mask of pluses that belongs to a mask of minuses; None for every other role."""
    last = role.rpartition(".")[2]
    return role.replace("minus", "plus") if last in ("minus", "minus_weights") else None


@dataclass(frozen=True)
class OpSpec:
    """What one op stores: attributes (name to kind), plain arrays (name to dtype) and groups of neurons.

    ``since`` is the minor version that brought the op. ``optional`` attributes, brought by 1.1, are left out
    of the file where they have the value given here.
    """

    node: type[ir.Node]
    attributes: dict[str, str]
    arrays: dict[str, str]
    neurons: tuple[str, ...] = ()
    since: int = 0
    optional: dict[str, Any] = field(default_factory=dict)

    def roles(self) -> dict[str, str]:
        """Every tensor role of the op, in file order, with the numpy dtype of its array."""
        fields = {
            f"{group}.{name}": dtype for group in self.neurons for name, dtype in ir.Neurons.FIELDS.items()
        }
        return {**self.arrays, **fields}


WINDOW: Final = {
    "kernel": "pair",
    "stride": "pair",
    "dilation": "pair",
    "padding": "pair_from_zero",
    "groups": "count",
    "border": "text",
}
POOL: Final = {"kernel": "pair", "stride": "pair"}
FLOATS: Final = "float32"

OPS: Final[dict[str, OpSpec]] = {
    "level_sets": OpSpec(ir.LevelSets, {}, {"values": FLOATS}),
    "pack_binary": OpSpec(ir.PackBinary, {}, {}),
    "bisel": OpSpec(ir.Bisel, {"kernel": "pair", "border": "text"}, {}, ("bise", "lui")),
    "threshold_conv2d": OpSpec(ir.ThresholdConv2d, WINDOW, {"offset": "int32"}, ("neurons",)),
    "max_pool": OpSpec(ir.MaxPool, {**POOL, "padding": "pair_from_zero"}, {}, optional={"padding": (0, 0)}),
    "flatten": OpSpec(ir.Flatten, {}, {}),
    "threshold_dense": OpSpec(ir.ThresholdDense, {}, {}, ("neurons",)),
    "linear": OpSpec(ir.Linear, {}, {"weight": FLOATS, "bias": FLOATS}),
    "count_conv2d": OpSpec(
        ir.CountConv2d,
        {**WINDOW, "factor": "count"},
        {"plus_weights": "bool", "minus_weights": "bool", "constant": "int32"},
        since=1,
    ),
    "two_value_conv2d": OpSpec(
        ir.TwoValueConv2d,
        {**WINDOW, "factor": "count"},
        {"plus_weights": "bool", "constant": "int32", "total": "int32", "difference": FLOATS, "low": FLOATS},
        since=1,
    ),
    "pixel_conv2d": OpSpec(ir.PixelConv2d, WINDOW, {"weight": "int8", "constant": "int32"}, since=1),
    "conv2d": OpSpec(ir.Conv2d, WINDOW, {"weight": FLOATS, "bias": FLOATS}, since=1),
    "affine": OpSpec(ir.Affine, {}, {"scale": FLOATS, "shift": FLOATS}, since=1),
    "add": OpSpec(ir.Add, {"other": "value"}, {}, since=1),
    "prelu": OpSpec(ir.PRelu, {}, {"slope": FLOATS}, since=1),
    "clamp": OpSpec(ir.Clamp, {}, {"limits": FLOATS}, since=1),
    "avg_pool": OpSpec(ir.AvgPool, POOL, {}, since=1),
    "concat": OpSpec(ir.Concat, {"others": "values"}, {}, since=1),
    "truth_table": OpSpec(
        ir.TruthTable,
        {"kernel": "pair", "border": "text"},
        {"channels": "int32", "table": "bool", "statuses": "uint8"},
        since=2,
    ),
}


def padded(size: int) -> int:
    """``size`` rounded up to a multiple of the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def stored_items(dtype: str, shape: tuple[int, ...]) -> int:
    """Items that an array of this dtype and shape takes before padding; packed rows start at a new word."""
    count = 1
    for dim in shape[:-1]:
        count *= dim
    return count * (-(-shape[-1] // 64) if dtype == "bool" else shape[-1])


def short(value: object) -> str:
    """``repr`` of an untrusted value, cut to a length that fits an error message."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def check_text(text: object, where: str) -> str:
    """A non-empty printable string of at most MAX_NAME_BYTES bytes of UTF-8; raises FormatError."""
    if not isinstance(text, str) or not text:
        raise FormatError(f"{where}: expected a non-empty string, got {short(text)}; {REMEDY}")
    # Not printable: control characters, NUL, direction marks, unpaired surrogates, every space except " ".
    if not text.isprintable():
        raise FormatError(f"{where}: {short(text)} holds unprintable characters; use visible ones and spaces")
    size = len(text.encode("utf-8"))
    if size > MAX_NAME_BYTES:
        raise FormatError(
            f"{where}: {short(text)} has {size} bytes, the limit is {MAX_NAME_BYTES}; shorten it"
        )
    return text


def check_name(name: object, where: str) -> str:
    """The name of a value or tensor: text that can never be read as a path; raises FormatError."""
    text = check_text(name, where)
    if "/" in text or "\\" in text or text in (".", ".."):
        raise FormatError(f"{where}: {short(text)} looks like a path; use dots to structure names")
    return text
