"""A lock between processes, on a file of its own beside the database.

SQLite up to 3.51.2 (except 3.44.6 and 3.50.7) can lose a commit, or damage the file, when one
connection resets the write-ahead log while another one begins a checkpoint
(sqlite.org/wal.html, "the WAL-reset bug"). Most Pythons come with such a version. Every commit of a
store, with the checkpoint that may follow it, is therefore made under this lock: the two never
overlap among processes that use ClawVM.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreFailed
from .commit_queue import Busy

__all__ = ["FileLock"]

_PAUSE_SECONDS_MIN = 0.0002
_PAUSE_SECONDS_MAX = 0.005


class FileLock:
    """Held by one thread of one process at a time; each store object has its own.

    The system gives it free when its holder dies. It is bound to the open file, so that two
    objects of one process keep each other out too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    @contextlib.contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold it for a block; raises `Busy` when it is not had by `deadline` (monotonic)."""
        self.take(deadline)
        try:
            yield
        finally:
            self.give_back()

    def give_back(self) -> None:
        """Let others have it."""
        _unlock(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def take(self, deadline: float) -> None:
        """Take it; as `held`, for who gives it back himself."""
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                if self._descriptor < 0:
                    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                    self._descriptor = os.open(self._path, flags, 0o666)
                locked = _try_lock(self._descriptor)
                # Somebody may have removed the file since; the next comer would lock another one.
                if locked and os.fstat(self._descriptor).st_nlink > 0:
                    return
            except OSError as error:
                raise StoreFailed(
                    f"the lock file {self._path} cannot be locked: {error}; writers of a store "
                    "need it, see to the folder's rights"
                ) from error
            if locked:
                self.close()
                continue
            if time.monotonic() >= deadline:
                raise Busy(
                    f"other processes held {self._path} for too long; try again, or find out "
                    "who writes for so long"
                )
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
