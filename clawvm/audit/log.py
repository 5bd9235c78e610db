"""The decision trace as it is written: buffered, hash-chained, rotated, never in anyone's way."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload

from .. import crash_points
from ..errors import AuditUnavailable, LimitExceeded
from . import events
from .encoding import SESSION_FIELDS, encoder, in_order
from .output import LogOutput
from .reader import LINE_BYTES_MAX, NO_LINE

__all__ = ["BACKLOG_BYTES_MAX", "AuditLog"]

KEEP = 8
ROTATE_BYTES = 64 * 1024 * 1024
ROTATE_BYTES_MIN = 1024
FLUSH_BYTES = 64 * 1024
DEFERRED_MAX = 1024
BACKLOG_BYTES_MAX = 1024 * 1024
"""Most that is kept in memory while the disk takes nothing; lines past that are lost and counted.
"""

_Deferred = tuple[str, int, float, Callable[..., Mapping[str, Any]], tuple[Any, ...]]


class AuditLog:
    """Writes a session's decision trace as JSON Lines, each line bound to the one before by hash.

    What is written stands in memory until `flush`, or until there are 64 KiB of it, or 1,024 lines
    that were deferred; after a flush it survives the death of the process, though not that of the
    machine. A disk that takes nothing stops nobody: up to `BACKLOG_BYTES_MAX` are kept for it, then
    lines are lost, which is counted in `lost` and told in the log itself once the disk takes lines
    again.

    Parameters
    ----------
    path : str or Path
        The file; what has been rotated away is ``FILE.1``, ``FILE.2`` and so on, oldest last.
    rotate_bytes : int, optional
        Size at which a new file is begun, from 1,024.
    keep : int, optional
        How many of the files that were rotated away are kept, at least 1.
    clock : callable, optional
        Tells the time of a line, as Unix time.

    Raises
    ------
    AuditUnavailable
        When somebody else has the log open, or its file cannot be opened.
    AuditInvalid
        When the end of the log that is there is not as it was written.
    LimitExceeded
        When `rotate_bytes` or `keep` is too small.

    Notes
    -----
    Thread safety: one thread at a time uses a log. Two logs of one file exclude each other.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rotate_bytes: int = ROTATE_BYTES,
        keep: int = KEEP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if rotate_bytes < ROTATE_BYTES_MIN or keep < 1:
            raise LimitExceeded(
                f"audit log {path}: rotate_bytes is at least {ROTATE_BYTES_MIN} and keep at least "
                f"1, found {rotate_bytes!r} and {keep!r}"
            )
        self.path = Path(path)
        self.lost = 0
        self.failure: OSError | None = None
        self._clock = clock
        self._encode = encoder()
        self._rotate_bytes = self._rotate_at = rotate_bytes
        self._flush_at = FLUSH_BYTES
        # Events that are to become lines: name, turn, time, and what makes the fields of what.
        self._deferred: deque[_Deferred] = deque()
        self._lines: list[bytes] = []
        self._buffered = 0
        # Losses since the last that the log tells of: how many, their turns.
        self._missing = 0
        self._missing_turns = (0, 0)
        self._missing_reason = ""
        self._n = 0
        self._head = NO_LINE
        # Whether the file holds nothing but its first line: then it is not rotated.
        self._is_new = False
        self._closed = False
        try:
            self._output = LogOutput(self.path, keep)
        except OSError as error:
            raise AuditUnavailable(
                f"audit log {path} cannot be opened ({error.strerror}); give it a folder that can "
                "be written"
            ) from error
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def head(self) -> str:
        """Hash of the last line; kept elsewhere, it proves that the end was not cut off."""
        self._write_deferred()
        return self._head

    @property
    def lines(self) -> int:
        """How many lines there have been, those still in memory included."""
        self._write_deferred()
        return self._n

    # Each event with its fields, for a type checker.
    @overload
    def write(self, event: Literal["open"], turn: int, **fields: Unpack[events.Open]) -> None: ...
    @overload
    def write(self, event: Literal["page"], turn: int, **fields: Unpack[events.Page]) -> None: ...
    @overload
    def write(
        self, event: Literal["demand"], turn: int, **fields: Unpack[events.Demand]
    ) -> None: ...
    @overload
    def write(
        self, event: Literal["assemble"], turn: int, **fields: Unpack[events.Assemble]
    ) -> None: ...
    @overload
    def write(self, event: Literal["fault"], turn: int, **fields: Unpack[events.Fault]) -> None: ...
    @overload
    def write(
        self, event: Literal["boundary"], turn: int, **fields: Unpack[events.Boundary]
    ) -> None: ...
    @overload
    def write(
        self, event: Literal["commit"], turn: int, **fields: Unpack[events.Commit]
    ) -> None: ...
    @overload
    def write(
        self, event: Literal["rejection"], turn: int, **fields: Unpack[events.Rejection]
    ) -> None: ...
    @overload
    def write(
        self, event: Literal["recall"], turn: int, **fields: Unpack[events.Recall]
    ) -> None: ...
    @overload
    def write(
        self, event: Literal["archive"], turn: int, **fields: Unpack[events.Archive]
    ) -> None: ...
    @overload
    def write(self, event: Literal["close"], turn: int) -> None: ...
    def write(self, event: str, turn: int, **fields: Any) -> None:
        """Add a line.

        Parameters
        ----------
        event : str
            One of those that a session writes (`audit.events`).
        turn : int
            The session's turn.
        **fields
            The event's fields, all of them.

        Raises
        ------
        AuditEventInvalid
            When there is no such event, its fields are others, or one cannot be written as JSON;
            nothing was written then.
        AuditUnavailable
            After `close`.
        """
        if tuple(fields) != SESSION_FIELDS.get(event):
            fields = in_order(event, fields)
        if self._closed:
            raise self._is_closed()
        self._write_deferred()
        self._take(event, turn, self._clock(), fields)

    def defer(
        self, event: str, turn: int, make: Callable[..., Mapping[str, Any]], *facts: Any
    ) -> None:
        """Add a line that is put together when it is written, by ``make(*facts)``.

        It has the place and the time of this call. This is for whoever cannot wait: putting a line
        together takes ten times as long as this.

        Parameters
        ----------
        event : str
            One of those that a session writes.
        turn : int
            The session's turn.
        make : callable
            Returns the event's fields, in the order of a line, as JSON.
        *facts
            What it is given; nothing of it changes any more.

        Raises
        ------
        AuditUnavailable
            After `close`.
        """
        if self._closed:
            raise self._is_closed()
        self._deferred.append((event, turn, self._clock(), make, facts))
        if len(self._deferred) >= DEFERRED_MAX:
            self.flush()

    def flush(self) -> bool:
        """Write to the file what is in memory.

        Returns
        -------
        bool
            Whether all of it is there; if not, `failure` says why, and the lines stay in memory.

        Raises
        ------
        AuditUnavailable
            After `close`.
        """
        if self._closed:
            raise self._is_closed()
        self._write_deferred()
        if not self._drain():
            return False
        if not self._missing:
            return True
        missing, self._missing = self._missing, 0
        first, last = self._missing_turns
        self._put(
            "lost",
            last,
            {
                "lines": missing,
                "first_turn": first,
                "last_turn": last,
                "reason": self._missing_reason,
            },
        )
        return self._drain()

    def close(self) -> None:
        """Flush, and let others open the log; what cannot be written then counts as lost."""
        if self._closed:
            return
        self.flush()
        self.lost += len(self._lines)
        self._closed = True
        self._output.close()

    def _begin(self) -> None:
        """Take up the chain where it ends, and say so where something is out of the ordinary."""
        last, torn_bytes = self._output.last, self._output.torn_bytes
        turn = 0
        if last is not None:
            self._n, self._head, turn = last.n, last.hash, last.turn
        if not self._output.size:
            self._begin_file(turn)
        if torn_bytes:
            self._put("reopened", turn, {"torn_bytes": torn_bytes})
        self._drain()

    def _begin_file(self, turn: int) -> None:
        """Put the first line of a file."""
        if self._n:
            dropped = self._output.dropped(self._n)
            self._put("rotated", turn, {"format": events.FORMAT, "dropped": dropped})
        else:
            self._put("begun", turn, {"format": events.FORMAT})
        self._is_new = True

    def _write_deferred(self) -> None:
        """Make lines of what was deferred; one that cannot be made does not take others along."""
        deferred = self._deferred
        while deferred:
            event, turn, then, make, facts = deferred.popleft()
            self._take(event, turn, then, make(*facts))

    def _take(self, event: str, turn: int, then: float, fields: Mapping[str, Any]) -> None:
        """Put a line of a session's, or count it where lines are being lost."""
        if self._missing:
            self._miss(turn)
        else:
            self._put(event, turn, fields, then)

    def _put(
        self, event: str, turn: int, fields: Mapping[str, Any], then: float | None = None
    ) -> None:
        """Put a line at the end; one of the log's own is of now."""
        if then is None:
            then = self._clock()
        line, head = self._sealed(event, turn, then, fields)
        if self._output.size + self._buffered + len(line) > self._rotate_at and not self._is_new:
            self._rotate(turn)
            line, head = self._sealed(event, turn, then, fields)
        if self._buffered and self._buffered + len(line) > BACKLOG_BYTES_MAX and not self._drain():
            self._miss(turn)
            return
        if len(line) > LINE_BYTES_MAX:
            self._miss(turn, f"an event {event!r} of {len(line):,} bytes")
            self.flush()
            return
        self._n += 1
        self._head = head
        self._is_new = False
        self._lines.append(line)
        self._buffered += len(line)
        if self._buffered >= self._flush_at:
            self._drain()

    def _sealed(
        self, event: str, turn: int, then: float, fields: Mapping[str, Any]
    ) -> tuple[bytes, str]:
        """Return the next line with its hash at its end, and the hash."""
        body = self._encode(
            {
                "n": self._n + 1,
                "event": event,
                "turn": turn,
                "time": then,
                **fields,
                "prev": self._head,
            }
        )[:-1]
        head = hashlib.sha256(body).hexdigest()
        return b'%b,"hash":"%b"}\n' % (body, head.encode()), head

    def _miss(self, turn: int, reason: str = "") -> None:
        """Count a line that cannot be kept; the log tells of it at the next flush that succeeds."""
        if not self._missing:
            self._missing_turns = (turn, turn)
            self._missing_reason = reason or str(self.failure)
        self._missing += 1
        self._missing_turns = (self._missing_turns[0], turn)
        self.lost += 1

    def _drain(self) -> bool:
        """Write the lines in memory at the end of the file; on failure the file is as it was."""
        try:
            if self._lines:
                crash_points.reach("audit.write")
                self._output.append(b"".join(self._lines))
                self._lines.clear()
                self._buffered = 0
                self._flush_at = FLUSH_BYTES
                crash_points.reach("audit.written")
            self._output.delete_excess()
        except OSError as error:
            self.failure = error
            # The next line is not the time to try again: a failing disk may also be slow.
            self._flush_at = self._buffered + FLUSH_BYTES
        return not self._lines

    def _rotate(self, turn: int) -> None:
        """Begin a new file, if all of the old one could be written; else the old one grows on."""
        self._rotate_at += FLUSH_BYTES  # where it is tried again if it fails
        if not self._drain():
            return
        crash_points.reach("audit.rotate")
        try:
            self._output.renew()
        except OSError as error:
            self.failure = error
            return
        self._rotate_at = self._rotate_bytes
        self._begin_file(turn)

    def _is_closed(self) -> AuditUnavailable:
        return AuditUnavailable(f"audit log {self.path} is closed; open it again to write more")
