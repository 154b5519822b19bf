"""BitArray in, BitArray out: the bits of the array path, never unpacked."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import random_graph
from runtime_testing import ISAS, bisel_graph, random_bits

from binmorph import BitArray, ir
from binmorph.errors import DTypeError, FormatError, ShapeError
from binmorph.runtime import PackedModel


def packs_bits(graph: ir.Graph) -> bool:
    return (
        all(not isinstance(node, ir.LevelSets) for node in graph.nodes)
        and graph.type_of(graph.output).kind == "bits"
    )


def test_random_graphs() -> None:
    rng = np.random.default_rng(1)
    tried = 0
    while tried < 60:
        graph = random_graph(rng, side=70 if tried % 4 == 0 else 9, features=150)
        if not packs_bits(graph):
            continue
        tried += 1
        x = random_bits(rng, graph, int(rng.integers(0, 5)))
        for isa in ISAS:
            model = PackedModel(graph, threads=1 + tried % 2, isa=isa)
            packed, plain = model(BitArray.pack(x)), model(x)
            assert isinstance(packed, BitArray)
            assert packed == BitArray.pack(plain)
            np.testing.assert_array_equal(packed.unpack(), plain)
            assert model(BitArray.pack(x, "channel-packed")) == BitArray.pack(plain, "channel-packed")


@pytest.mark.parametrize("width", [1, 63, 64, 65, 128, 130])
def test_chained_models_stay_packed(width: int) -> None:
    """Tail bits of one network's output are zero, so the next network accepts them."""
    rng = np.random.default_rng(width)
    first = bisel_graph(rng, (2, 3, width), (3, 3), "ones", outputs=2)
    first = ir.Graph(first.input, first.nodes[:2], "bisel")
    second = bisel_graph(rng, (2, 3, width), (2, 3), "replicate")
    x = random_bits(rng, first, 6)
    a, b = (PackedModel(graph, threads=2) for graph in (first, second))
    assert b(a(BitArray.pack(x))) == BitArray.pack(b(a(x)))


def test_big_batches_of_packed_bits_use_rows() -> None:
    rng = np.random.default_rng(2)
    graph = bisel_graph(rng, (1, 6, 6), (3, 3), "zeros")
    x = random_bits(rng, graph, 600)
    model = PackedModel(graph, threads=3)
    assert model._core.schedule(600)[0] > 0  # the same batch as an array goes by blocks
    assert model(BitArray.pack(x)) == BitArray.pack(model(x))


def test_what_is_refused() -> None:
    rng = np.random.default_rng(3)
    graph = bisel_graph(rng, (1, 4, 5), (3, 3), "zeros")
    model, bits = PackedModel(graph, threads=1), BitArray.pack(random_bits(rng, graph, 2))
    for wrong in (
        BitArray.pack(bits, "batch-sliced"),
        BitArray.pack(np.zeros((2, 1, 5, 4))),
        BitArray.pack(np.zeros((1, 4, 5))),
    ):
        with pytest.raises(ShapeError, match="expected a row-packed or channel-packed BitArray"):
            model(wrong)
    with pytest.raises(FormatError, match="loaded for batch-sliced work only"):
        PackedModel(graph, threads=1, layout="batch-sliced")(bits)
    gray = ir.LevelSets("levels", "input", np.array([[0.5]], np.float32))
    with pytest.raises(FormatError, match="reads gray values"):
        PackedModel(ir.Graph(graph.input, (gray,), "levels"), threads=1)(bits)
    head = ir.Linear("head", "dense", np.ones((2, 9), np.float32), np.ones(2, np.float32))
    with pytest.raises(FormatError, match="ends in numbers"):
        PackedModel(ir.Graph(graph.input, (*graph.nodes, head), "head"), threads=1)(bits)


def test_the_core_checks_words_again() -> None:
    rng = np.random.default_rng(4)
    graph = bisel_graph(rng, (1, 4, 5), (3, 3), "zeros")
    core = PackedModel(graph, threads=2)._core
    words = BitArray.pack(random_bits(rng, graph, 300)).words.copy()
    core.run_packed(words)
    words[[7, 200], 0, 2, 0] |= np.uint64(1) << np.uint64(5)
    with pytest.raises(FormatError, match=r"input\[7\]: bits past the end of row 2 are set"):
        core.run_packed(words)
    pixels = BitArray.pack(random_bits(rng, graph, 2), "channel-packed").words.copy()
    core.run_packed(pixels, channels=True)
    pixels[1, 3, 4, 0] |= np.uint64(2)
    with pytest.raises(FormatError, match=r"input\[1\]: bits past the end of pixel 19 are set"):
        core.run_packed(pixels, channels=True)
    for wrong in (words[..., :0], words[:, :, :3], words.ravel()[:7], np.array(0, np.uint64)):
        with pytest.raises(ShapeError):
            core.run_packed(np.ascontiguousarray(wrong))
    memory = np.zeros(words.nbytes + 1, np.uint8)
    with pytest.raises(ShapeError, match="aligned"):
        core.run_packed(np.frombuffer(memory.data, np.uint64, offset=1).reshape(words.shape))
    for wrong in (words.astype(np.int64), words.byteswap().view(words.dtype.newbyteorder())):
        with pytest.raises((TypeError, DTypeError)):
            core.run_packed(wrong)
