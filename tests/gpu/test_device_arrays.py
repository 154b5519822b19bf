"""Arrays that lie on the device: read in place, on their library's stream, answered in kind."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import stand_in_cupy
from emulated_build import HARDWARE
from oracle import random_graph, random_input

from binmorph import ir
from binmorph.errors import DomainError, DTypeError, ShapeError
from binmorph.runtime import DeviceModel, PackedModel


class Kind:
    """How arrays of a library get to the device and back."""

    def __init__(self, name, put, get) -> None:
        self.name, self.put, self.get = name, put, get


def _torch() -> Kind:
    torch = pytest.importorskip("torch")
    return Kind("torch", lambda x: torch.from_numpy(x).cuda(), lambda y: y.cpu().numpy())


def _cupy() -> Kind:
    cupy = pytest.importorskip("cupy")
    return Kind("cupy", cupy.asarray, cupy.asnumpy)


@pytest.fixture(params=["torch", "cupy"] if HARDWARE else ["stand-in"])
def kind(request, monkeypatch):
    if request.param == "stand-in":
        monkeypatch.setitem(sys.modules, "cupy", stand_in_cupy.module(stream=0))
        return Kind("cupy", lambda x: stand_in_cupy.Array(np.array(x)), lambda y: y.host)
    return {"torch": _torch, "cupy": _cupy}[request.param]()


@pytest.mark.parametrize("seed", range(12))
def test_in_place_and_in_kind(kind, seed):
    rng = np.random.default_rng([seed, 3])
    graph = random_graph(rng, convolutions=True)
    x = random_input(rng, graph, 5)
    model = DeviceModel(graph)
    source = kind.put(x)
    result = model(source)
    assert type(result) is type(source)
    expected = PackedModel(graph, threads=1)(x)
    np.testing.assert_array_equal(kind.get(result), expected)
    # Other addresses, the same graph of kernels.
    np.testing.assert_array_equal(kind.get(model(kind.put(x.copy()))), expected)
    assert model(kind.put(x[:0])).shape == (0, *expected.shape[1:])


def test_batches_are_cut(kind):
    rng = np.random.default_rng(8)
    graph = random_graph(rng)
    x = random_input(rng, graph, 11)
    model = DeviceModel(graph, max_memory=2 * DeviceModel(graph).plan(1).layouts[0].arena_bytes)
    np.testing.assert_array_equal(kind.get(model(kind.put(x))), PackedModel(graph, threads=1)(x))


@pytest.mark.parametrize("reads", ["uint8", "float32"])
@pytest.mark.parametrize("given", ["bool", "uint8", "float32"])
def test_dtypes(kind, reads, given):
    graph = ir.Graph(ir.InputSpec(reads, (3, 4)[:1]), (ir.PackBinary("pack", "input"),), "pack")
    model, x = DeviceModel(graph), np.random.default_rng(4).integers(0, 2, (6, 3)).astype(given)
    if (reads, given) == ("uint8", "float32"):
        with pytest.raises(DTypeError, match="this network reads uint8"):
            model(kind.put(x))
        return
    np.testing.assert_array_equal(kind.get(model(kind.put(x))), x != 0)
    if given != "bool":
        x[5, 1] = 7
        with pytest.raises(DomainError, match=r"input\[5\]: element 1 is 7"):
            model(kind.put(x))


def test_wrong_arrays(kind):
    graph = ir.Graph(ir.InputSpec("float32", (1, 2, 3)), (ir.PackBinary("pack", "input"),), "pack")
    model = DeviceModel(graph)
    with pytest.raises(ShapeError, match=r"add a batch axis"):
        model(kind.put(np.zeros((1, 2, 3), np.float32)))
    with pytest.raises(DTypeError, match="got dtype float64"):
        model(kind.put(np.zeros((1, 1, 2, 3))))
    transposed = kind.put(np.ones((4, 1, 3, 2), np.float32))
    if kind.name == "torch":
        assert kind.get(model(transposed.transpose(2, 3))).all()


def test_the_host_still_works(kind):
    graph = ir.Graph(ir.InputSpec("uint8", (4,)), (ir.PackBinary("pack", "input"),), "pack")
    x = np.eye(4, dtype=np.uint8)
    result = DeviceModel(graph)(x)
    assert isinstance(result, np.ndarray)
    np.testing.assert_array_equal(result, x == 1)


@pytest.mark.skipif(HARDWARE, reason="asks the stand-in")
@pytest.mark.parametrize(("stream", "told"), [(0, 1), (0x7F00, 0x7F00)])
def test_streams(monkeypatch, stream, told):
    monkeypatch.setitem(sys.modules, "cupy", stand_in_cupy.module(stream))
    graph = ir.Graph(ir.InputSpec("uint8", (4,)), (ir.PackBinary("pack", "input"),), "pack")
    x = stand_in_cupy.Array(np.eye(4, dtype=bool))
    DeviceModel(graph)(x)
    assert x.streams == [told]


@pytest.mark.skipif(HARDWARE, reason="asks the stand-in")
def test_another_device(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", stand_in_cupy.module(0))
    graph = ir.Graph(ir.InputSpec("uint8", (4,)), (ir.PackBinary("pack", "input"),), "pack")
    x = np.eye(4, dtype=np.uint8)
    with pytest.raises(DTypeError, match="the model runs on cuda:0, the array lies on cuda:1"):
        DeviceModel(graph)(stand_in_cupy.Array(x, device=1))
    with pytest.raises(DTypeError, match="this model runs on the CPU"):
        PackedModel(graph, threads=1)(stand_in_cupy.Array(x))
    unknown = type("Unknown", (stand_in_cupy.Array,), {"__module__": "elsewhere.arrays"})
    with pytest.raises(DTypeError, match="torch and CuPy are taken, got Unknown of elsewhere"):
        DeviceModel(graph)(unknown(x))
