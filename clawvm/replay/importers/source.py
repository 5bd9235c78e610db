"""A file of recorded sessions as JSON values, one a line or one in all, read once and in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from clawvm.errors import TraceInvalid
from clawvm.replay.importers.jsonvalue import DamageError, decode_json

__all__ = ["Progress", "Record", "Source"]

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes there are, about once a megabyte and at the end."""

_PROGRESS_STEP = 1 << 20
_HEAD_LINES = 200
_HEAD_BYTES = 4 << 20
_DOCUMENT_BYTES = (
    256 << 20
)  # a larger file that starts with a damaged line is read line by line only
_FOREIGN_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x00{": "UTF-16",
    b"\x00[": "UTF-16",
    b"{\x00": "UTF-16",
    b"[\x00": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK": "zip",
    b"\x28\xb5\x2f\xfd": "zstandard",
}
_WAYS_OUT = {"UTF-16": "convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)"}


@dataclass(slots=True)
class Record:
    """One JSON value of a file.

    Parameters
    ----------
    line : int
        Its line, or its place in a list, from 1.
    value : object
        The decoded value; None when it is damaged.
    mended : tuple of str
        What had to be repaired to read it.
    damage : str or None
        Why it cannot be read.
    """

    line: int
    value: Any
    mended: tuple[str, ...] = ()
    damage: str | None = None


class Source:
    """A file opened for import.

    Parameters
    ----------
    path : Path
        A regular file.
    progress : callable, optional
        See `Progress`.

    Raises
    ------
    TraceInvalid
        If the file is a directory, cannot be read, is empty, or is not UTF-8 text.
    """

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        self.path = path
        self._progress = progress
        self._file = _open(path)
        try:
            self.size = path.stat().st_size
            self._skip_mark()
            self._line = 0
            self._done = self._file.tell()
            self._reported = 0
            self._head = deque(self._read_head())
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def stem(self) -> str:
        """The file's name without its last suffix; bytes in it that are no text as U+FFFD."""
        return os.fsencode(self.path.stem).decode("utf-8", "replace")

    def head(self) -> list[Any]:
        """Return the first values of the file (at most 200), as long as none was consumed."""
        return [record.value for record in self._head if record.damage is None]

    def records(self) -> Iterator[Record]:
        """Yield every value of the file once, in order, reading a line at a time."""
        while self._head:
            yield self._head.popleft()
        yield from self._read_lines()
        if self._progress is not None:
            self._progress(self.size, self.size)

    def _read_head(self) -> Iterator[Record]:
        records: list[Record] = []
        for record in self._read_lines():
            if not records and record.damage is not None:
                whole = self._read_document(record)
                if whole is not None:
                    return iter([whole])
            records.append(record)
            if len(records) >= _HEAD_LINES or self._done >= _HEAD_BYTES:
                break
        if not any(record.damage is None for record in records):
            self._refuse(records)
        return iter(records)

    def _refuse(self, records: list[Record]) -> None:
        if not records:
            raise TraceInvalid(f"{self.path}: the file is empty; expected a recorded session")
        first = records[0]
        raise TraceInvalid(
            f"{self.path}:{first.line}: {first.damage}; expected JSON Lines or one JSON document, "
            f"and none of the first {len(records)} lines can be read: "
            "is the file cut off, or not a session?"
        )

    def _read_document(self, first: Record) -> Record | None:
        """Try the file as one JSON document of many lines; restore the position if it is none."""
        if self.size > _DOCUMENT_BYTES:
            return None
        position = self._file.tell()
        self._file.seek(0)
        self._skip_mark()
        raw = self._file.read()
        if raw.lstrip()[:1] in (b"[", b"{"):
            try:
                value, mended = decode_json(raw)
            except DamageError as damage:
                first.damage = str(damage)
            else:
                self._done = self.size
                return Record(first.line, value, mended)
        self._file.seek(position)
        return None

    def _read_lines(self) -> Iterator[Record]:
        for raw in self._file_lines():
            text = raw.strip()
            if not text:
                continue
            try:
                value, mended = decode_json(text)
            except DamageError as damage:
                yield Record(self._line, None, damage=str(damage))
            else:
                yield Record(self._line, value, mended)

    def _file_lines(self) -> Iterator[bytes]:
        # readline and not iteration: tell() is needed between lines.
        while raw := self._file.readline():
            self._line += 1
            self._done += len(raw)
            if self._progress is not None and self._done - self._reported >= _PROGRESS_STEP:
                self._reported = self._done
                self._progress(self._done, self.size)
            yield raw

    def _skip_mark(self) -> None:
        start = self._file.read(4)
        for mark, encoding in _FOREIGN_MARKS.items():
            if start.startswith(mark):
                way_out = _WAYS_OUT.get(encoding, "unpack it first")
                raise TraceInvalid(f"{self.path}: expected UTF-8 text, found {encoding}; {way_out}")
        self._file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise TraceInvalid(
            f"{path}: is a directory; expected a file (trace_files() lists its files)"
        )
    if path.exists() and not path.is_file():
        raise TraceInvalid(f"{path}: expected a regular file, found a device, pipe or socket")
    try:
        return path.open("rb", buffering=1 << 18)
    except OSError as error:
        raise TraceInvalid(f"{path}: cannot be read ({error.strerror})") from error
