"""Saving replaces a file as a whole or not at all, whatever interrupts it."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from oracle import random_graph

from binmorph import format as bm_format
from binmorph.errors import FormatError
from binmorph.format import dumps, load, save

OLD = random_graph(np.random.default_rng(1), producer="old")
NEW = random_graph(np.random.default_rng(2), producer="new")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "net.bmorph"
    save(OLD, path)
    return path


def assert_untouched(path: Path) -> None:
    """The old file is intact and it is the only file."""
    assert path.read_bytes() == dumps(OLD)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("call", ["open", "fchmod", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "disk full"), KeyboardInterrupt(), MemoryError()])
def test_an_exception_at_any_step_keeps_the_old_file(
    target: Path, call: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(bm_format.atomic.os, call, fail)
    with pytest.raises(type(error)):
        save(NEW, target)
    monkeypatch.undo()
    assert_untouched(target)


def test_a_full_disk_keeps_the_old_file(target: Path) -> None:
    """RLIMIT_FSIZE lets a part of the file be written, then fails, as a full disk does."""
    for limit in (0, 1, 100, len(dumps(NEW)) - 1):
        with file_size_limit(limit), pytest.raises(OSError) as caught:  # noqa: PT011
            save(NEW, target)
        assert caught.value.errno == errno.EFBIG
        assert_untouched(target)


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_short_writes_are_continued(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    class Slow(io.FileIO):
        def write(self, data: memoryview) -> int:  # type: ignore[override]
            return super().write(data[:100])

    monkeypatch.setattr(
        bm_format.atomic, "open", lambda file, *args, **kwargs: Slow(file, "wb"), raising=False
    )
    save(NEW, target)
    assert target.read_bytes() == dumps(NEW)


def test_killed_writers_leave_the_old_or_the_new_file(tmp_path: Path) -> None:
    path, rng = tmp_path / "net.bmorph", random.Random(3)
    code = (
        "import sys; from binmorph.format import load, save; a, b = load(sys.argv[1]), load(sys.argv[2])\n"
        "print(flush=True)\n"
        "while True: save(a, sys.argv[3]); save(b, sys.argv[3])"
    )
    save(OLD, tmp_path / "a")
    save(NEW, tmp_path / "b")
    whole = {dumps(OLD), dumps(NEW)}
    save(OLD, path)
    source = str(Path(bm_format.__file__).parents[2])
    command = [sys.executable, "-c", code, tmp_path / "a", tmp_path / "b", path]
    for _ in range(24):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": source}
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.random() * 0.02)
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        assert path.read_bytes() in whole
    load(path)


def test_saving_over_the_file_a_graph_came_from(target: Path) -> None:
    graph = load(target)
    before = target.read_bytes()
    save(graph, target)
    assert target.read_bytes() == before


def test_permissions(target: Path) -> None:
    before = os.umask(0o027)
    try:
        save(NEW, target.parent / "fresh")
        target.chmod(0o604)
        save(NEW, target)
    finally:
        os.umask(before)
    assert stat.S_IMODE((target.parent / "fresh").stat().st_mode) == 0o640
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_links_are_followed(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(target.name)
    save(NEW, link)
    assert link.is_symlink()
    assert target.read_bytes() == dumps(NEW)
    dangling = tmp_path / "dangling"
    dangling.symlink_to("absent")
    save(NEW, dangling)
    assert (tmp_path / "absent").read_bytes() == dumps(NEW)


def test_hard_links_keep_the_old_bytes(target: Path, tmp_path: Path) -> None:
    os.link(target, tmp_path / "other")
    save(NEW, target)
    assert (tmp_path / "other").read_bytes() == dumps(OLD)


def test_what_is_not_a_file_is_not_replaced(tmp_path: Path) -> None:
    folder, pipe, loop = tmp_path / "folder", tmp_path / "pipe", tmp_path / "loop"
    folder.mkdir()
    os.mkfifo(pipe)
    loop.symlink_to(loop.name)
    for path in (folder, pipe, loop, Path("/dev/null")):
        with pytest.raises(FormatError, match=r"regular file|loop of symbolic links"):
            save(NEW, path)
    assert sorted(os.listdir(tmp_path)) == ["folder", "loop", "pipe"]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save(NEW, tmp_path / "absent" / "net.bmorph")


def test_long_names_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(NEW, "n" * 255)
    save(NEW, "net.bmorph")
    assert set(os.listdir()) == {"n" * 255, "net.bmorph"}
