"""BitArray: values in, words, values out."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from binmorph.bits import BitArray
from binmorph.errors import BinmorphError, DomainError, DTypeError, FormatError, ShapeError

LAYOUTS = ["row-packed", "channel-packed", "batch-sliced"]
DTYPES = [np.bool_, "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", np.longdouble]


def expected_words(bits, layout):
    """numpy's own packing, moved to the layout."""
    axis = {"row-packed": -1, "channel-packed": 1, "batch-sliced": 0}[layout]
    last = np.moveaxis(bits, axis, -1)
    unit = 256 if layout == "batch-sliced" else 64
    padded = np.zeros((*last.shape[:-1], -(-last.shape[-1] // unit) * unit), bool)
    padded[..., : last.shape[-1]] = last
    if padded.size == 0:
        return np.zeros((*padded.shape[:-1], padded.shape[-1] // 64), np.uint64)
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


def random_bits(*shape, seed=0):
    return np.random.default_rng(seed).random(shape) < 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
@given(bits=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=5, min_side=0, max_side=9)))
@settings(max_examples=60, deadline=None)
def test_pack_equals_numpy_and_unpack_is_its_inverse(layout, bits):
    packed = BitArray.pack(bits, layout)
    np.testing.assert_array_equal(packed.words, expected_words(bits, layout))
    assert packed.words.shape == expected_words(bits, layout).shape
    assert (packed.shape, packed.layout, len(packed)) == (bits.shape, layout, len(bits))
    assert packed.nbytes == packed.words.nbytes
    np.testing.assert_array_equal(packed.unpack(), bits)
    for other in LAYOUTS:
        assert BitArray.pack(packed, other) == BitArray.pack(bits, other)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 512, 513])
def test_every_tail_on_the_packed_axis(layout, n):
    shape = {"row-packed": (3, n), "channel-packed": (2, n, 3), "batch-sliced": (n, 3, 5)}[layout]
    bits = random_bits(*shape, seed=n)
    packed = BitArray.pack(bits, layout)
    np.testing.assert_array_equal(packed.words, expected_words(bits, layout))
    np.testing.assert_array_equal(packed.unpack(), bits)
    assert BitArray.from_words(packed.words, shape, layout) == packed
    np.testing.assert_array_equal((~packed).words, expected_words(~bits, layout))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("low", [0, -1])
def test_every_real_dtype_and_both_value_sets(dtype, low):
    dtype = np.dtype(dtype)
    if low == -1 and dtype.kind in "bu":
        pytest.skip(f"{dtype} has no -1")
    bits = random_bits(4, 70)
    packed = BitArray.pack(np.where(bits, 1, low).astype(dtype))
    np.testing.assert_array_equal(packed.words, expected_words(bits, "row-packed"))
    np.testing.assert_array_equal(packed.unpack(dtype), bits.astype(dtype))
    assert packed.unpack(dtype).dtype == dtype


@pytest.mark.parametrize("layout", LAYOUTS)
def test_unpacking_into_an_array(layout):
    bits = random_bits(3, 70, 5)
    packed = BitArray.pack(bits, layout)
    outs = [np.full(bits.shape, 7, dtype) for dtype in (bool, np.uint8, np.int8, ">i4", np.float64)]
    outs += [np.full((3, 70, 10), 7)[..., ::2], np.full((5, 70, 3), True).T]
    for out in outs:
        assert packed.unpack(out=out) is out
        np.testing.assert_array_equal(out, bits)


def test_unpacking_into_something_else_is_refused():
    packed, frozen = BitArray.pack(random_bits(3, 70)), np.zeros((3, 70), bool)
    frozen.flags.writeable = False
    with pytest.raises(ShapeError, match=r"\(70, 3\)"):
        packed.unpack(out=np.zeros((70, 3)))
    with pytest.raises(DTypeError, match="complex"):
        packed.unpack(out=np.zeros((3, 70), complex))
    with pytest.raises(ValueError, match="read-only"):
        packed.unpack(out=frozen)


@pytest.mark.parametrize("dtype", [">f4", ">i4", ">u8", ">f8"])
def test_byte_swapped_input(dtype):
    bits = random_bits(3, 66)
    assert BitArray.pack(bits.astype(dtype)) == BitArray.pack(bits)


def test_non_contiguous_read_only_and_subclassed_input():
    bits = random_bits(20, 30)
    for view in (
        bits[::2, ::3],
        bits.T,
        bits[:, ::-1],
        np.broadcast_to(bits[0], (5, 30)),
        np.asfortranarray(bits),
    ):
        np.testing.assert_array_equal(BitArray.pack(view).unpack(), view)
    bits.flags.writeable = False
    np.testing.assert_array_equal(BitArray.pack(bits).unpack(), bits)
    np.testing.assert_array_equal(BitArray.pack(bits.tolist()).unpack(), bits)


def test_booleans_made_from_raw_bytes():
    raw = np.array([0, 1, 2, 255], np.uint8).view(bool)
    np.testing.assert_array_equal(BitArray.pack(raw).unpack(), [False, True, True, True])


def test_negative_zero_is_zero():
    np.testing.assert_array_equal(BitArray.pack(np.array([-0.0, 1.0])).unpack(), [False, True])


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (np.array([[0, 1], [1, 2]], np.uint8), r"value 2 at index \(1, 1\)"),
        (np.array([0.5, 0.25]), r"value 0.5 at index \(0,\)"),
        (np.array([0, np.nan]), r"value nan at index \(1,\)"),
        (np.array([1, np.inf], np.float32), r"value inf at index \(1,\)"),
        (np.array([1, -2], np.int8), r"value -2 at index \(1,\)"),
        (np.array([-1, 1, 0, 0]), r"mixes 0 and -1 \(first clash: 0 at index \(2,\)\)"),
        (np.array([[0, 1], [1, -1]], np.float32), r"mixes 0 and -1 \(first clash: -1.0 at index \(1, 1\)\)"),
        (np.array([-1, 0, 7]), r"value 7 at index \(2,\)"),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_outside_the_domain(values, place, order):
    with pytest.raises(DomainError, match=place + r".*for example BitArray\.pack\("):
        BitArray.pack(np.asarray(values, order=order))


@given(
    hnp.arrays(
        st.sampled_from([np.int8, np.uint8, np.float32]), st.integers(0, 8), elements=st.integers(0, 3)
    )
)
@settings(max_examples=100, deadline=None)
def test_pack_accepts_exactly_zeros_and_ones(values):
    if np.isin(values, (0, 1)).all():
        np.testing.assert_array_equal(BitArray.pack(values).unpack(), values == 1)
    else:
        with pytest.raises(DomainError):
            BitArray.pack(values)


@pytest.mark.parametrize(
    "values", [np.array([1j]), np.array(["1"]), np.array([None]), np.zeros(2, "M8[s]"), [b"01"]]
)
def test_dtypes_that_are_not_real_numbers(values):
    with pytest.raises(DTypeError, match="cannot pack dtype"):
        BitArray.pack(values)


@pytest.mark.parametrize(
    ("shape", "layout", "message"),
    [
        ((), "row-packed", r"at least 1 axis.*\[value\]"),
        ((), "batch-sliced", "at least 1 axis"),
        ((3,), "channel-packed", "at least 2 axes"),
        ((3,), "row_packed", "unknown layout 'row_packed'; known: row-packed"),
    ],
)
def test_shapes_that_do_not_fit_the_layout(shape, layout, message):
    with pytest.raises(ShapeError, match=message):
        BitArray.pack(np.zeros(shape), layout)


@pytest.mark.parametrize(
    ("words", "shape", "layout", "error", "message"),
    [
        (np.zeros(1, np.int64), (3,), "row-packed", DTypeError, "must be uint64"),
        (np.zeros(2, np.uint64), (64,), "row-packed", ShapeError, r"words of shape \(1,\), not \(2,\)"),
        (np.zeros((2, 1), np.uint64), (2,), "batch-sliced", ShapeError, r"words of shape \(4,\)"),
        (np.zeros(1, np.uint64), (-1,), "row-packed", ShapeError, "negative"),
        (np.array([8], np.uint64), (3,), "row-packed", FormatError, "past the end of axis -1"),
        (np.array([[8]], np.uint64), (1, 3), "channel-packed", FormatError, "past the end of axis 1"),
        (np.array([0, 1, 0, 0], np.uint64), (64,), "batch-sliced", FormatError, "past the end of axis 0"),
    ],
)
def test_from_words_refuses(words, shape, layout, error, message):
    with pytest.raises(error, match=message):
        BitArray.from_words(words, shape, layout)
    assert issubclass(error, BinmorphError)


def test_from_words_shares_memory_and_copies_only_when_it_must():
    words = np.array([[5], [7]], np.uint64)
    assert np.shares_memory(BitArray.from_words(words, (2, 3)).words, words)
    for other in (words.astype(">u8"), np.repeat(words, 2, axis=0)[::2]):
        assert BitArray.from_words(other, (2, 3)) == BitArray.from_words(words, (2, 3))
    frozen = np.frombuffer(words.tobytes(), np.uint64).reshape(2, 1)
    assert BitArray.from_words(frozen, (2, 3)) == BitArray.from_words(words, (2, 3))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_buffer_protocol_gives_the_words(layout):
    packed = BitArray.pack(random_bits(3, 70, 5), layout)
    view = memoryview(packed)
    assert (view.readonly, view.itemsize, view.shape) == (True, 8, packed.words.shape)
    words = packed.words.copy()
    del packed
    np.testing.assert_array_equal(np.asarray(view), words)
    assert bytes(view) == words.tobytes()


def test_words_are_read_only():
    packed = BitArray.pack([True])
    with pytest.raises(ValueError, match="read-only"):
        packed.words[0] = 3
    with pytest.raises(AttributeError):
        packed.words = np.zeros(1, np.uint64)


def test_dlpack_shares_the_words():
    packed = BitArray.pack(random_bits(3, 70))
    shared = np.from_dlpack(packed)
    assert shared.dtype == np.uint64
    assert np.shares_memory(shared, packed.words)
    assert packed.__dlpack_device__() == (1, 0)
    frozen = BitArray.from_words(packed.words, packed.shape)
    np.testing.assert_array_equal(np.from_dlpack(frozen), packed.words)


def test_torch_reads_the_words():
    torch = pytest.importorskip("torch")
    packed = BitArray.pack(random_bits(3, 70))
    tensor = torch.from_dlpack(packed)
    assert tensor.dtype == torch.uint64
    np.testing.assert_array_equal(tensor.numpy(), packed.words)
    assert BitArray.pack(torch.tensor([[1.0, -1.0]])) == BitArray.pack([[1, 0]])


@given(st.sampled_from(LAYOUTS), hnp.arrays(bool, (2, 3, 7)), hnp.arrays(bool, (2, 3, 7)))
@settings(max_examples=40, deadline=None)
def test_bit_logic_equals_numpy(layout, a, b):
    x, y = BitArray.pack(a, layout), BitArray.pack(b, layout)
    for result, bits in ((x & y, a & b), (x | y, a | b), (x ^ y, a ^ b), (~x, ~a)):
        assert result == BitArray.pack(bits, layout)


def test_bit_logic_needs_equal_shapes():
    with pytest.raises(ShapeError, match="one shape and layout"):
        BitArray.pack([[1]]) & BitArray.pack([[1, 0]])
    with pytest.raises(TypeError):
        BitArray.pack([1]) & 1


def test_equality_repr_hash_and_pickle():
    a, b = BitArray.pack([[1, 0]]), BitArray.pack([[1, 1]])
    assert a == BitArray.pack([[True, False]])
    assert a != b
    assert a != BitArray.pack([[1, 0]], "batch-sliced")
    assert a != [[1, 0]]
    assert repr(a) == "BitArray(shape=(1, 2), layout='row-packed', nbytes=8)"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)
    assert pickle.loads(pickle.dumps(a)) == a


def test_numpy_sees_the_words():
    packed = BitArray.pack(random_bits(3, 70))
    assert np.shares_memory(np.asarray(packed), packed.words)
    np.testing.assert_array_equal(np.asarray(packed), packed.words)


@pytest.mark.parametrize("isa", ["reference", "generic"])
def test_results_do_not_depend_on_the_instruction_set(isa, monkeypatch):
    bits = random_bits(70, 3, 33)
    expected = {layout: BitArray.pack(bits, layout).words.copy() for layout in LAYOUTS}
    monkeypatch.setenv("BINMORPH_FORCE_ISA", isa)
    for layout in LAYOUTS:
        packed = BitArray.pack(bits, layout)
        np.testing.assert_array_equal(packed.words, expected[layout])
        np.testing.assert_array_equal(packed.unpack(), bits)
