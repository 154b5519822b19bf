"""Data sets in their own files: read exactly, refused with a reason, never executed."""

from __future__ import annotations

import gzip
import os
import pickle

import numpy as np
import pytest
import torch

from binmorph.errors import DataError
from binmorph.training import data


def write_idx(path, array: np.ndarray, compress: bool) -> None:
    raw = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
    path.write_bytes(gzip.compress(raw) if compress else raw)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("place", [".", "MNIST/raw"])
def test_idx(tmp_path, rng, compress: bool, place: str) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    parts = {}
    for part, n in (("train", 7), ("t10k", 3)):
        parts[part] = rng.integers(0, 256, (n, 28, 28)).astype(np.uint8), np.arange(n, dtype=np.uint8)
        for array, name in zip(parts[part], ("images-idx3", "labels-idx1"), strict=True):
            write_idx(folder / f"{part}-{name}-ubyte{'.gz' * compress}", array, compress)
    loaded = data.load_mnist(tmp_path)
    assert loaded.image == (1, 28, 28)
    assert np.array_equal(loaded.x_train[:, 0].numpy(), parts["train"][0])
    assert np.array_equal(loaded.y_test.numpy(), parts["t10k"][1])
    assert loaded.y_train.dtype == torch.int64


def test_damaged_idx_is_refused(tmp_path) -> None:
    path = tmp_path / "x"
    for raw, reason in (
        (b"", "not an IDX"),
        (b"\0\0\x0d\1" + bytes(8), "not an IDX"),
        (b"\0\0\x08\1\0\0", "announces"),
        (b"\0\0\x08\1\0\0\0\5abc", "holds 3 values"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
    ):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=reason):
            data.read_idx(path)
    with pytest.raises(DataError, match="has no file train-images-idx3-ubyte"):
        data.load_mnist(tmp_path)


def cifar_rows(rng, n: int) -> tuple[np.ndarray, list[int]]:
    return rng.integers(0, 256, (n, 3072)).astype(np.uint8), rng.integers(0, 10, n).tolist()


@pytest.mark.parametrize("binary", [False, True])
def test_cifar10(tmp_path, rng, binary: bool) -> None:
    folder = tmp_path / ("cifar-10-batches-bin" if binary else "cifar-10-batches-py")
    folder.mkdir()
    batches = {name: cifar_rows(rng, 4) for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")}
    for name, (rows, labels) in batches.items():
        if binary:
            column = np.array(labels, np.uint8)[:, None]
            (folder / f"{name}.bin").write_bytes(np.hstack([column, rows]).tobytes())
        else:
            content = {b"data": rows, b"labels": labels, b"batch_label": b"x", b"filenames": [b"a"] * 4}
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    for where in (tmp_path, folder):
        loaded = data.load_cifar10(where)
        rows = np.concatenate([batches[f"data_batch_{i}"][0] for i in range(1, 6)])
        assert np.array_equal(loaded.x_train.numpy(), rows.reshape(-1, 3, 32, 32))
        assert loaded.y_test.tolist() == batches["test_batch"][1]
        assert loaded.image == (3, 32, 32)


class Bomb:
    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_runs_no_code(tmp_path, rng) -> None:
    batch = tmp_path / "data_batch_1"
    batch.write_bytes(pickle.dumps({b"data": Bomb(tmp_path / "harm"), b"labels": [1]}, protocol=2))
    for i in (2, 3, 4, 5):
        (tmp_path / f"data_batch_{i}").write_bytes(b"")
    (tmp_path / "test_batch").write_bytes(b"")
    with pytest.raises(DataError, match="mkdir is not part of a data set"):
        data.load_cifar10(tmp_path)
    assert not (tmp_path / "harm").exists()
    batch.write_bytes(pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [1]}, protocol=2))
    with pytest.raises(DataError, match="expected uint8"):
        data.load_cifar10(tmp_path)
    with pytest.raises(DataError, match="neither data_batch"):
        data.load_cifar10(tmp_path / "nowhere")


def test_sets_must_fit_together(tmp_path) -> None:
    for part, n, labels in (("train", 3, 2), ("t10k", 2, 2)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", np.zeros((n, 4, 4), np.uint8), False)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.zeros(labels, np.uint8), False)
    with pytest.raises(DataError, match="do not fit 2 labels"):
        data.load_mnist(tmp_path)


def test_digits_need_no_files() -> None:
    pytest.importorskip("sklearn")
    loaded = data.load_digits()
    assert loaded.image == (1, 8, 8)
    assert int(loaded.x_train.max()) == 16
    assert len(loaded.x_train) + len(loaded.x_test) == 1797
    assert [len(part) for part in (loaded.limited(9).x_train, loaded.limited(9).y_test)] == [9, 9]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)
