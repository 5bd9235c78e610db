"""One file of the spool (`spool_frames` has its format)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .. import crash_points
from ..errors import SpoolFull, StoreCorrupt, StoreFailed, StoreInvalid
from .codec import Codec
from .protocol import Append, Space
from .spool_frames import Parsed, header_of, parse, row_of
from .system import CLOSE_FIRST, is_at, lock_file, read_at, sync_folder, write_at

__all__ = ["SpoolContents", "SpoolFile", "disk_failure", "read_file"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SpoolFile:
    """A spool file that this process has locked.

    `rows` were acknowledged neither by the store nor refused; they are read from the disk one at a
    time. Not safe for use by several threads at once.
    """

    def __init__(
        self, path: Path, fd: int, space: Space, codec: Codec, first: int, ends: list[int]
    ) -> None:
        self.path = path
        self.space = space
        self._codec = codec
        self._fd = fd
        self._header_end = first
        # Start of the first row that is waiting, then the end of each row.
        self._bounds = [first, *ends]

    @classmethod
    def create(cls, path: Path, space: Space, codec: Codec, frame: bytes) -> SpoolFile | None:
        """Make a file with its first frame; it is on disk when this returns.

        Returns None when somebody who looks for files left behind has locked it first.

        Raises
        ------
        SpoolFull, StoreFailed
            When the disk refuses; there is no file then.
        """
        header = header_of(space, codec)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        except OSError as error:
            raise disk_failure(path, error) from error
        try:
            # Who looks for files left behind may have had it between the two calls, and removed it.
            if not lock_file(fd) or not is_at(fd, path):
                os.close(fd)
                return None
            made = cls(path, fd, space, codec, len(header), [])
            write_at(fd, header, 0)
            made.append(frame)
            sync_folder(path.parent)
        except (OSError, SpoolFull, StoreFailed) as error:
            with contextlib.suppress(OSError):
                _remove(fd, path)
            if isinstance(error, OSError):
                raise disk_failure(path, error) from error
            raise
        return made

    @classmethod
    def adopt(cls, path: Path, space: Space, codec: Codec) -> SpoolFile | None:
        """Lock a file that was left behind and cut its torn tail.

        Returns None when it is another process's, or gone, or has no whole row.

        Raises
        ------
        StoreCorrupt
            When a row in it that was acknowledged is damaged.
        StoreInvalid
            When it is another space's, or was written with another codec.
        """
        try:
            fd = os.open(path, os.O_RDWR | _BINARY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_failure(path, error) from error
        try:
            if not lock_file(fd) or not is_at(fd, path):
                os.close(fd)
                return None
            path.with_suffix(".tmp").unlink(missing_ok=True)  # of a compaction that was killed
            data = read_at(fd, os.fstat(fd).st_size, 0)
            found = parse(data, path)
            _check_ours(found, path, space, codec)
            if found.ends and found.ends[-1] < len(data):
                os.ftruncate(fd, found.ends[-1])
                os.fsync(fd)
        except OSError as error:
            os.close(fd)
            raise disk_failure(path, error) from error
        except (StoreCorrupt, StoreInvalid):
            os.close(fd)
            raise
        if not found.ends:
            try:
                _remove(fd, path)
                sync_folder(path.parent)
            except OSError as error:
                raise disk_failure(path, error) from error
            return None
        return cls(path, fd, space, codec, found.first, found.ends)

    @property
    def waiting(self) -> int:
        """Rows that are waiting."""
        return len(self._bounds) - 1

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._bounds[-1]

    def rows(self) -> Iterator[Append]:
        """Read the rows that are waiting, in order."""
        for start, end in zip(self._bounds, self._bounds[1:], strict=False):
            frame = read_at(self._fd, end - start, start)
            row = row_of(frame, self.space, self._codec)
            if row is None:
                raise StoreCorrupt(
                    f"{self.path}: the row at byte {start} does not match its checksum any more"
                )
            yield row

    def append(self, frame: bytes) -> None:
        """Add a row's frame; it is on disk when this returns, and not there when this raises."""
        end = self.size
        try:
            write_at(self._fd, frame, end)
            crash_points.reach("spool.write")
            os.fsync(self._fd)
        except OSError as error:
            # What stands behind the end is cut at the next opening, should this fail as well.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, end)
            raise disk_failure(self.path, error) from error
        self._bounds.append(end + len(frame))
        crash_points.reach("spool.synced")

    def drop(self) -> None:
        """Forget the first row that is waiting: the store has it. The last one takes the file."""
        del self._bounds[0]

    def compact(self) -> None:
        """Give back the room of rows that were dropped."""
        start, end = self._bounds[0], self.size
        if start == self._header_end:
            return
        header = header_of(self.space, self._codec)
        temporary = self.path.with_suffix(".tmp")
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _BINARY, 0o600)
            try:
                lock_file(fd)
                write_at(fd, header + read_at(self._fd, end - start, start), 0)
                os.fsync(fd)
                if CLOSE_FIRST:
                    os.close(self._fd)
                os.replace(temporary, self.path)
                sync_folder(self.path.parent)
            except OSError:
                os.close(fd)
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise disk_failure(self.path, error) from error
        if not CLOSE_FIRST:
            os.close(self._fd)
        self._fd = fd
        self._bounds = [bound - start + len(header) for bound in self._bounds]

    def remove(self) -> None:
        """Delete the file, whose rows the store has acknowledged."""
        crash_points.reach("spool.drained")
        self._gone(None)
        crash_points.reach("spool.removed")

    def rename(self, path: Path) -> None:
        """Move the file out of the way, with the rows that are waiting."""
        self.compact()
        self._gone(path)

    def close(self) -> None:
        """Unlock the file and leave it."""
        os.close(self._fd)

    def _gone(self, path: Path | None) -> None:
        try:
            _remove(self._fd, self.path, path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise disk_failure(self.path, error) from error


def _remove(fd: int, path: Path, aside: Path | None = None) -> None:
    """Delete a file that is locked, or rename it, and unlock it only then.

    In between another process would lock it, and lose what it writes there.
    """
    if CLOSE_FIRST:
        os.close(fd)
    try:
        if aside is None:
            path.unlink()
        else:
            os.rename(path, aside)
    finally:
        if not CLOSE_FIRST:
            os.close(fd)


class SpoolContents(NamedTuple):
    """What stands in a spool file.

    Parameters
    ----------
    space : Space or None
        Whose spool it is; None when its header is not whole.
    rows : list of Append
        Every whole row, those that the store has got since included.
    torn_bytes : int
        Bytes at the end of a row that was being written, which nobody was told of.
    """

    space: Space | None
    rows: list[Append]
    torn_bytes: int


def read_file(path: Path, codec: Codec) -> SpoolContents:
    """Read a file without locking it; what its writer is just adding may be there or not.

    Raises
    ------
    StoreCorrupt, StoreInvalid, StoreFailed
        When a row that was acknowledged is damaged, it was written with another codec, or it
        cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise disk_failure(path, error) from error
    found = parse(data, path)
    if found.space is None:
        return SpoolContents(None, [], len(data))
    _check_ours(found, path, found.space, codec)
    bounds = zip([found.first, *found.ends], found.ends, strict=False)
    rows = [row_of(data[start:end], found.space, codec) for start, end in bounds]
    whole = [row for row in rows if row is not None]
    return SpoolContents(found.space, whole, len(data) - [found.first, *found.ends][-1])


def _check_ours(found: Parsed, path: Path, space: Space, codec: Codec) -> None:
    if found.space is None:
        return
    if found.space != space:
        raise StoreInvalid(f"{path} is the spool of {found.space}, expected that of {space}")
    if found.codec != codec.name:
        raise StoreInvalid(
            f"{path} was written with the codec {found.codec!r}, found {codec.name!r}; give the "
            "spool the store's codec"
        )


_BINARY = getattr(os, "O_BINARY", 0)


def disk_failure(path: Path, error: OSError) -> SpoolFull | StoreFailed:
    """Return the error of ours that says what the disk has refused."""
    if error.errno in _FULL:
        return SpoolFull(
            f"{path}: the disk of the local spool is full ({error.strerror}); make room, or bring "
            "the store back"
        )
    return StoreFailed(f"{path}: the local spool cannot be used ({error.strerror})")
