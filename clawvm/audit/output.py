"""The file that a log is written to: whole writes or none, a new file for an old one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .. import crash_points
from .files import Lock, delete_excess, log_files, numbered, shift
from .reader import Line, first_number, tail_of

__all__ = ["LogOutput"]

_MODE = 0o600


class LogOutput:
    """The end of a log's own file, held by its one writer.

    Parameters
    ----------
    path : Path
        The log's own file; made when it is not there.
    keep : int
        How many of the files that were rotated away are kept.

    Attributes
    ----------
    size : int
        Bytes of whole lines in the file.
    last : Line or None
        The last line that was there when it was opened; after a crash it may be in a rotated file.
    torn_bytes : int
        How much was cut off then, after the last line.

    Raises
    ------
    OSError
        When the system says no.
    AuditUnavailable
        When somebody else has the log open.
    AuditInvalid
        When the last line is not as it was written.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self.size = 0
        self.last: Line | None = None
        self.torn_bytes = 0
        self._path = path
        self._keep = keep
        self._fd = -1
        # Whether an attempt to write has failed half-way, and its half is still there.
        self._is_torn = False
        self._has_excess = False
        self._lock = Lock(path)
        try:
            self._open()
            self._find_end()
            self.size = os.fstat(self._fd).st_size
        except BaseException:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write at the end of the file; when that fails, nothing of it counts as written.

        Raises
        ------
        OSError
            When the system took no more.
        """
        if self._fd < 0:
            self._open()
        if self._is_torn:
            self._mend()
        rest = memoryview(data)
        try:
            while rest:
                self._is_torn = True
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            with suppress(OSError):  # if this fails too, the next attempt does it first
                self._mend()
            raise
        self._is_torn = False
        self.size += len(data)

    def renew(self) -> None:
        """Rotate the file away and begin a new one.

        Raises
        ------
        OSError
            When the file could not be renamed; the old one goes on then. A new one that cannot be
            opened is told by the next `append`.
        """
        fd, self._fd = self._fd, -1
        os.close(fd)
        try:
            shift(self._path)
        except OSError:
            if self._path.exists():
                raise
        self.size = 0
        with suppress(OSError):
            self._open()
        crash_points.reach("audit.opened")

    def dropped(self, lines: int) -> int:
        """How many of the lines so far are in no file any more, given how many files are kept.

        A file whose first line is damaged is passed over; checking the log finds it.
        """
        self._has_excess = True
        for number in range(self._keep, 0, -1):
            first = first_number(numbered(self._path, number))
            if first:
                return first - 1
        return lines

    def delete_excess(self) -> None:
        """Delete what is not kept; only after the line that says so has been written.

        Raises
        ------
        OSError
            When one cannot be deleted; it is tried again the next time.
        """
        if self._has_excess:
            delete_excess(self._path, self._keep)
            self._has_excess = False

    def close(self) -> None:
        """Close the file and let others open the log."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._lock.release()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)

    def _find_end(self) -> None:
        for file in reversed(log_files(self._path)):
            tail = tail_of(file)
            if tail.torn:
                self._cut(file, tail.torn)
            if tail.line is not None:
                self.last = tail.line
                return

    def _cut(self, file: Path, torn: bytes) -> None:
        """Take a torn last line off, and keep it beside the log."""
        beside = self._path.with_name(f"{self._path.name}.torn")
        kept = os.open(beside, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        with open(kept, "wb") as stream:
            stream.write(torn + b"\n")
        crash_points.reach("audit.torn")
        os.truncate(file, file.stat().st_size - len(torn))
        self.torn_bytes += len(torn)
        crash_points.reach("audit.cut")

    def _mend(self) -> None:
        """Take off what a failed attempt has left at the end."""
        os.ftruncate(self._fd, self.size)
        self._is_torn = False
