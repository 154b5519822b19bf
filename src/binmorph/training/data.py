"""Data sets in the files that users already have: IDX (MNIST, Fashion-MNIST), CIFAR-10, scikit-learn's
digits.

Nothing is downloaded. Files are read as data: the pickles of CIFAR-10 through an unpickler that knows NumPy's
array and nothing else.
"""

from __future__ import annotations

import gzip
import io
import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import DataError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Data:
    """Images uint8 [N, C, H, W], labels int64 [N], and how many classes there are."""

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: int

    def limited(self, count: int | None) -> Data:
        """The first ``count`` images of each part; all of them for None."""
        train, test = (self.x_train[:count], self.y_train[:count]), (self.x_test[:count], self.y_test[:count])
        return Data(*train, *test, self.classes)

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.x_train.shape[1:]
        return int(channels), int(height), int(width)


def _checked(arrays: tuple[Array, Array, Array, Array], classes: int, where: Path | str) -> Data:
    x_train, y_train, x_test, y_test = (torch.from_numpy(np.array(a)) for a in arrays)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if len(x) != len(y) or len(x) == 0 or x.shape[1:] != x_train.shape[1:]:
            raise DataError(f"{where}: {len(x)} images of {tuple(x.shape[1:])} do not fit {len(y)} labels")
        if int(y.max()) >= classes:
            raise DataError(f"{where}: label {int(y.max())} is not below {classes}")
    return Data(x_train, y_train.long(), x_test, y_test.long(), classes)


def _find(folder: Path, name: str) -> Path:
    """``name``, plain or gzipped, in ``folder`` or in the places where torchvision puts it."""
    places = (folder, folder / "raw", folder / "MNIST/raw", folder / "FashionMNIST/raw")
    for place in places:
        for candidate in (place / name, place / f"{name}.gz", place / name.replace("-idx", ".idx")):
            if candidate.is_file():
                return candidate
    raise DataError(f"{folder}: has no file {name} or {name}.gz (nor in raw, MNIST/raw, FashionMNIST/raw)")


def read_idx(path: Path) -> Array:
    """The uint8 array of an IDX file, plain or gzipped; DataError if it is none."""
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08" or not 1 <= raw[3] <= 4:
        raise DataError(f"{path}: not an IDX file of bytes")
    rank = raw[3]
    shape = [int(n) for n in np.frombuffer(raw, ">u4", rank, 4)] if len(raw) >= 4 + 4 * rank else []
    values = np.frombuffer(raw, np.uint8, offset=min(4 + 4 * rank, len(raw)))
    if not shape or int(np.prod(shape, dtype=object)) != len(values):
        raise DataError(f"{path}: holds {len(values)} values, but announces {shape}")
    return values.reshape(shape)


def load_mnist(folder: Path) -> Data:
    """MNIST, Fashion-MNIST, or any other set in the same four IDX files: images [N, 1, 28, 28], ten
    classes."""
    arrays = []
    for part in ("train", "t10k"):
        images = read_idx(_find(folder, f"{part}-images-idx3-ubyte"))
        labels = read_idx(_find(folder, f"{part}-labels-idx1-ubyte"))
        if images.ndim != 3 or labels.ndim != 1:
            raise DataError(f"{folder}: the {part} images are {images.shape}, its labels {labels.shape}")
        arrays += [images[:, None], labels]
    return _checked((arrays[0], arrays[1], arrays[2], arrays[3]), 10, folder)


class _Arrays(pickle.Unpickler):
    """Reads containers, strings, numbers and NumPy arrays of numbers; refuses everything else by name."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("multiarray", "_reconstruct"): np.ndarray(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _latin1,
        }
        key = (module.rpartition(".")[2] if module.startswith("numpy.") else module, name)
        if key not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a data set")
        return known[key]


def _latin1(text: str, encoding: str) -> bytes:
    return text.encode("latin1")


def _cifar_batch(path: Path) -> tuple[Array, Array]:
    """(images uint8 [N, 3, 32, 32], labels [N]) of one pickled or binary batch."""
    raw = path.read_bytes()
    if path.suffix == ".bin":
        if len(raw) % 3073:
            raise DataError(f"{path}: {len(raw)} bytes are no multiple of 3073")
        rows = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
        return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0]
    try:
        batch = _Arrays(io.BytesIO(raw), encoding="bytes").load()
        images, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"])
    except Exception as error:  # a damaged pickle raises anything
        raise DataError(f"{path}: not a batch of CIFAR-10 ({type(error).__name__}: {error})") from error
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != 3072 or labels.dtype.kind != "i":
        raise DataError(f"{path}: images are {images.dtype} {images.shape}, expected uint8 (N, 3072)")
    return images.reshape(-1, 3, 32, 32), labels


def load_cifar10(folder: Path) -> Data:
    """CIFAR-10 from its Python or its binary files: images [N, 3, 32, 32], ten classes."""
    for place in (folder, folder / "cifar-10-batches-py", folder / "cifar-10-batches-bin"):
        for suffix in ("", ".bin"):
            names = [f"data_batch_{i}{suffix}" for i in range(1, 6)] + [f"test_batch{suffix}"]
            if all((place / name).is_file() for name in names):
                *train, test = (_cifar_batch(place / name) for name in names)
                x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
                return _checked((x, y, *test), 10, place)
    raise DataError(f"{folder}: has neither data_batch_1..5 and test_batch nor the same with .bin")


def load_digits(folder: Path | None = None) -> Data:
    """scikit-learn's 1797 digits, 8x8 with values 0..16, split as :func:`binmorph.nn.recipes.load_digits`
    does; needs no files."""
    from ..nn import recipes

    d = recipes.load_digits()
    return Data(d.x_train.byte(), d.y_train, d.x_test.byte(), d.y_test, 10)


LOADERS: dict[str, Callable[[Path], Data]] = {
    "mnist": load_mnist,
    "fashion_mnist": load_mnist,
    "cifar10": load_cifar10,
    "digits": load_digits,
}
"""Data sets by name."""
