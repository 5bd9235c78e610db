"""GitHub Copilot CLI event logs: lines of ``{"type", "data", "id", "parentId", "timestamp"}``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import token_count
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "copilot-cli"

_TYPES = ("session.", "user.", "assistant.", "system.", "tool.", "hook.")

Data = dict[str, Any]


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is an event that Copilot CLI writes."""
    return any(
        isinstance(value, dict)
        and isinstance(value.get("data"), dict)
        and str(value.get("type")).startswith(_TYPES)
        for value in values
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the one session of a file."""
    reader = _Reader(Recorder(source, NAME, "openai"))
    for record in source.records():
        if (line := reader.recorder.accept(record)) is not None:
            reader.add(line)
    yield reader.recorder.finish()


class _Reader:
    """What has to be remembered from line to line."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._at: str | None = None
        self._has_system = False
        self._run_by_user: set[str] = set()
        self._compacting: int | None = None  # the first event that the coming summary will not tell
        self._add = {
            "session.start": self._add_start,
            "session.resume": self._add_resume,
            "session.context_cleared": self._add_reset,
            "session.compaction_start": self._start_compaction,
            "session.compaction_complete": self._add_compaction,
            "session.truncation": self._add_truncation,
            "system.message": self._add_system,
            "system.notification": self._add_notification,
            "user.message": self._add_user,
            "assistant.message": self._add_reply,
            "tool.user_requested": self._note_user_call,
            "tool.execution_complete": self._add_result,
            "abort": self._add_abort,
        }

    def add(self, line: dict[str, Any]) -> None:
        """Add what one line holds, or count why it holds nothing for the prompt."""
        kind, data = line.get("type"), line.get("data")
        self._at = _text(line, "timestamp") or None
        add = self._add.get(kind) if isinstance(kind, str) else None
        if not isinstance(data, dict):
            self.recorder.damage("line without data")
        elif isinstance(line.get("agentId"), str) or isinstance(data.get("parentToolCallId"), str):
            self.recorder.ignore("event of a sub-agent")
        elif add is None:
            self.recorder.ignore(f"{str(kind)[:40]} event")
        else:
            add(data)

    # The life of the session

    def _add_start(self, data: Data) -> None:
        self.recorder.session = _text(data, "sessionId") or self.recorder.session

    def _add_resume(self, _: Data) -> None:
        self.recorder.add(t.Resume(at=self._at))

    def _add_reset(self, _: Data) -> None:
        self.recorder.add(t.Reset(at=self._at))

    def _add_abort(self, _: Data) -> None:
        self.recorder.add(t.Abort(at=self._at))

    def _start_compaction(self, _: Data) -> None:
        self._compacting = len(self.recorder.events)

    def _add_compaction(self, data: Data) -> None:
        """Add a compaction. It ran beside the session: what came since its start has stayed."""
        start, self._compacting = self._compacting, None
        if data.get("success") is not True:
            self.recorder.ignore("compaction that failed")
            return
        self.recorder.add(
            t.Compaction(
                trigger=_trigger(data),
                summary=_text(data, "summaryContent") or None,
                tokens_before=token_count(data.get("preCompactionTokens")),
                kept=None if start is None else self.recorder.history(start),
                at=self._at,
            )
        )

    def _add_truncation(self, data: Data) -> None:
        """Add the dropping of the oldest messages: a compaction without a summary."""
        tokens = token_count(data.get("preTruncationTokensInMessages"))
        self.recorder.add(t.Compaction(trigger="auto", tokens_before=tokens, at=self._at))

    # Messages

    def _add_system(self, data: Data) -> None:
        if self._has_system:
            self.recorder.ignore("system message written again")
            return
        self._has_system = True
        role: t.Role = "developer" if data.get("role") == "developer" else "system"
        self.recorder.message(role, _text(data, "content"), at=self._at)

    def _add_notification(self, data: Data) -> None:
        text = _text(data, "content")
        self.recorder.message("user", text, origin="attachment", at=self._at)

    def _add_user(self, data: Data) -> None:
        text = _text(data, "transformedContent") or _text(data, "content")
        made = (
            _text(data, "source") not in ("", "user") or data.get("isAutopilotContinuation") is True
        )
        self.recorder.message("user", text, origin="attachment" if made else None, at=self._at)

    def _add_reply(self, data: Data) -> None:
        reply = _id(data, "apiCallId") or _id(data, "messageId")
        if thought := _text(data, "reasoningText"):
            self.recorder.thinking(thought, reply=reply, at=self._at)
        requests = data.get("toolRequests")
        calls = requests if isinstance(requests, list) else []
        text = _text(data, "content")
        if text or not calls:
            self.recorder.message("assistant", text, reply=reply, at=self._at)
        for call in calls:
            call = call if isinstance(call, dict) else {}
            self.recorder.call(
                call.get("toolCallId"),
                call.get("name"),
                call.get("arguments"),
                reply=reply,
                at=self._at,
            )

    # Results

    def _note_user_call(self, data: Data) -> None:
        self._run_by_user.add(_text(data, "toolCallId"))
        self.recorder.ignore("tool that the user ran")

    def _add_result(self, data: Data) -> None:
        call = data.get("toolCallId")
        if isinstance(call, str) and call in self._run_by_user:
            self.recorder.ignore("result of a tool that the user ran")
            return
        failed = data.get("success") is False
        text = _text(_object(data, "error"), "message") if failed else ""
        text = text or _text(_object(data, "result"), "content")
        self.recorder.result(call, text, is_error=failed, at=self._at)


def _trigger(data: Data) -> t.Trigger | None:
    trigger = data.get("trigger")
    if trigger == "manual" or isinstance(data.get("customInstructions"), str):
        return "manual"
    return "auto" if trigger == "auto" else None


def _id(data: Data, key: str) -> str | None:
    name = _text(data, key)
    return name if name and "REDACTED" not in name else None


def _object(holder: Data, key: str) -> Data:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(holder: Data, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
