"""Paths that are not regular files are refused at once; nothing hangs, nothing is read without an end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from mutate import valid

from binmorph.errors import BinmorphError, ChecksumError, FormatError
from binmorph.format import load, reader

pytestmark = pytest.mark.timeout(5)


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a regular file"):
        load(tmp_path)


def test_fifo_without_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="not a regular file"):
        load(tmp_path / "pipe")


def test_fifo_that_appears_after_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that changes between stat and open is caught by the second look, without waiting."""
    os.mkfifo(tmp_path / "pipe")
    plain = os.stat(__file__)
    monkeypatch.setattr(reader.os, "stat", lambda path: plain)
    with pytest.raises(FormatError, match="not a regular file"):
        load(tmp_path / "pipe")


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(FormatError, match="not a regular file"):
            load("socket")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom", "/dev/full"])
def test_devices(device: str) -> None:
    with pytest.raises(FormatError, match="not a regular file"):
        load(device)


def test_files_of_the_kernel() -> None:
    with pytest.raises(FormatError, match="too few"):  # a regular file of size 0 that has bytes to read
        load("/proc/self/maps")


def test_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(valid())
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("absent")
    load(tmp_path / "link")
    with pytest.raises(FormatError, match="loop of symbolic links"):
        load(tmp_path / "loop")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "dangling")


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(valid())
    for path in ("a\0b", "x" * 5000, tmp_path / "file" / "below"):
        with pytest.raises(FormatError):
            load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent")
    with pytest.raises(FileNotFoundError):
        load("")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(valid())
    (tmp_path / "file").chmod(0)
    with pytest.raises(PermissionError):
        load(tmp_path / "file")


@pytest.mark.parametrize("size", [1 << 32, (1 << 32) + 1, 1 << 42])
def test_huge_sparse_files_are_not_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "sparse"
    path.write_bytes(valid())
    try:
        os.truncate(path, size)
    except OSError:
        pytest.skip("this file system has no sparse files of that size")
    if size == 1 << 32:  # within the limit, but the header says nothing of so many bytes
        path.write_bytes(b"")
        os.truncate(path, size)
    with pytest.raises(FormatError, match=r"the limit is|header of 0 bytes"):
        load(path)


def test_a_file_cut_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(valid())
    whole = os.stat(path)
    os.truncate(path, 1000)
    monkeypatch.setattr(reader.os, "fstat", lambda file: whole)
    with pytest.raises(FormatError, match="cut to 1000"):
        load(path)


def test_a_file_changed_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(valid())
    small = os.stat(path)
    path.write_bytes(valid() + bytes(64))
    monkeypatch.setattr(reader.os, "fstat", lambda file: small)
    load(path)  # the bytes up to the size first seen are a whole file: nothing to complain about
    path.write_bytes(valid()[:-64] + b"\1" * 64)
    with pytest.raises(ChecksumError):
        load(path)


def test_graphs_outlive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(valid())
    graph = load(path)
    os.truncate(path, 0)  # under a memory map, the next read would end the process
    assert graph.nodes[0].values.sum() > 0  # type: ignore[union-attr]


def test_out_of_memory_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(reader.arrays, "decode", fail)
    with pytest.raises(BinmorphError, match="not enough memory") as caught:
        reader.loads(valid())
    assert isinstance(caught.value, MemoryError)
