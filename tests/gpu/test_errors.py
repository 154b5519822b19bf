"""What goes wrong with a GPU is a clear, typed error."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import binmorph
from binmorph import ir
from binmorph.errors import DeviceError, IsaError, MemoryLimitError, ShapeError, UnsupportedOpError
from binmorph.format import save
from binmorph.runtime import DeviceModel

GRAPH = ir.Graph(
    ir.InputSpec("uint8", (1, 8, 8)),
    (ir.LevelSets("levels", "input", np.full((1, 2), 100, np.float32)), ir.Flatten("flat", "levels")),
    "flat",
)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8)).astype(np.uint8)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.bmorph"
    save(GRAPH, path)
    return path


def describe(**environment: str) -> dict:
    """``binmorph info --device --json`` in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "binmorph.cli", "info", "--device", "--json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"BINMORPH_LIBCUDA": "libno-such-cuda.so.1"}, "no CUDA driver: libno-such-cuda"),
        ({"EMULATOR_VERSION": "11080"}, "too old: it knows CUDA 11.8, 12.0 is needed"),
        ({"EMULATOR_DEVICES": "0"}, "sees no device"),
        ({"EMULATOR_INIT": "999"}, "does not start: CUDA error 999"),
        ({"BINMORPH_LIBCUDA": "libc.so.6"}, "is broken: libc.so.6 lacks cu"),
    ],
)
def test_info_says_why_there_is_no_gpu(emulator, environment, message):
    found = describe(**environment)
    assert message in found["cuda"]["problem"]
    assert found["cuda"]["devices"] == []
    assert found["cpu"]["isa"] in found["cpu"]["isas"]


def test_info_lists_devices(device_library):
    found = describe()
    assert found["cuda"]["problem"] == ""
    assert found["cuda"]["devices"][0]["sm"] >= 75
    assert found["cuda"]["devices"][0]["problem"] == ""
    if device_library is None:
        assert found["cuda"]["kernels"]["architectures"]


def test_without_a_driver_load_says_so(file, emulator):
    code = "import binmorph, sys; binmorph.load(sys.argv[1], device='cuda')"
    result = subprocess.run(
        [sys.executable, "-c", code, file],
        env={**os.environ, "BINMORPH_LIBCUDA": "libno-such-cuda.so.1"},
        capture_output=True,
        text=True,
    )
    assert "binmorph.errors.DeviceError: no CUDA driver" in result.stderr


def test_load_on_a_device(file):
    model = binmorph.load(file, device="cuda:0")
    assert model.device == "cuda:0"
    np.testing.assert_array_equal(model(IMAGES), binmorph.load(file)(IMAGES))
    assert repr(model).startswith("DeviceModel(2 nodes, uint8 1x8x8, cuda:0")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CUDA", "cuda:99999", ""])
def test_devices_that_are_none(file, device):
    with pytest.raises(DeviceError, match="is not 'cpu', 'cuda' or 'cuda:N'"):
        binmorph.load(file, device=device)


def test_a_device_that_is_not_there(file):
    with pytest.raises(DeviceError, match="there is no CUDA device 999"):
        binmorph.load(file, device="cuda:999")


def test_settings_of_the_cpu(file):
    for option in ({"threads": 2}, {"layout": "row-packed"}):
        with pytest.raises(DeviceError, match="settings of device 'cpu'"):
            binmorph.load(file, device="cuda", **option)
    with pytest.raises(IsaError, match="cuda_simt"):
        binmorph.load(file, device="cuda", isa="x86_avx2")
    with pytest.raises(ShapeError, match="max_memory"):
        binmorph.load(file, device="cuda", max_memory=-1)


def test_too_little_memory(emulator, file):
    with pytest.raises(MemoryLimitError, match="max_memory"):
        binmorph.load(file, device="cuda", max_memory=10)
    model = binmorph.load(file, device="cuda")
    emulator.set("memory", emulator.allocated)
    with pytest.raises(MemoryLimitError, match=r"has no room for .* bytes: 0 of .* are free"):
        model(np.repeat(IMAGES, 100, axis=0))
    emulator.set("memory", 1 << 30)
    assert len(model(np.repeat(IMAGES, 100, axis=0))) == 300
    emulator.set("memory", emulator.allocated + 16)
    with pytest.raises(MemoryLimitError):
        binmorph.load(file, device="cuda")


def test_a_missing_kernel_names_the_node(emulator, file):
    graph = ir.Graph(GRAPH.input, (ir.LevelSets("gray", "input", np.ones((1, 1), np.float32)),), "gray")
    # Asked for on the second device, where nothing was looked up before.
    emulator.set("without level_set_u8_u64__cuda_simt", 1)
    with pytest.raises(UnsupportedOpError, match="node 'gray': this build has no kernel level_set_u8_u64"):
        DeviceModel(graph, "cuda:1")


def test_more_outputs_than_a_launch_has_blocks_for():
    outputs = 65535 * 32 + 1
    masks, zeros, ones = np.ones((outputs, 1), np.bool_), np.zeros(outputs), np.ones(outputs)
    status = np.full(outputs, ir.Status.POPCOUNT, np.uint8)
    kinds = (np.ones(outputs, np.int32), np.zeros(outputs, np.bool_), status, ones, zeros)
    dense = ir.ThresholdDense("dense", "pack", ir.Neurons(masks, ~masks, *kinds))
    graph = ir.Graph(ir.InputSpec("uint8", (1,)), (ir.PackBinary("pack", "input"), dense), "dense")
    with pytest.raises(UnsupportedOpError, match=r"node 'dense': it has too many outputs.* device=\"cpu\""):
        DeviceModel(graph, "cuda", isa="cuda_simt")


@pytest.mark.parametrize("call", ["cuGraphLaunch", "cuMemcpyHtoDAsync_v2", "cuStreamSynchronize"])
def test_a_lost_context(emulator, file, call):
    model = binmorph.load(file, device="cuda")
    model(IMAGES)
    emulator.set(call, 700)
    with pytest.raises(
        DeviceError, match=r"illegal memory access .*the device's context is lost: start a new process"
    ):
        model(IMAGES)
    emulator.set("lost", 700)
    del model  # frees quietly
    emulator.restore()


def test_errors_that_are_not_the_end(emulator, file):
    model = binmorph.load(file, device="cuda")
    emulator.set("cuGraphInstantiateWithFlags", 999)
    with pytest.raises(DeviceError, match=r"instantiating a graph: CUDA error 999, emulated$"):
        model(IMAGES)
    emulator.set("cuGraphInstantiateWithFlags", 0)
    np.testing.assert_array_equal(model(IMAGES), binmorph.load(file)(IMAGES))


def _in_a_fork(path, queue) -> None:
    try:
        binmorph.load(path, device="cuda")
        queue.put("loaded")
    except DeviceError as error:
        queue.put(str(error))


def test_a_forked_child(file):
    binmorph.load(file, device="cuda")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_a_fork, args=(file, queue))
    child.start()
    assert "before this process was forked" in queue.get(timeout=30)
    child.join()
