"""The files of a log: their names, their order, who may write them, how they are rotated."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from .. import crash_points
from ..errors import AuditUnavailable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["Lock", "delete_excess", "log_files", "numbered", "shift"]

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def numbered(path: Path, number: int) -> Path:
    """Return the name of the file that was rotated away `number` times; 0 is the log's own."""
    return path.with_name(f"{path.name}.{number}") if number else path


def log_files(path: Path) -> list[Path]:
    """List the files of a log that are there, oldest first."""
    stem = f"{path.name}."
    numbers = []
    with suppress(FileNotFoundError), os.scandir(path.parent) as entries:
        for entry in entries:
            ending = entry.name.removeprefix(stem)
            if entry.name == path.name:
                numbers.append(0)
            elif ending != entry.name and _NUMBER.fullmatch(ending):
                numbers.append(int(ending))
    return [numbered(path, number) for number in sorted(numbers, reverse=True)]


def shift(path: Path) -> None:
    """Make room for a new file: ``FILE.1`` becomes ``FILE.2`` and so on, ``FILE`` the first.

    It begins with the oldest, so that an interruption at most leaves a number out; that gap is
    used up by the next rotation.
    """
    free = 1
    while numbered(path, free).exists():
        free += 1
    for number in range(free, 0, -1):
        os.replace(numbered(path, number - 1), numbered(path, number))
        crash_points.reach("audit.shifted")


def delete_excess(path: Path, keep: int) -> None:
    """Delete the files that were rotated away more than `keep` times."""
    newest = {numbered(path, number) for number in range(keep + 1)}
    for file in log_files(path):
        if file not in newest:
            crash_points.reach("audit.delete")
            file.unlink()


class Lock:
    """The right to write a log, held by a locked file beside it.

    The file is there only while the log is open, or after a crash, when it locks nobody out: the
    system gives the lock of a process back when the process ends.

    Raises
    ------
    AuditUnavailable
        When somebody else has it, in this process or another.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        while True:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                _lock(self._fd)
                if self._is_the_file():
                    return
            except _LOCKED as error:
                os.close(self._fd)
                raise AuditUnavailable(
                    f"audit log {path} is open for writing elsewhere; close it there, or give "
                    "this session a file of its own"
                ) from error
            os.close(self._fd)

    def _is_the_file(self) -> bool:
        """Whether the file that was locked is still the one of that name.

        Who closes the log deletes the file, and may have done so between our opening and locking.
        """
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        if sys.platform != "win32":  # where an open file cannot be deleted: it stays
            with suppress(FileNotFoundError):
                self._path.unlink()
        os.close(self._fd)


if sys.platform == "win32":
    _LOCKED = PermissionError

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    _LOCKED = BlockingIOError

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
