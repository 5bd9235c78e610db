"""What differs between operating systems: locks on open files, directory entries on disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["CLOSE_FIRST", "is_at", "lock_file", "read_at", "sync_folder", "write_at"]

CLOSE_FIRST = sys.platform == "win32"
"""Whether a file has to be closed before it can be renamed or deleted."""

if sys.platform == "win32":
    import msvcrt

    def lock_file(fd: int) -> bool:
        """Lock an open file until it is closed; False when another process has it."""
        os.lseek(fd, 1 << 40, os.SEEK_SET)  # behind every byte, so that all of them can be read
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def sync_folder(folder: Path) -> None:
        """Do nothing: this system has no call for it and writes the entry with the file."""

else:
    import fcntl

    def lock_file(fd: int) -> bool:
        """Lock an open file until it is closed; False when another process has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def sync_folder(folder: Path) -> None:
        """Bring a folder's entries to disk."""
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def is_at(fd: int, path: Path) -> bool:
    """Whether an open file is still the one of that name: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def read_at(fd: int, size: int, offset: int) -> bytes:
    """Read up to `size` bytes from `offset` on; fewer where the file ends. One thread at a time."""
    os.lseek(fd, offset, os.SEEK_SET)
    parts: list[bytes] = []
    while size > 0 and (part := os.read(fd, min(size, 1 << 30))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`. One thread at a time."""
    os.lseek(fd, offset, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
