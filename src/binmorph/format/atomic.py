"""Replace a file as a whole: readers see the old bytes or the new ones, whatever happens in between."""

from __future__ import annotations

import errno
import os
import secrets
import stat

from ..errors import FormatError
from .spec import short


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary file in the same directory.

    A symbolic link is followed: its target is replaced and the link stays. An existing file keeps its
    permission bits; hard links to it keep the old bytes. If the process is killed, a ``.binmorph-*.tmp`` file
    may remain.

    Raises:
        FormatError: the path names a directory, FIFO, device or a loop of links.
        OSError: the disk is full, the directory is missing or not writable; the old file is untouched.
    """
    target = os.path.realpath(path)
    mode = _mode_of(target)
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".binmorph-{secrets.token_hex(8)}.tmp")
    # 0o666 lets the umask decide, as for any new file; mkstemp would leave the network private.
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with open(file, "wb", buffering=0) as stream:
            if mode is not None:
                os.fchmod(file, mode)
            rest = memoryview(data)
            while rest:
                rest = rest[stream.write(rest) :]
            os.fsync(file)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _mode_of(target: str) -> int | None:
    """Permission bits of the file that will be replaced; None if there is none."""
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):  # realpath leaves a link only where it found a loop
        raise FormatError(f"{short(target)}: a loop of symbolic links; save to another path")
    if not stat.S_ISREG(mode):
        raise FormatError(f"{short(target)}: exists and is not a regular file; save to another path")
    return stat.S_IMODE(mode)


def _sync_folder(folder: str) -> None:
    """Make the new directory entry durable, on file systems that can."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(file)
