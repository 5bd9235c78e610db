"""One file of the spool: checksummed frames, appended and synced one by one.

All numbers are little-endian. A file is a header, then one frame for each row::

    header   magic 8 | major u16 | minor u16 | length u32 | checksum u64 | space, JSON in ASCII
    frame    mark 4  | length u32 | checksum u64 | body
    body     seq u64 | token u64 | record length u32 | contents u32 | length u32 each | the bytes

Checksums are XXH3-64, of what follows them. A frame is synced before the next one is written, so
at most one frame is not whole after a crash: the last one, which nobody was told of.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .. import crash_points
from ..errors import SpoolFull, StoreCorrupt, StoreFailed
from ..pages import Scope
from .protocol import Append, Space
from .system import CLOSE_FIRST, is_at, lock_file, read_at, sync_folder, write_at

__all__ = ["SpoolContents", "SpoolFile", "frame_of", "header_of", "read_file"]

_MAGIC = b"\x9cSPL\r\n\x1a\n"
_MARK = b"\x9cROW"
_MAJOR, _MINOR = 1, 0
_HEADER = struct.Struct("<8sHHIQ")
_FRAME = struct.Struct("<4sIQ")
_BODY = struct.Struct("<QQII")
_SPACE_BYTES_MAX = 1 << 16
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def header_of(space: Space) -> bytes:
    """Return the bytes with which a file of `space` starts."""
    text = json.dumps([space.tenant, space.scope.value, space.name]).encode("ascii")
    return _HEADER.pack(_MAGIC, _MAJOR, _MINOR, len(text), _checksum(text)) + text


def frame_of(row: Append) -> bytes:
    """Return a row as a frame; its contents are bytes, because the store may not know them."""
    contents = [content for content in row.contents if isinstance(content, bytes)]
    if len(contents) != len(row.contents):
        raise StoreFailed(
            f"{row.space}: row {row.seq} refers to contents by id, a spooled row has to bring "
            "them along"
        )
    lengths = struct.pack(f"<{len(contents)}I", *map(len, contents))
    head = _BODY.pack(row.seq, row.token, len(row.record), len(contents))
    body = b"".join((head, lengths, row.record, *contents))
    return _FRAME.pack(_MARK, len(body), _checksum(body)) + body


def _checksum(data: bytes) -> int:
    import xxhash

    return int(xxhash.xxh3_64_intdigest(data))


class SpoolFile:
    """A spool file that this process has locked.

    `rows` were acknowledged neither by the store nor refused; they are read from the disk one at a
    time. Not safe for use by several threads at once.
    """

    def __init__(self, path: Path, fd: int, space: Space, first: int, ends: list[int]) -> None:
        self.path = path
        self.space = space
        self._fd = fd
        self._header_end = first
        # Start of the first row that is waiting, then the end of each row.
        self._bounds = [first, *ends]

    @classmethod
    def create(cls, path: Path, space: Space, frame: bytes) -> SpoolFile | None:
        """Make a file with its first frame; it is on disk when this returns.

        Returns None when somebody who looks for files left behind has locked it first.

        Raises
        ------
        SpoolFull, StoreFailed
            When the disk refuses; there is no file then.
        """
        header = header_of(space)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        except OSError as error:
            raise _failed(path, error) from error
        try:
            if not lock_file(fd):
                os.close(fd)
                return None
            made = cls(path, fd, space, len(header), [])
            write_at(fd, header, 0)
            made.append(frame)
            sync_folder(path.parent)
        except (OSError, SpoolFull, StoreFailed) as error:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            if isinstance(error, OSError):
                raise _failed(path, error) from error
            raise
        return made

    @classmethod
    def adopt(cls, path: Path, space: Space) -> SpoolFile | None:
        """Lock a file that was left behind and cut its torn tail.

        Returns None when it is another process's, or gone, or has no whole row.

        Raises
        ------
        StoreCorrupt
            When a row in it that was acknowledged is damaged, or it is another space's.
        """
        try:
            fd = os.open(path, os.O_RDWR | _BINARY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(path, error) from error
        try:
            if not lock_file(fd) or not is_at(fd, path):
                os.close(fd)
                return None
            path.with_suffix(".tmp").unlink(missing_ok=True)  # of a compaction that was killed
            data = read_at(fd, os.fstat(fd).st_size, 0)
            first, found, ends = _parsed(data, path)
            if found is not None and found != space:
                raise StoreCorrupt(
                    f"{path} is the spool of {found}, expected that of {space}; move it away"
                )
            if not ends:
                os.close(fd)
                path.unlink()
                sync_folder(path.parent)
                return None
            if ends[-1] < len(data):
                os.ftruncate(fd, ends[-1])
                os.fsync(fd)
        except OSError as error:
            os.close(fd)
            raise _failed(path, error) from error
        except StoreCorrupt:
            os.close(fd)
            raise
        return cls(path, fd, space, first, ends)

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
            row = _row_of(read_at(self._fd, end - start, start), self.space)
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
            raise _failed(self.path, error) from error
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
        header = header_of(self.space)
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
            raise _failed(self.path, error) from error
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
        if CLOSE_FIRST:
            os.close(self._fd)
        try:
            if path is None:
                self.path.unlink()
            else:
                os.rename(self.path, path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise _failed(self.path, error) from error
        finally:
            if not CLOSE_FIRST:
                os.close(self._fd)


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


def read_file(path: Path) -> SpoolContents:
    """Read a file without locking it; what its writer is just adding may be there or not.

    Raises
    ------
    StoreCorrupt, StoreFailed
        When a row that was acknowledged is damaged, or the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _failed(path, error) from error
    first, space, ends = _parsed(data, path)
    rows = []
    for start, end in zip([first, *ends], ends, strict=False):
        row = None if space is None else _row_of(data[start:end], space)
        assert row is not None  # _parsed has just read it
        rows.append(row)
    return SpoolContents(space, rows, len(data) - (ends[-1] if ends else first))


_BINARY = getattr(os, "O_BINARY", 0)


def _parsed(data: bytes, path: Path) -> tuple[int, Space | None, list[int]]:
    """End of the header, whose spool it is, end of each whole row; checks everything."""
    first, space = _space_of(data, path)
    ends: list[int] = []
    offset = first
    while space is not None and (end := _frame_end(data, offset)) is not None:
        ends.append(end)
        offset = end
    # What follows is the frame that was being written; a whole one behind it was acknowledged.
    later = data.find(_MARK, offset + 1)
    while later >= 0:
        if _frame_end(data, later) is not None:
            raise StoreCorrupt(
                f"{path}: byte {offset} does not continue the rows before it, and a whole row "
                f"follows at byte {later}: acknowledged rows are damaged; move the file away to "
                "open the space without them"
            )
        later = data.find(_MARK, later + 1)
    return first, space, ends


def _space_of(data: bytes, path: Path) -> tuple[int, Space | None]:
    if len(data) < _HEADER.size:
        return 0, None
    magic, major, _, length, checksum = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        return 0, None
    if major != _MAJOR:
        raise StoreCorrupt(f"{path} is a spool of version {major}, expected {_MAJOR}")
    text = data[_HEADER.size : _HEADER.size + min(length, _SPACE_BYTES_MAX)]
    if len(text) != length or _checksum(text) != checksum:
        return 0, None
    tenant, scope, name = json.loads(text)
    return _HEADER.size + length, Space(tenant, Scope(scope), name)


def _frame_end(data: bytes, offset: int) -> int | None:
    """Where the frame at `offset` ends; None when there is no whole one."""
    if len(data) - offset < _FRAME.size:
        return None
    mark, length, checksum = _FRAME.unpack_from(data, offset)
    start = offset + _FRAME.size
    if mark != _MARK or len(data) - start < length:
        return None
    return start + length if _checksum(data[start : start + length]) == checksum else None


def _row_of(frame: bytes, space: Space) -> Append | None:
    if _frame_end(frame, 0) != len(frame):
        return None
    seq, token, record_size, count = _BODY.unpack_from(frame, _FRAME.size)
    offset = _FRAME.size + _BODY.size
    lengths = struct.unpack_from(f"<{count}I", frame, offset)
    offset += 4 * count
    parts: list[bytes] = []
    for length in (record_size, *lengths):
        parts.append(frame[offset : offset + length])
        offset += length
    return Append(space, seq, parts[0], parts[1:], token)


def _failed(path: Path, error: Any) -> SpoolFull | StoreFailed:
    if error.errno in _FULL:
        return SpoolFull(
            f"{path}: the disk of the local spool is full ({error.strerror}); make room, or bring "
            "the store back"
        )
    return StoreFailed(f"{path}: the local spool cannot be used ({error.strerror})")
