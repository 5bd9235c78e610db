"""Our own trace format; several traces may follow each other in one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from clawvm.errors import TraceInvalid
from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import MAX_DEPTH, depth_within
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Record, Source

__all__ = ["NAME", "read", "sniff"]

NAME = t.FORMAT


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a trace header."""
    return any(isinstance(value, dict) and value.get("format") == t.FORMAT for value in values)


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file.

    Raises
    ------
    TraceInvalid
        If a header is of a newer version, or is not a header.
    """
    reader: _Reader | None = None
    early: list[Record] = []
    place = 0
    for record in source.records():
        if isinstance(record.value, dict) and record.value.get("format") == t.FORMAT:
            if reader is not None:
                place += 1
                yield reader.finish()
            reader = _Reader(source, _header(source, record), place, record.line + 1)
            for line in early:
                reader.add(line)
            early.clear()
        if reader is None:
            early.append(record)  # damaged lines before the header, at most as many as were sniffed
        else:
            reader.add(record)
    if reader is not None:
        yield reader.finish()


def _header(source: Source, record: Record) -> t.Header:
    version = record.value.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise TraceInvalid(
            f"{source.path}:{record.line}: expected a trace version from 1, found {version!r}"
        )
    if version > t.VERSION:
        raise TraceInvalid(
            f"{source.path}:{record.line}: this trace is of version {version} and this ClawVM "
            f"reads up to {t.VERSION}; upgrade ClawVM, or write the trace again with this one"
        )
    try:
        return msgspec.convert(record.value, t.Header)
    except msgspec.ValidationError as error:
        raise TraceInvalid(f"{source.path}:{record.line}: not a trace header: {error}") from None


class _Reader:
    """One session's lines, from its header on."""

    def __init__(self, source: Source, header: t.Header, place: int, first_line: int) -> None:
        self._header = header
        self._first_line = first_line
        self._places: dict[int, int] = {}  # lines from the first on -> events that they gave
        self._recorder = Recorder(source, NAME, header.shape, header.session if place else None)
        self._calls: set[str] = set()
        self._answered: set[str] = set()

    def add(self, record: Record) -> None:
        """Add the event of one line, or count why it is none."""
        value = self._recorder.accept(record)
        if value is None or "format" in value:
            return
        kind = value.get("kind")
        if kind not in t.KINDS:
            self._recorder.ignore(f"unknown kind {str(kind)[:40]!r}")
            return
        try:
            event: t.Event = msgspec.convert(value, t.Event)
        except msgspec.ValidationError as error:
            self._recorder.damage(f"not a {kind} event: {error}")
            return
        if reason := self._nonsense(event) or self._unpaired(event):
            self._recorder.damage(reason)
            return
        if isinstance(event, t.Compaction) and event.kept is not None:
            # A line that gave no event shifts those behind it; it cannot have been kept.
            event.kept = tuple(self._places[kept] for kept in event.kept if kept in self._places)
        self._places[record.line - self._first_line] = len(self._recorder.events)
        self._recorder.events.append(event)

    def _nonsense(self, event: t.Event) -> str | None:
        if isinstance(event, t.Call) and not depth_within(event.arguments):
            return f"call arguments nested more than {MAX_DEPTH} deep"
        if isinstance(event, (t.Message, t.Result)) and not all(map(depth_within, event.opaque)):
            return f"a block nested more than {MAX_DEPTH} deep"
        if isinstance(event, t.Result) and event.header > len(event.text):
            return "result header longer than its text"
        return None

    def _unpaired(self, event: t.Event) -> str | None:
        if isinstance(event, t.Call):
            if event.id in self._calls:
                return "second call with the same id"
            self._calls.add(event.id)
        elif isinstance(event, t.Result):
            if event.call_id not in self._calls:
                return "result without a call"
            if event.call_id in self._answered:
                return "second result of a call"
            self._answered.add(event.call_id)
        return None

    def finish(self) -> ImportedSession:
        """Return the session, under the header that was read."""
        session = self._recorder.finish()
        session.trace.header = self._header
        return session
