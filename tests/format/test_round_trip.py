"""Graphs survive the file: equal graph, equal bytes, and files that any safetensors reader accepts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_same_graph, evaluate, random_graph, random_input, random_neurons
from oracle_streams import random_stream_graph

from binmorph import ir
from binmorph.errors import DTypeError, FormatError, ShapeError
from binmorph.format import arrays, dumps, load, loads, save, spec, strict_json
from binmorph.format.container import Tensor


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_random_graphs_come_back_equal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, producer="a test")
    data = dumps(graph)
    again = loads(data)
    assert_same_graph(graph, again)
    assert again.producer == "a test"
    assert dumps(again) == data == dumps(graph)
    x = random_input(rng, graph, 2)
    for name, value in evaluate(graph, x).items():
        np.testing.assert_array_equal(value, evaluate(again, x)[name])


def test_save_and_load(tmp_path: Path) -> None:
    graph = random_graph(np.random.default_rng(1))
    size = save(graph, tmp_path / "net.bmorph")
    assert size == os.path.getsize(tmp_path / "net.bmorph")
    assert_same_graph(graph, load(tmp_path / "net.bmorph"))
    assert_same_graph(graph, load(str(tmp_path / "net.bmorph"), verify_checksum=False))


def test_safetensors_reads_our_files(tmp_path: Path) -> None:
    for seed in range(20):
        graph = random_graph(np.random.default_rng(seed))
        path = tmp_path / f"{seed}.bmorph"
        save(graph, path)
        tensors = safetensors.numpy.load_file(path)
        with safetensors.safe_open(path, "numpy") as file:
            metadata = file.metadata()
            assert set(file.keys()) == set(tensors)
        assert set(metadata) == {"format", "sha256", "producer", "graph"}
        names = [node["name"] for node in json.loads(metadata["graph"])["nodes"]]
        assert names == [node.name for node in graph.nodes]
        for node in graph.nodes:
            if isinstance(node, ir.Linear):
                stored = tensors[f"{node.name}.weight"][: node.weight.size].reshape(node.weight.shape)
                np.testing.assert_array_equal(stored, node.weight)


def test_everything_is_aligned_to_64_bytes() -> None:
    data = dumps(random_graph(np.random.default_rng(8)))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert (8 + length) % 64 == 0
    assert len(data) % 64 == 0
    spans = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
    assert all(at % 64 == 0 for span in spans for at in span)


def test_bits_are_packed_least_significant_first() -> None:
    row = np.zeros((2, 65), np.bool_)
    row[0, [0, 3, 64]] = True
    row[1, 63] = True
    assert np.frombuffer(arrays.encode(row), "<u8").tolist() == [0b1001, 1, 1 << 63, 0]


@pytest.mark.parametrize("n", [1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 511, 512, 513])
def test_every_tail_bit_is_checked(n: int) -> None:
    rows = np.random.default_rng(n).random((3, n)) < 0.5
    raw = arrays.encode(rows)
    stored = bytearray(raw.ljust(spec.padded(len(raw)), b"\0"))
    words = -(-n // 64)

    def read() -> np.ndarray:
        return arrays.decode(
            Tensor("U64", len(stored) // 8, memoryview(stored), 0), "bool", rows.shape, "here"
        )

    np.testing.assert_array_equal(read(), rows)
    for bit in range(8 * len(stored)):
        row, at = divmod(bit, 64 * words)
        if row < 3 and at < n:
            continue
        stored[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            read()
        stored[bit // 8] ^= 1 << bit % 8


def test_empty_minus_masks_take_no_space() -> None:
    neurons = random_neurons(np.random.default_rng(4), (40,), 784)
    erosion = replace(
        neurons,
        minus=np.zeros_like(neurons.plus),
        threshold=neurons.plus.sum(-1, dtype=np.int32),
        invert=np.zeros(40, np.bool_),
        distance=np.zeros(40),
    )

    def size(n: ir.Neurons) -> int:
        nodes = (ir.PackBinary("p", "input"), ir.ThresholdDense("d", "p", n))
        return len(dumps(ir.Graph(ir.InputSpec("uint8", (784,)), nodes, "d")))

    assert set(tensor_names(erosion)) == {
        f"d.neurons.{key}" for key in ("plus", "threshold", "status", "margin")
    }
    assert (
        size(erosion) < 40 * 784 / 8 + 40 * 13 + 2048
    )  # one bit an input, 13 bytes a neuron, and the header


def tensor_names(neurons: ir.Neurons) -> list[str]:
    nodes = (ir.PackBinary("p", "input"), ir.ThresholdDense("d", "p", neurons))
    data = dumps(ir.Graph(ir.InputSpec("uint8", (neurons.n,)), nodes, "d"))
    return list(safetensors.numpy.load(data))


def test_nan_margins_have_one_encoding() -> None:
    neurons = random_neurons(np.random.default_rng(4), (1,), 3)
    files = set()
    for bits in (0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000):
        margin = np.array([bits], np.uint64).view(np.float64)
        one = replace(neurons, margin=margin, status=np.array([6], np.uint8))
        nodes = (ir.PackBinary("p", "input"), ir.ThresholdDense("d", "p", one))
        files.add(dumps(ir.Graph(ir.InputSpec("uint8", (3,)), nodes, "d")))
    assert len(files) == 1


def test_bytes_do_not_depend_on_the_process() -> None:
    """Hash randomisation, the clock and the process id leave no trace."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import hashlib, numpy as np;"
        "from oracle import random_graph;"
        "from binmorph.format import dumps;"
        "print(hashlib.sha256(dumps(random_graph(np.random.default_rng(3)))).hexdigest())"
    )
    tests = str(Path(__file__).parents[1])
    found = set()
    for seed in ("1", "2"):
        source = str(Path(ir.__file__).parents[2])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": source}
        run = subprocess.run([sys.executable, "-c", code, tests], env=env, capture_output=True, check=True)
        found.add(run.stdout)
    assert len(found) == 1


def test_what_the_reader_refuses_is_never_written(tmp_path: Path) -> None:
    graph = random_graph(np.random.default_rng(3))
    for bad in (
        replace(graph, producer="a\nb"),
        replace(graph, producer="p" * 1025),
        renamed(graph, "a/b"),
        renamed(graph, "\udc80"),
        renamed(graph, "n" * 1025),
    ):
        with pytest.raises(FormatError):
            save(bad, tmp_path / "net.bmorph")
    assert list(tmp_path.iterdir()) == []


def renamed(graph: ir.Graph, name: str) -> ir.Graph:
    nodes = (*graph.nodes[:-1], replace(graph.nodes[-1], name=name))
    return replace(graph, nodes=nodes, output=name)


def test_an_array_changed_after_the_fact_is_refused() -> None:
    graph = loads((Path(__file__).parents[1] / "golden" / "v1" / "vector.bmorph").read_bytes())
    dense = graph.nodes[1]
    assert isinstance(dense, ir.ThresholdDense)
    dense.neurons.threshold[:] = 999
    with pytest.raises(FormatError):
        dumps(graph)


def test_unicode_names_survive() -> None:
    graph = renamed(random_graph(np.random.default_rng(3)), "érosion 形態学.0")
    assert loads(dumps(graph)).output == "érosion 形態学.0"


def test_loads_takes_bytes_only() -> None:
    data = dumps(random_graph(np.random.default_rng(3)))
    for view in (data, bytearray(data), memoryview(data)):
        loads(view)
    for wrong in ("text", 3, None, memoryview(data)[::2]):
        with pytest.raises(DTypeError):
            loads(wrong)  # type: ignore[arg-type]


def test_arrays_are_copies() -> None:
    data = bytearray(dumps(random_graph(np.random.default_rng(3))))
    graph = loads(data)
    before = dumps(graph)
    data[:] = bytes(len(data))
    assert dumps(graph) == before


def test_roles_never_collide() -> None:
    """Tensor names are unique because no role ends with "." and another role."""
    roles = {role for op in spec.OPS.values() for role in op.roles()}
    assert not any(a.endswith("." + b) for a in roles for b in roles)
    assert set(spec.OPS) == set(ir.NODE_TYPES)


@given(st.text(alphabet='[]{}",\\:a1 ', max_size=40))
@settings(max_examples=300, deadline=None)
def test_depth_agrees_with_a_parser(text: str) -> None:
    """On valid JSON the vectorised depth is exact."""
    try:
        value = json.loads(text)
    except ValueError:
        strict_json.depth(text.encode())
        return

    def nesting(item: object) -> int:
        if isinstance(item, dict):
            return 1 + max((nesting(child) for child in item.values()), default=0)
        if isinstance(item, list):
            return 1 + max((nesting(child) for child in item), default=0)
        return 0

    if not re.search(r'"(a|1)?":.*"\1":', text):  # of duplicate keys the parser keeps only the last
        assert strict_json.depth(text.encode()) >= nesting(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"", 0), (b"1", 0), (b"[]", 1), (b'["[[["]', 1), (b'["\\"[["]', 1), (b'["\\\\",[[]]]', 3), (b"]][", 0)],
)
def test_depth_by_hand(text: bytes, expected: int) -> None:
    assert strict_json.depth(text) == expected


def test_dimension_limits() -> None:
    side = 2**31 - 1
    pack = (ir.PackBinary("p", "input"),)
    ir.Graph(ir.InputSpec("uint8", (side,)), pack, "p")
    ir.Graph(ir.InputSpec("uint8", (1, 2**20, 2**20)), pack, "p")
    for shape in ((side + 1,), (1, side, side), (side, side, side), (1, 2**20, 2**20 + 1)):
        with pytest.raises(ShapeError):
            ir.Graph(ir.InputSpec("uint8", shape), pack, "p")
    wide = (*pack, ir.Flatten("f", "p"))
    with pytest.raises(ShapeError):
        ir.Graph(ir.InputSpec("uint8", (1, 2**16, 2**16)), wide, "f")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_streams_come_back_equal(seed: int) -> None:
    graph = random_stream_graph(np.random.default_rng(seed))
    data = dumps(graph)
    assert b'"format":"1.1"' in data
    assert_same_graph(graph, loads(data))


def test_sign_weights_take_one_bit_each() -> None:
    plus = np.random.default_rng(0).random((64, 576)) < 0.5
    signs = ir.CountConv2d(
        "conv",
        "levels",
        (3, 3),
        (1, 1),
        (1, 1),
        (1, 1),
        1,
        "zeros",
        2,
        plus,
        ~plus,
        np.zeros((1, 64), np.int32),
    )
    levels = ir.LevelSets("levels", "input", np.zeros((64, 1), np.float32))
    graph = ir.Graph(ir.InputSpec("float32", (64, 8, 8)), (levels, signs), "conv")
    assert b'"minus_weights":"complement"' in dumps(graph).replace(b"\\", b"")
    assert len(dumps(graph)) < plus.size // 8 + 2500


def test_tables_and_calibrated_neurons_need_1_2() -> None:
    rng = np.random.default_rng(5)
    graph = random_graph(rng, tables=True)
    while not any(isinstance(node, ir.TruthTable) for node in graph.nodes):
        graph = random_graph(rng, tables=True)
    data = dumps(graph)
    assert b'"format":"1.2"' in data
    assert_same_graph(graph, loads(data))
    plus = np.ones((1, 4), np.bool_)
    bank = ir.Neurons(
        plus, ~plus, np.ones(1, np.int32), np.zeros(1, np.bool_), np.array([ir.Status.CALIBRATED], np.uint8),
        np.array([np.nan]), np.array([0.3]),
    )  # fmt: skip
    nodes = (ir.PackBinary("p", "input"), ir.ThresholdDense("d", "p", bank))
    data = dumps(ir.Graph(ir.InputSpec("uint8", (4,)), nodes, "d"))
    assert b'"format":"1.2"' in data
    assert loads(data).nodes[1].neurons.distance[0] == 0.3


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"channels": np.array([[2]], np.int32)}, FormatError),
        ({"channels": np.array([[0]], np.int64)}, FormatError),
        ({"statuses": np.array([6], np.uint8)}, FormatError),
        ({"table": np.zeros((1, 4), np.bool_)}, ShapeError),
        ({"kernel": (4, 5)}, ShapeError),
        ({"kernel": (9, 1), "border": "valid", "table": np.zeros((1, 512), np.bool_)}, ShapeError),
        ({"border": "wrap"}, FormatError),
    ],
)
def test_bad_tables_are_refused(change: dict[str, object], error: type[Exception]) -> None:
    fields: dict[str, object] = {
        "kernel": (1, 1), "border": "zeros", "channels": np.zeros((1, 1), np.int32),
        "table": np.array([[False, True]]), "statuses": np.array([5], np.uint8),
    }  # fmt: skip
    nodes = (ir.PackBinary("p", "input"), ir.TruthTable("t", "p", **{**fields, **change}))
    with pytest.raises(error):
        ir.Graph(ir.InputSpec("uint8", (2, 5, 5)), nodes, "t")
