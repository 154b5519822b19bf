"""Malformed graphs in sound containers: JSON, names, order, attributes, shapes, neurons, values."""

from __future__ import annotations

import json
import struct
from typing import Any

from mutate import node, rename, with_graph, with_metadata, with_node, with_payload, with_shape

from binmorph.errors import FormatError, ShapeError
from binmorph.ir import Status

MARGIN = "edge.bise.margin"


def put(fmt: str, item: int, *values: float) -> Any:
    """Overwrite items of a tensor, given the struct format of one item."""
    size = struct.calcsize("<" + fmt)
    return lambda part: struct.pack_into(f"<{len(values)}{fmt}", part, item * size, *values)


def set_input(**values: object) -> bytes:
    return with_graph(lambda graph: graph["input"].update(values))


def drop(name: str, key: str) -> bytes:
    return with_graph(lambda graph: node(graph, name).pop(key) and None)


def swap(first: int, second: int) -> bytes:
    """Two nodes change places, so that one reads a value that comes later."""

    def change(graph: dict[str, Any]) -> None:
        nodes = graph["nodes"]
        nodes[first], nodes[second] = nodes[second], nodes[first]

    return with_graph(change)


def many_nodes(count: int) -> bytes:
    return with_graph(lambda graph: graph["nodes"].extend([0] * count) or None)


def duplicate_in_graph() -> bytes:
    return with_graph(lambda graph: json.dumps(graph).replace('"output"', '"output":"x","output"'))


def empty_input() -> bytes:
    return set_input(shape=[1, 0, 8])


def image(height: int, width: int) -> bytes:
    """A larger input: the stated shapes of the nodes no longer agree with it."""
    return set_input(shape=[1, height, width])


GRAPH: list[tuple[Any, ...]] = [
    ("graph_not_json", lambda: with_metadata(graph="{"), FormatError, "graph: not valid JSON"),
    ("graph_empty", lambda: with_metadata(graph=""), FormatError, "graph: not valid JSON"),
    ("graph_array", lambda: with_metadata(graph="[]"), FormatError, "graph: expected an object"),
    ("graph_null", lambda: with_metadata(graph="null"), FormatError, "graph: expected an object"),
    ("graph_depth_bomb", lambda: with_metadata(graph="[" * 100_000), FormatError, "graph: JSON nested"),
    ("graph_depth_in_extension", lambda: with_graph(deep_extension), FormatError, "graph: JSON nested"),
    ("graph_nan", lambda: with_metadata(graph='{"x-a":NaN}'), FormatError, "graph: NaN is not JSON"),
    ("graph_surrogate", lambda: with_metadata(graph='{"x-a":"\ud800"}'), FormatError, "UTF-8"),
    ("graph_bom", lambda: with_metadata(graph="\ufeff{}"), FormatError, "graph: not valid JSON"),
    ("graph_duplicate", duplicate_in_graph, FormatError, "'output' stands twice"),
    ("graph_unknown_key", lambda: with_graph(lambda g: g.update(note=1)), FormatError, "unknown key 'note'"),
    ("graph_key_missing", lambda: with_graph(lambda g: g.pop("nodes") and None), FormatError, "'nodes' is"),
    ("nodes_not_list", lambda: with_graph(lambda g: g.update(nodes={})), FormatError, "expected a list"),
    ("nodes_empty", lambda: with_graph(lambda g: g.update(nodes=[])), FormatError, "no node of the graph"),
    ("too_many_nodes", lambda: many_nodes(65_529), FormatError, "at most 65536 nodes, got 65537"),
    ("input_not_object", lambda: with_graph(lambda g: g.update(input="input")), FormatError, "an object"),
    ("input_unknown_key", lambda: set_input(note=1), FormatError, "unknown key 'note'"),
    ("input_dtype", lambda: set_input(dtype="float64"), FormatError, "dtype 'float64' is not"),
    ("input_dtype_null", lambda: set_input(dtype=None), FormatError, "dtype None is not a string"),
    ("input_rank_2", lambda: set_input(shape=[8, 8]), ShapeError, "must be (C, H, W) or (K,)"),
    ("input_rank_9", lambda: set_input(shape=[1] * 9), FormatError, "1 to 8 integers"),
    ("input_zero", empty_input, FormatError, "0 is not an integer in [1, 2147483647]"),
    ("input_2_31", lambda: image(2**31, 8), FormatError, "2147483648 is not an integer"),
    ("input_huge", lambda: image(2**30, 2**30), ShapeError, "elements, the limit is"),
    ("input_bool", lambda: set_input(shape=[True, 8, 8]), FormatError, "True is not an integer"),
    ("input_float", lambda: set_input(shape=[1.0, 8, 8]), FormatError, "1.0 is not an integer"),
    ("input_other_size", lambda: image(9, 8), ShapeError, "states the shape (2, 8, 8), but it is (2, 9, 8)"),
    ("input_two_channels", lambda: set_input(shape=[2, 8, 8]), ShapeError, "1 value rows for 2 channels"),
    ("output_unknown", lambda: with_graph(lambda g: g.update(output="none")), FormatError, "not the name"),
    ("output_is_input", lambda: with_graph(lambda g: g.update(output="input")), FormatError, "not the name"),
    ("output_null", lambda: with_graph(lambda g: g.update(output=None)), FormatError, "graph, output"),
    (
        "node_not_object",
        lambda: with_graph(lambda g: g["nodes"].append(7)),
        FormatError,
        "expected an object",
    ),
    ("op_unknown", lambda: with_node("pool", op="conv9d"), FormatError, "unknown op 'conv9d'"),
    ("op_list", lambda: with_node("pool", op=["max_pool"]), FormatError, "unknown op ['max_pool']"),
    ("op_missing", lambda: drop("pool", "op"), FormatError, "'op' is missing"),
    ("op_other", lambda: with_node("flat", op="pack_binary"), FormatError, "reads float32 or uint8"),
    ("attribute_unknown", lambda: with_node("pool", ceil=[1, 1]), FormatError, "unknown key 'ceil'"),
    ("attribute_missing", lambda: drop("pool", "stride"), FormatError, "'stride' is missing"),
    ("name_missing", lambda: drop("pool", "name"), FormatError, "'name' is missing"),
    ("name_number", lambda: with_node("pool", name=3), FormatError, "expected a non-empty string"),
    ("name_empty", lambda: rename("pool", ""), FormatError, "expected a non-empty string"),
    ("name_nul", lambda: rename("pool", "po\0l"), FormatError, "unprintable"),
    ("name_newline", lambda: rename("pool", "po\nl"), FormatError, "unprintable"),
    ("name_right_to_left", lambda: rename("pool", "po\u202el"), FormatError, "unprintable"),
    ("name_zero_width", lambda: rename("pool", "po\u200bl"), FormatError, "unprintable"),
    ("name_surrogate", lambda: rename("pool", "po\udcffl"), FormatError, "unprintable"),
    ("name_path", lambda: rename("pool", "../pool"), FormatError, "looks like a path"),
    ("name_backslash", lambda: rename("pool", "..\\pool"), FormatError, "looks like a path"),
    ("name_dots", lambda: rename("pool", ".."), FormatError, "looks like a path"),
    ("name_1025", lambda: rename("pool", "p" * 1025), FormatError, "1025 bytes, the limit is 1024"),
    ("name_1_mb", lambda: rename("pool", "p" * (1 << 20)), FormatError, "the limit is 1024"),
    ("name_1026_utf8_bytes", lambda: rename("pool", "\u00e9" * 513), FormatError, "1026 bytes"),
    ("name_long_with_role", lambda: rename("open", "p" * 1020), FormatError, "the limit is 1024"),
    ("name_twice", lambda: with_graph(lambda g: g["nodes"].append(g["nodes"][2])), FormatError, "used twice"),
    ("name_of_input", lambda: rename("pool", "input"), FormatError, "used twice"),
    ("reads_itself", lambda: with_node("pool", input="pool"), FormatError, "no earlier node writes"),
    ("reads_unknown", lambda: with_node("pool", input="nothing"), FormatError, "no earlier node writes"),
    ("reads_null", lambda: with_node("pool", input=None), FormatError, "expected a non-empty string"),
    ("forward_reference", lambda: swap(1, 2), FormatError, "reads 'open', which no earlier node writes"),
    ("cycle", lambda: with_node("open", input="pool"), FormatError, "no earlier node writes"),
    ("reads_wrong_kind", lambda: with_node("pool", input="input"), FormatError, "reads bits"),
    ("reads_wrong_rank", lambda: with_node("pool", input="flat"), FormatError, "no earlier node writes"),
    ("dense_reads_image", lambda: with_node("dense", input="edge"), ShapeError, "put a Flatten in front"),
    ("shape_stated_wrong", lambda: with_node("pool", shape=[3, 4, 5]), ShapeError, "but it is (3, 4, 4)"),
    ("shape_stated_missing", lambda: drop("pool", "shape"), FormatError, "'shape' is missing"),
    ("shape_stated_zero", lambda: with_node("pool", shape=[3, 0, 4]), FormatError, "0 is not an integer"),
    ("stride_zero", lambda: with_node("pool", stride=[0, 2]), FormatError, "0 is not an integer"),
    ("stride_negative", lambda: with_node("pool", stride=[-2, 2]), FormatError, "-2 is not an integer"),
    ("stride_2_31", lambda: with_node("pool", stride=[2**31, 2]), FormatError, "2147483648 is not"),
    ("stride_bool", lambda: with_node("pool", stride=[True, 2]), FormatError, "True is not an integer"),
    ("stride_one_number", lambda: with_node("pool", stride=2), FormatError, "expected a list"),
    ("kernel_one_axis", lambda: with_node("pool", kernel=[2]), FormatError, "expected two integers"),
    ("kernel_three_axes", lambda: with_node("pool", kernel=[2, 2, 2]), FormatError, "1 to 2 integers"),
    ("kernel_larger_than_input", lambda: with_node("pool", kernel=[9, 2]), ShapeError, "does not fit"),
    ("kernel_not_the_masks", lambda: with_node("open", kernel=[3, 4]), ShapeError, "masks of 9 taps"),
    ("kernel_overflow", lambda: with_node("open", kernel=[2**31 - 1] * 2), ShapeError, "masks of 9 taps"),
    ("kernel_float", lambda: with_node("open", kernel=[3.0, 3]), FormatError, "3.0 is not an integer"),
    ("border_unknown", lambda: with_node("open", border="reflect"), FormatError, "'reflect' is not one of"),
    ("border_number", lambda: with_node("open", border=0), FormatError, "expected a non-empty string"),
    ("valid_too_small", lambda: with_node("pool", stride=[7, 7]), ShapeError, "does not fit"),
    ("tensors_not_object", lambda: with_node("levels", tensors=[]), FormatError, "expected an object"),
    ("role_missing", lambda: with_node("levels", tensors={}), FormatError, "'values' is missing"),
    ("role_unknown", lambda: with_shape("pool", "weight", [4]), FormatError, "unknown key 'weight'"),
    ("role_extension", lambda: with_shape("pool", "x-weight", [4]), FormatError, "extensions are not"),
    ("role_null_required", lambda: with_graph(nullify), FormatError, "no node of the graph uses it"),
    (
        "plus_null",
        lambda: plus_null(),
        FormatError,
        "null, but only minus, minus_weights, invert, distance may be",
    ),
    (
        "role_stated_null",
        lambda: with_shape("open", "bise.invert", None),
        FormatError,
        "no node of the graph",
    ),
    ("role_without_tensor", lambda: with_shape("open", "bise.minus", [3, 2, 9]), FormatError, "is missing"),
    ("true_shape_negative", lambda: with_shape("levels", "values", [1, -2]), FormatError, "-2 is not"),
    ("true_shape_zero", lambda: with_shape("levels", "values", [1, 0]), FormatError, "0 is not an integer"),
    ("true_shape_bool", lambda: with_shape("levels", "values", [True, 2]), FormatError, "True is not"),
    ("true_shape_rank_9", lambda: with_shape("levels", "values", [1] * 9), FormatError, "1 to 8"),
    ("true_shape_longer", lambda: with_shape("levels", "values", [1, 17]), FormatError, "takes 128 bytes"),
    ("true_shape_huge", lambda: with_shape("open", "bise.plus", [2**31 - 1] * 8), FormatError, "takes"),
    ("true_shape_rank_1", lambda: with_shape("levels", "values", [2]), FormatError, "values must be a"),
    (
        "true_shape_3_levels",
        lambda: with_shape("levels", "values", [1, 3]),
        ShapeError,
        "made for 2 channels",
    ),
    (
        "counts_differ",
        lambda: with_shape("open", "bise.threshold", [2, 3]),
        ShapeError,
        "expected shape (3, 2)",
    ),
    ("thresholds_for_other_count", lambda: with_shape("open", "lui.threshold", [4]), ShapeError, "(3,)"),
    ("mask_rank_1", lambda: with_shape("open", "bise.plus", [384]), ShapeError, "expected shape ()"),
    ("bias_count", lambda: with_shape("head", "bias", [6]), ShapeError, "do not fit"),
    ("weight_transposed", lambda: with_shape("head", "weight", [12, 5]), ShapeError, "do not fit"),
    (
        "threshold_too_low",
        lambda: with_payload("open.bise.threshold", put("i", 0, -1)),
        FormatError,
        "lies outside",
    ),
    (
        "threshold_too_high",
        lambda: with_payload("dense.neurons.threshold", put("i", 3, 66)),
        FormatError,
        "lies",
    ),
    (
        "threshold_minimum",
        lambda: with_payload("open.lui.threshold", put("i", 0, -(2**31))),
        FormatError,
        "lies",
    ),
    (
        "plus_and_minus",
        lambda: with_payload("edge.bise.plus", put("Q", 0, *[63] * 12)),
        FormatError,
        "both plus",
    ),
    (
        "status_unknown",
        lambda: with_payload("open.lui.status", put("B", 0, max(Status) + 1)),
        FormatError,
        "not a known status",
    ),
    (
        "status_255",
        lambda: with_payload("open.bise.status", put("B", 5, 255)),
        FormatError,
        "255 is not a known",
    ),
    ("margin_nan_but_proved", lambda: nan_margin(), FormatError, "NaN is only for approximated"),
    (
        "nan_not_canonical",
        lambda: with_payload(MARGIN, put("Q", 0, 0x7FF8000000000001)),
        FormatError,
        "a NaN other",
    ),
    (
        "nan_negative",
        lambda: with_payload(MARGIN, put("Q", 0, 0xFFF8000000000000)),
        FormatError,
        "a NaN other",
    ),
    ("distance_nan", lambda: distance(float("nan")), FormatError, "never NaN"),
    ("distance_negative", lambda: distance(-1.0), FormatError, "zero or positive"),
    ("values_nan", lambda: with_payload("levels.values", put("f", 0, float("nan"))), FormatError, "finite"),
    (
        "weight_infinite",
        lambda: with_payload("head.weight", put("f", 7, float("inf"))),
        FormatError,
        "finite",
    ),
    ("bias_nan", lambda: with_payload("head.bias", put("f", 4, float("nan"))), FormatError, "finite"),
]


def deep_extension(graph: dict[str, Any]) -> str:
    return json.dumps(graph)[:-1] + ',"x-deep":' + "[" * 33 + "]" * 33 + "}"


def nullify(graph: dict[str, Any]) -> None:
    node(graph, "side")["tensors"]["bise.distance"] = None


def plus_null() -> bytes:
    return with_shape("edge", "lui.plus", None)


def nan_margin() -> bytes:
    return with_payload("open.lui.margin", put("d", 0, *[float("nan")] * 3))


def distance(value: float) -> bytes:
    return with_payload("edge.bise.distance", put("d", 0, value))
