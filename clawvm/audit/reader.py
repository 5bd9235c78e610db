"""Reading a log: every line is checked against its hash, its number and the line before it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import AuditInvalid
from .events import EVENTS, FORMAT
from .files import log_files

__all__ = [
    "LINE_BYTES_MAX",
    "NO_LINE",
    "SEAL_BYTES",
    "Line",
    "LogReader",
    "Tail",
    "first_number",
    "tail_of",
]

LINE_BYTES_MAX = 64 * 1024 * 1024
"""A longer line is not written and not read."""

NO_LINE = "0" * 64
"""What stands for the hash of the line before the first."""

_SEAL = re.compile(rb',"hash":"([0-9a-f]{64})"\}\n')
SEAL_BYTES = len(b',"hash":""}\n') + 64
"""Length of a line's end, from the comma before its hash on; the hash is over what is before."""

_OPENING = re.compile(rb'\{"n":([1-9][0-9]{0,18}),')
_BLOCK_BYTES = 64 * 1024
_OPENINGS_MAX = 100
_ENVELOPE = (("n", int), ("event", str), ("turn", int), ("time", (int, float)), ("prev", str))


class Line(NamedTuple):
    """A line that has been checked.

    Parameters
    ----------
    file, number : str and int
        Where it stands: its file, and its number there, from 1.
    n : int
        Its number in the whole log, from 1.
    event, turn, time : str, int, float
        What happened, in which turn, and when (Unix time).
    prev, hash : str
        The hash of the line before it, and its own.
    fields : dict
        The event's fields, typed as in `events`; those of an unknown event as they are.
    """

    file: str
    number: int
    n: int
    event: str
    turn: int
    time: float
    prev: str
    hash: str
    fields: dict[str, Any]


def parse_line(data: bytes, file: str, number: int) -> Line:
    """Check one line by itself: that it is whole, that its hash is right, that it can be read.

    Raises
    ------
    AuditInvalid
        When it is not so.
    """
    if not data.endswith(b"\n"):
        found = f"{len(data):,} bytes without an end"
        raise AuditInvalid(file, number, "a whole line", found)
    seal = _SEAL.fullmatch(data, max(0, len(data) - SEAL_BYTES))
    if seal is None:
        raise AuditInvalid(file, number, "a line that ends in its hash", _shown(data))
    digest = hashlib.sha256(data[:-SEAL_BYTES]).hexdigest()
    if digest != seal[1].decode():
        expected = f"the line whose hash is {seal[1].decode()}"
        raise AuditInvalid(file, number, expected, f"one whose hash is {digest}")
    record = _decoded(data, file, number)
    for name, kind in _ENVELOPE:
        value = record.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise AuditInvalid(file, number, f"a line with {name!r}", f"{name!r}: {value!r}")
    n, event, turn, time, prev = (record.pop(name) for name, _ in _ENVELOPE)
    del record["hash"]
    fields = _typed(event, record, file, number)
    return Line(file, number, n, event, turn, time, prev, digest, fields)


def _shown(data: bytes) -> str:
    text = data[:60].decode("utf-8", "backslashreplace").rstrip("\n")
    return f"{text!r}" if len(data) <= 60 else f"{text!r}..."


def _decoded(data: bytes, file: str, number: int) -> dict[str, Any]:
    import msgspec

    try:
        record = msgspec.json.decode(data)
    except msgspec.DecodeError:
        try:
            record = json.loads(data)  # which reads lone surrogates as well
        except (ValueError, RecursionError) as error:
            raise AuditInvalid(file, number, "a JSON object", _shown(data)) from error
    if not isinstance(record, dict):
        raise AuditInvalid(file, number, "a JSON object", _shown(data))
    return record


def _typed(event: str, fields: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    import msgspec

    kind = EVENTS.get(event)
    if kind is None:
        return fields
    try:
        typed: dict[str, Any] = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        expected = f"the fields of an event {event!r}"
        raise AuditInvalid(file, number, expected, str(error)) from error
    return typed


class LogReader:
    """Goes through a log once, from its oldest line to its newest, and checks the chain.

    Iterating raises `AuditInvalid` at the first line that is not as it was written. A torn last
    line is none of the log's, as it is what a crash leaves; it ends the iteration and is counted.

    Parameters
    ----------
    path : Path
        The log's own file; those that were rotated away are found beside it.

    Attributes
    ----------
    files : list of str
        The files that were there, oldest first.
    first, last : int
        Numbers of the first and the last line read; 0 before.
    head : str
        Hash of the last line read.
    torn_line, torn_bytes : int
        Number in its file, and length, of a torn last line; 0 where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.files: list[str] = []
        self.first = 0
        self.last = 0
        self.head = NO_LINE
        self.torn_line = 0
        self.torn_bytes = 0
        self._path = path
        self._dropped = 0

    def __iter__(self) -> Iterator[Line]:
        with ExitStack() as stack:
            streams = _opened(self._path, stack)
            self.files = [stream.name for stream in streams]
            for stream in streams:
                yield from self._file(stream, is_last=stream is streams[-1])
        if not self.last and not self.torn_bytes:
            raise AuditInvalid(str(self._path), 0, "an audit log", "no whole line")
        if self.first > self._dropped + 1:
            raise AuditInvalid(
                self.files[0],
                1,
                f"the line with number {self._dropped + 1}, which rotation has kept",
                f"number {self.first}",
            )

    def _file(self, stream: BinaryIO, *, is_last: bool) -> Iterator[Line]:
        number = 0
        while data := stream.readline(LINE_BYTES_MAX):
            number += 1
            if is_last and not data.endswith(b"\n") and len(data) < LINE_BYTES_MAX:
                self.torn_line, self.torn_bytes = number, len(data)
                return
            line = parse_line(data, stream.name, number)
            self._check_place(line)
            self.first = self.first or line.n
            self.last = line.n
            self.head = line.hash
            yield line

    def _check_place(self, line: Line) -> None:
        """See that a line follows the one before it, and that each file begins as it must."""
        opens = "begun" if line.n == 1 else "rotated"
        if line.number == 1 and line.event != opens:
            found = f"{line.event!r} with number {line.n}"
            raise AuditInvalid(line.file, 1, f"an event {opens!r} at the beginning", found)
        if line.number > 1 and line.event in ("begun", "rotated"):
            found = f"an event {line.event!r}, which only begins a file"
            raise AuditInvalid(line.file, line.number, "what happened next", found)
        if self.last or line.n == 1:
            expected = f"the line with number {self.last + 1}"
            if line.n != self.last + 1:
                raise AuditInvalid(line.file, line.number, expected, f"number {line.n}")
            if line.prev != self.head:
                expected += f" after the one whose hash is {self.head}"
                found = f"one that comes after {line.prev}"
                raise AuditInvalid(line.file, line.number, expected, found)
        if line.number == 1:
            self._check_opening(line)

    def _check_opening(self, line: Line) -> None:
        version = line.fields["format"]
        if version > FORMAT:
            raise AuditInvalid(
                line.file,
                1,
                f"an audit log of version {FORMAT} at most",
                f"version {version}, of a newer clawvm",
            )
        self._dropped = line.fields.get("dropped", 0)


def _opened(path: Path, stack: ExitStack) -> list[BinaryIO]:
    """Open the files of a log, oldest first, all at once: a rotation meanwhile changes names only.

    Raises
    ------
    AuditInvalid
        When there is none, or one cannot be opened.
    """
    for _ in range(_OPENINGS_MAX):
        with ExitStack() as attempt:
            try:
                files = log_files(path)
                streams = [attempt.enter_context(file.open("rb")) for file in files]
                same = files == log_files(path) and all(
                    os.path.samestat(file.stat(), os.fstat(stream.fileno()))
                    for file, stream in zip(files, streams, strict=True)
                )
            except FileNotFoundError:
                continue  # rotated away since it was listed
            except OSError as error:
                found = f"something that cannot be read ({error.strerror})"
                raise AuditInvalid(str(path), 0, "an audit log", found) from error
            if not files:
                raise AuditInvalid(str(path), 0, "an audit log", "no such file")
            if same:
                stack.push(attempt.pop_all())
                return list(streams)
    raise AuditInvalid(
        str(path), 0, "files that stay", f"others at each of {_OPENINGS_MAX} attempts to open them"
    )


class Tail(NamedTuple):
    """How a file ends: its last whole line, if there is one, and what is torn after it."""

    line: Line | None
    torn: bytes


def tail_of(file: Path) -> Tail:
    """Read the end of a file, without what is before.

    Raises
    ------
    AuditInvalid
        When the last whole line is not as it was written.
    """
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        whole = _after_newline(stream, size)
        begin = _after_newline(stream, whole - 1)
        stream.seek(begin)
        data = stream.read(whole - begin)
        torn = stream.read(size - whole)
    try:
        if data:
            return Tail(parse_line(data, str(file), 0), torn)
        _check_beginning(torn, str(file))
        return Tail(None, torn)
    except AuditInvalid as error:
        raise AuditInvalid(
            str(file), 0, f"at its end {error.expected}", f"{error.found} (clawvm audit tells more)"
        ) from error


def _check_beginning(torn: bytes, file: str) -> None:
    """See that a file without a whole line is one that a crash left, and no one else's.

    Where the machine has crashed there may be zeros that nobody wrote.
    """
    opening = b'{"n":'
    if torn.strip(b"\0") and not torn.startswith(opening[: len(torn)]):
        raise AuditInvalid(file, 0, "a line of an audit log", _shown(torn))


def first_number(file: Path) -> int:
    """Return the number of a file's first line, or 0 where that cannot be told."""
    with suppress(OSError), file.open("rb") as stream:
        opening = _OPENING.match(stream.read(32))
        return int(opening[1]) if opening else 0
    return 0


def _after_newline(stream: BinaryIO, end: int) -> int:
    """Return the place after the last newline before `end`; 0 where there is none."""
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        stream.seek(begin)
        found = stream.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
