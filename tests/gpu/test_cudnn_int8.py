"""The suite's calls of cuDNN, on a library that stands in for it and tensors of the host."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from benchmarks.gpu_suite import layers  # noqa: E402
from binmorph.bench.peers import cudnn_int8  # noqa: E402


class HostTorch(SimpleNamespace):
    """torch whose device "cuda" is the host, with a stream."""

    def __getattr__(self, name: str):
        found = getattr(torch, name)
        if name not in {"empty", "randint"}:
            return found
        return lambda *args, device, **options: found(*args, **options)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cudnn") / "libcudnn.so.9"
    source = Path(__file__).parent / "stand_in_cudnn.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source], check=True)
    return path


@pytest.fixture
def host_torch(library, monkeypatch):
    loaded = ctypes.CDLL(str(library))
    monkeypatch.setattr(cudnn_int8.ctypes, "CDLL", lambda name: loaded)
    stream = SimpleNamespace(cuda_stream=0x1234)
    yield HostTorch(
        cuda=SimpleNamespace(current_stream=lambda: stream),
        backends=SimpleNamespace(cudnn=SimpleNamespace(version=lambda: 9)),
    )
    loaded.fail_with(0)


@pytest.mark.parametrize(
    "layer", [layers.Layer("L", 8, 12, 7, 3), layers.Layer("S", 4, 8, 9, 3, 2), layers.Layer("P", 8, 4, 5, 1)]
)
def test_the_baseline_is_checked_and_timed(host_torch, monkeypatch, layer):
    recorded = []
    part = SimpleNamespace(rounds=2, record=lambda *what, **more: recorded.append((what, more)))
    monkeypatch.setattr(
        layers, "torch_times", lambda _torch, call, rounds: [float(call() is not None)] * rounds
    )
    layers._library(part, host_torch, layer, 3, "cudnn-int8")
    ((case, system, times),) = [what for what, _ in recorded]
    assert case == f"{layer} batch 3"
    assert system == "cudnn-int8"
    assert times == [1.0, 1.0]


def test_a_wrong_result_is_not_timed(host_torch, monkeypatch):
    monkeypatch.setattr(host_torch, "equal", lambda a, b: False, raising=False)
    with pytest.raises(AssertionError, match="is not what it was thought to be"):
        layers._library(None, host_torch, layers.Layer("L", 8, 12, 7, 3), 1, "cudnn-int8")


def test_errors_say_which_call_failed(host_torch, library):
    x, weight = torch.zeros(1, 4, 4, 4, dtype=torch.int8), torch.zeros(4, 3, 3, 4, dtype=torch.int8)
    call, _ = cudnn_int8.Library(host_torch).convolution(x, weight, 1, 1)
    ctypes.CDLL(str(library)).fail_with(3)
    with pytest.raises(RuntimeError, match="cudnnConvolutionForward: BAD_PARAM"):
        call()
    with pytest.raises(RuntimeError, match="cudnnCreate: BAD_PARAM"):
        cudnn_int8.Library(host_torch)


def test_without_cudnn_the_piece_is_told_and_left_out(monkeypatch, capsys):
    from benchmarks.gpu_suite.part import Part

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(cudnn_int8.ctypes, "CDLL", missing)
    part = Part("layers", Path(), Path(), False)
    part.attempt("cuDNN int8", lambda: cudnn_int8.Library(torch), needed=False)
    assert part.failures == 0
    assert "cuDNN int8: OSError: libcudnn.so.9" in capsys.readouterr().out
