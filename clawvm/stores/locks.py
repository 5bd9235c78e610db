"""Locks on open files, and directory entries that are on disk: what differs between systems."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["lock_file", "sync_folder"]

if sys.platform == "win32":
    import msvcrt

    def lock_file(fd: int) -> bool:
        """Lock an open file until it is closed; False when another process has it."""
        here = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, 1 << 62, os.SEEK_SET)  # behind every byte, which can so be read by others
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, here, os.SEEK_SET)
        return True

    def sync_folder(folder: Path) -> None:
        """Do nothing: this system writes directory entries with the file."""

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
