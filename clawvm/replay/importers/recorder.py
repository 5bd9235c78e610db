"""Recorder: what an importer tells of a session becomes events, with unique and paired ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import MAX_DEPTH, DamageError, decode_json, depth_within
from clawvm.replay.importers.report import ImportReport, Tally
from clawvm.replay.importers.source import Record, Source

__all__ = ["ImportedSession", "Recorder"]

_REDACTED = "REDACTED"
_DEEP_BLOCK = f"a block nested more than {MAX_DEPTH} deep"
_DEEP_ARGUMENTS = f"call arguments nested more than {MAX_DEPTH} deep"


@dataclass(slots=True)
class ImportedSession:
    """One session of a file.

    Parameters
    ----------
    name : str
        The file's name without suffix; with ``/`` and the session's own name where a file holds
        many.
    trace : Trace
        Header and events.
    report : ImportReport
        What was left out, and why.
    """

    name: str
    trace: t.Trace
    report: ImportReport


class Recorder:
    """Collects the events of one session.

    Parameters
    ----------
    source : Source
        The file.
    format_name : str
        The importer's `NAME`.
    shape : {"openai", "anthropic"}
        The message format of the recording harness.
    part : str, optional
        The session's own name in a file that holds many.
    """

    def __init__(
        self, source: Source, format_name: str, shape: t.Shape, part: str | None = None
    ) -> None:
        self.report = ImportReport()
        self.events: list[t.Event] = []
        self.session = part if part is not None else source.stem
        self.name = source.stem if part is None else f"{source.stem}/{part}"
        self._origin = t.TraceSource(format_name, source.path.name)
        self._shape = shape
        self._line = 0
        self._calls = _CallIds()
        self._prompt_tokens: int | None = None

    def accept(self, record: Record) -> Any:
        """Count a record and its repairs; return its JSON object, or None when there is none."""
        self._line = record.line
        self.report.lines += 1
        for reason in record.mended:
            self.mend(reason)
        if record.damage is not None:
            self.damage(record.damage)
        elif not isinstance(record.value, dict):
            self.damage("not a JSON object")
        else:
            return record.value
        return None

    def ignore(self, reason: str) -> None:
        """Count something that is not part of the prompt."""
        self.report.ignored.setdefault(reason, Tally()).add(self._line)

    def damage(self, reason: str) -> None:
        """Count something that had to be left out."""
        self.report.damaged.setdefault(reason, Tally()).add(self._line)

    def mend(self, reason: str) -> None:
        """Count something that was kept after a repair."""
        self.report.mended.setdefault(reason, Tally()).add(self._line)

    def prompt_tokens(self, count: int | None) -> None:
        """Note the recorded prompt size of the reply whose first event comes next."""
        self._prompt_tokens = count or None  # 0 stands for not recorded

    def message(
        self,
        role: t.Role,
        text: str,
        *,
        origin: t.Origin | None = None,
        reply: str | None = None,
        opaque: Iterable[Any] = (),
        at: str | None = None,
    ) -> None:
        """Add a message; one with neither text nor blocks is counted as ignored."""
        blocks = self._shallow(opaque)
        if not text.strip() and not blocks:
            self.ignore(f"{role} message without content")
            return
        event = t.Message(role=role, text=text, origin=origin, reply=reply, opaque=blocks, at=at)
        if role == "assistant":
            event.prompt_tokens = self._take_prompt_tokens()
        else:
            self._calls.input_seen()
        self.events.append(event)

    def thinking(self, text: str, *, reply: str | None = None, at: str | None = None) -> None:
        """Add reasoning; its text is often not recorded."""
        tokens = self._take_prompt_tokens()
        self.events.append(t.Thinking(text=text, reply=reply, prompt_tokens=tokens, at=at))

    def call(
        self,
        raw_id: object,
        name: object,
        arguments: object,
        *,
        reply: str | None = None,
        at: str | None = None,
    ) -> str | None:
        """Add a tool call. Arguments that are the text of a JSON object are decoded.

        Returns
        -------
        str or None
            The id that the call got, which names it to `result` and `clear` whatever the recorded
            one is; None if it had to be left out.
        """
        if not isinstance(name, str) or not name:
            self.damage("tool call without a name")
            return None
        parsed = self._arguments(arguments)
        if parsed is None:
            self.damage(_DEEP_ARGUMENTS)
            return None
        call_id, reason = self._calls.open(raw_id)
        if reason is not None:
            self.mend(reason)
        self.events.append(
            t.Call(
                id=call_id,
                name=name,
                arguments=parsed,
                reply=reply,
                prompt_tokens=self._take_prompt_tokens(),
                at=at,
            )
        )
        return call_id

    def result(
        self,
        raw_id: object,
        text: str,
        *,
        is_error: bool = False,
        header: int = 0,
        opaque: Iterable[Any] = (),
        at: str | None = None,
    ) -> None:
        """Add the result of an earlier call; one without a call, or a second one, is damage."""
        call_id = self._calls.close(raw_id)
        if call_id is None:
            again = self._calls.latest(raw_id) is not None
            self.damage("second result of a call" if again else "result without a call")
            return
        blocks = self._shallow(opaque)
        self.events.append(
            t.Result(
                call_id=call_id, text=text, is_error=is_error, header=header, opaque=blocks, at=at
            )
        )

    def clear(self, raw_ids: Iterable[object], *, at: str | None = None) -> None:
        """Add the clearing of results that left the prompt."""
        known = [call_id for raw in raw_ids if (call_id := self._calls.latest(raw)) is not None]
        if known:
            self.events.append(t.Clear(call_ids=tuple(known), at=at))
        else:
            self.ignore("clearing of no known result")

    def add(self, event: t.Compaction | t.Reset | t.Abort | t.Resume) -> None:
        """Add a lifecycle event."""
        self.events.append(event)

    def history(self, start: int, end: int | None = None) -> tuple[int, ...]:
        """Return the places of the messages, calls and results from event `start` to before `end`.

        Parameters
        ----------
        start, end : int
            Places of events, from 0. Default for `end`: up to now.
        """
        return tuple(
            place
            for place in range(start, len(self.events) if end is None else end)
            if isinstance(self.events[place], (t.Message, t.Call, t.Result))
        )

    def finish(self) -> ImportedSession:
        """Return the session."""
        self.report.events = len(self.events)
        header = t.Header(session=self.session, source=self._origin, shape=self._shape)
        return ImportedSession(self.name, t.Trace(header, self.events), self.report)

    def _take_prompt_tokens(self) -> int | None:
        count, self._prompt_tokens = self._prompt_tokens, None
        return count

    def _shallow(self, opaque: Iterable[Any]) -> tuple[dict[str, Any], ...]:
        kept = []
        for block in opaque:
            if not isinstance(block, dict):
                self.damage("a content block that is not an object")
            elif not depth_within(block):
                self.damage(_DEEP_BLOCK)
            else:
                kept.append(block)
        return tuple(kept)

    def _arguments(self, arguments: object) -> dict[str, Any] | str | None:
        """Return arguments as an object where they are one; None if they are nested too deeply."""
        if arguments is None:
            return {}
        if isinstance(arguments, str):
            return self._decoded(arguments)
        if not isinstance(arguments, dict):
            self.mend("call arguments that are not an object, wrapped in one")
            arguments = {"arguments": arguments}
        return arguments if depth_within(arguments) else None

    def _decoded(self, text: str) -> dict[str, Any] | str:
        if not text.lstrip().startswith("{"):
            return text if text.strip() else {}
        try:
            value, mended = decode_json(text.encode("utf-8"))
        except DamageError:
            return text
        if not depth_within(value):
            return text
        for reason in mended:
            self.mend(reason)
        return value if isinstance(value, dict) else text


class _CallIds:
    """Unique ids for calls, and which call a result belongs to.

    Recorded ids may be missing, scrubbed or reused. A result goes to the oldest unanswered call
    with its recorded id; when a later reply uses an id again, its older unanswered calls count as
    interrupted.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._latest: dict[str, str] = {}
        self._open: dict[str, deque[str]] = {}
        self._batch_of: dict[str, int] = {}
        self._batch = 0
        self._count = 0

    def input_seen(self) -> None:
        """Note that the model was given something: calls from here on are of another reply."""
        self._batch += 1

    def open(self, raw_id: object) -> tuple[str, str | None]:
        """Return the unique id of a new call, and why it is not the recorded one."""
        key = _key(raw_id)
        self._count += 1
        reason = self._objection(key)
        call_id = key if reason is None else self._fresh()
        self._taken.add(call_id)
        if self._batch_of.get(key) != self._batch:
            self._open[key] = deque()
            self._batch_of[key] = self._batch
        self._open[key].append(call_id)
        self._latest[key] = call_id
        if call_id != key:
            self._open[call_id] = deque([call_id])
            self._latest[call_id] = call_id
        return call_id, reason

    def close(self, raw_id: object) -> str | None:
        """Return the call that a result answers, or None."""
        waiting = self._open.get(_key(raw_id))
        return waiting.popleft() if waiting else None

    def latest(self, raw_id: object) -> str | None:
        """Return the last call with this recorded id, or None; scrubbed ids name no call."""
        key = _key(raw_id)
        return None if _REDACTED in key else self._latest.get(key)

    def _objection(self, key: str) -> str | None:
        if not key:
            return "call without an id, numbered"
        if _REDACTED in key:
            return "scrubbed call id, numbered"
        return "call id used before, numbered" if key in self._taken else None

    def _fresh(self) -> str:
        call_id = f"call-{self._count}"
        while call_id in self._taken:
            call_id += "-x"
        return call_id


def _key(raw_id: object) -> str:
    return raw_id if isinstance(raw_id, str) else ""
