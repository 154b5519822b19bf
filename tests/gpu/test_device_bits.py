"""Bits on the device: packed where arrays lie, shared without a copy, combined, and what goes wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import stand_in_cupy
from emulated_build import HARDWARE
from test_device_arrays import kind  # noqa: F401

from binmorph import BitArray, DeviceBitArray, _core, ir, morphology
from binmorph.errors import (
    DeviceError,
    DomainError,
    DTypeError,
    FormatError,
    MemoryLimitError,
    ShapeError,
    UnsupportedOpError,
)
from binmorph.runtime import DeviceModel, PackedModel

SHAPES = [(1,), (64,), (3, 65), (2, 5, 130), (0, 7), (4, 0)]


def random_bits(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(sum(shape)).random(shape) < 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(shape):
    x = random_bits(shape)
    bits = BitArray.pack(x).to("cuda")
    assert (bits.shape, bits.device, len(bits)) == (shape, "cuda:0", shape[0])
    assert bits.cpu() == BitArray.pack(x)
    np.testing.assert_array_equal(bits.unpack(), x)
    assert bits.nbytes == BitArray.pack(x).nbytes


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_arrays_are_packed_where_they_lie(kind, shape, dtype):  # noqa: F811
    x = random_bits(shape)
    source = kind.put(x.astype(dtype))
    bits = DeviceBitArray.pack(source)
    assert bits.cpu() == BitArray.pack(x)
    unpacked = bits.unpack()
    assert type(unpacked) is type(source)
    np.testing.assert_array_equal(kind.get(unpacked), x)


def test_values_that_are_no_bits(kind):  # noqa: F811
    x = np.zeros((3, 70), np.uint8)
    x[2, 65] = 7
    with pytest.raises(DomainError, match=r"the value at index \(2, 65\) is not 0 or 1; threshold first"):
        DeviceBitArray.pack(kind.put(x))
    with pytest.raises(DTypeError, match="cannot pack dtype int64"):
        DeviceBitArray.pack(kind.put(np.zeros((3, 70), np.int64)))
    with pytest.raises(DTypeError, match="ndarray does not lie on a GPU"):
        DeviceBitArray.pack(x)


def test_words_are_shared(kind):  # noqa: F811
    x = random_bits((3, 70))
    words = BitArray.pack(x)._words.view(np.int64)
    bits = DeviceBitArray.from_words(kind.put(words), (3, 70))
    assert bits.cpu() == BitArray.pack(x)
    assert (~bits).cpu() == BitArray.pack(~x)
    with pytest.raises(ShapeError, match=r"have words of shape \(3, 2\), not \(2, 3\)"):
        DeviceBitArray.from_words(kind.put(words.reshape(2, 3)), (3, 70))
    with pytest.raises(DTypeError, match="words must be uint64 or int64, not float32"):
        DeviceBitArray.from_words(kind.put(np.zeros((3, 2), np.float32)), (3, 70))
    words[1, 1] = -1
    with pytest.raises(FormatError, match="past the end"):
        DeviceBitArray.from_words(kind.put(words), (3, 70))


def test_the_owner_of_shared_words_is_kept(emulator, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", stand_in_cupy.module(0))
    array = stand_in_cupy.Array(np.zeros((2, 1), np.int64))
    before = sys.getrefcount(array)
    bits = DeviceBitArray.from_words(array, (2, 64))
    assert sys.getrefcount(array) == before + 1
    del bits
    assert sys.getrefcount(array) == before


def test_logic():
    x, y = random_bits((3, 100)), ~random_bits((3, 101))[:, 1:]
    a, b = BitArray.pack(x).to("cuda"), BitArray.pack(y).to("cuda")
    for result, expected in (
        (a & b, x & y),
        (a | b, x | y),
        (a ^ b, x ^ y),
        (~a, ~x),
        (a.without(b), x & ~y),
    ):
        np.testing.assert_array_equal(result.unpack(), expected)
    assert a == BitArray.pack(x).to("cuda")
    assert a != b
    assert a != 3
    with pytest.raises(ShapeError, match="operands of one shape"):
        a & BitArray.pack(x[:2]).to("cuda")


def test_words_leave_through_dlpack(emulator):
    x = random_bits((3, 100))
    bits = BitArray.pack(x).to("cuda")
    assert bits.__dlpack_device__() == (2, 0)
    for stream in (None, 1, 2, -1, 0x7F00):
        address, device, number, dtype, shape, contiguous = _core.cuda.dlpack_view(
            bits.__dlpack__(stream=stream)
        )
        assert (device, number, dtype, shape, contiguous) == (2, 0, "uint64", (3, 2), True)
        assert address == bits._words.address
    capsule = bits.__dlpack__()
    del bits
    address, *_ = _core.cuda.dlpack_view(capsule)
    found = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_uint64 * 6).from_address(address))
    np.testing.assert_array_equal(found.reshape(3, 2), BitArray.pack(x)._words)


def test_streams_are_put_in_order(emulator, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", stand_in_cupy.module(0x7F00))
    bits = DeviceBitArray.pack(stand_in_cupy.Array(random_bits((3, 100))))
    waits = emulator.get("waits")
    again = morphology.binary_erosion(bits)
    assert emulator.get("waits") <= waits + 1  # for the work on memory that was free; the rest is one stream
    waits = emulator.get("waits")
    again.__dlpack__(stream=0x7F00)
    assert emulator.get("waits") == waits
    again.__dlpack__(stream=0x7E00)
    assert emulator.get("waits") == waits + 1


def test_memory_is_used_again(emulator):
    bits = BitArray.pack(random_bits((64, 1000))).to("cuda")
    morphology.binary_opening(bits, np.ones((9, 9)))
    before = emulator.allocated
    for _ in range(5):
        morphology.binary_opening(bits, np.ones((9, 9)))
    assert emulator.allocated == before


def test_memory_that_is_kept_gives_way(emulator):
    bits = BitArray.pack(random_bits((64, 1000))).to("cuda")
    del bits  # kept for use again
    emulator.set("memory", emulator.allocated)
    assert BitArray.pack(random_bits((8, 640))).to("cuda").shape == (8, 640)
    emulator.set("memory", 1)
    with pytest.raises(MemoryLimitError, match=r"has no room for .* bytes"):
        BitArray.pack(random_bits((64, 10000))).to("cuda")


def test_packed_networks_stay_on_the_device():
    graph = ir.Graph(
        ir.InputSpec("uint8", (2, 3, 70)),
        (ir.PackBinary("pack", "input"), ir.MaxPool("pool", "pack", (2, 2), (1, 1))),
        "pool",
    )
    x = BitArray.pack(random_bits((4, 2, 3, 70)))
    result = DeviceModel(graph)(x.to("cuda"))
    assert isinstance(result, DeviceBitArray)
    assert result.cpu() == PackedModel(graph)(x)
    with pytest.raises(ShapeError, match="expected a row-packed BitArray of shape"):
        DeviceModel(graph)(BitArray.pack(random_bits((4, 3, 70))).to("cuda"))


@pytest.mark.skipif(HARDWARE, reason="needs a second device")
def test_two_devices():
    x = BitArray.pack(random_bits((3, 100)))
    first, second = x.to("cuda:0"), x.to("cuda:1")
    assert second.device == "cuda:1"
    assert first != second
    with pytest.raises(DTypeError, match="one operand lies on cuda:0, the other on cuda:1"):
        first & second
    with pytest.raises(DTypeError, match="cuda:1"):
        morphology.binary_dilation(first, mask=second)
    graph = ir.Graph(ir.InputSpec("uint8", (100,)), (ir.PackBinary("pack", "input"),), "pack")
    with pytest.raises(DTypeError, match="the model runs on cuda:0, the bits lie on cuda:1"):
        DeviceModel(graph, "cuda:0")(second)


def test_places_do_not_mix(kind):  # noqa: F811
    x = random_bits((3, 100))
    bits = BitArray.pack(x).to("cuda")
    for mask in (x, BitArray.pack(x)):
        with pytest.raises(DTypeError, match="image and mask must lie in one place"):
            morphology.binary_dilation(bits, mask=mask)
    with pytest.raises(DTypeError, match="image and mask must lie in one place"):
        morphology.binary_dilation(x, mask=bits)
    for output in (np.zeros_like(x), BitArray.pack(x), bits):
        with pytest.raises(ShapeError, match="take no output"):
            morphology.binary_dilation(bits, output=output)
    with pytest.raises(DTypeError, match=r"packed first: DeviceBitArray\.pack"):
        morphology.binary_erosion(kind.put(x))


def test_what_has_no_kernel():
    volume = BitArray.pack(random_bits((4, 5, 70))).to("cuda")
    with pytest.raises(UnsupportedOpError, match=r"reaches along the axes before the last two"):
        morphology.binary_erosion(volume)
    with pytest.raises(UnsupportedOpError, match=r"counts up to 65535 cells"):
        morphology.rank(BitArray.pack(np.zeros((3, 3))).to("cuda"), 70000, np.ones((300, 300)))
    with pytest.raises(ShapeError, match="a GPU takes row-packed bits, not batch-sliced"):
        BitArray.pack(random_bits((4, 5)), "batch-sliced").to("cuda")


def test_devices_that_are_none():
    x = BitArray.pack(random_bits((3, 100)))
    with pytest.raises(DeviceError, match="is not 'cpu', 'cuda' or 'cuda:N'"):
        x.to("gpu")
    with pytest.raises(DeviceError, match="there is no CUDA device 999"):
        x.to("cuda:999")


@pytest.mark.parametrize("call", ["cuLaunchKernel", "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize"])
def test_a_lost_context(emulator, call):
    bits = BitArray.pack(random_bits((3, 100))).to("cuda")
    emulator.set(call, 700)
    with pytest.raises(DeviceError, match=r"the device's context is lost: start a new process"):
        morphology.binary_erosion(bits).cpu()
    emulator.set("lost", 700)
    del bits  # frees quietly
    emulator.restore()
