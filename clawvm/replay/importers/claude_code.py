"""Claude Code session files: one JSON object a line, one line a block of a model reply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.blocks import leaves_of
from clawvm.replay.importers.anthropic_messages import add_assistant, add_user
from clawvm.replay.importers.jsonvalue import token_count
from clawvm.replay.importers.message_lists import split_content
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "claude-code"

_LINES = ("user", "assistant", "system", "attachment", "progress")
_RECORDS = ("summary", "file-history-snapshot", "queue-operation", "last-prompt")
_CLEAR_COMMAND = "<command-name>/clear</command-name>"
_INTERRUPTED = "[Request interrupted by user"
_USAGE = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_SILENT_ATTACHMENTS = (
    "already_read_image",
    "command_permissions",
    "edited_image_file",
    "hook_cancelled",
    "hook_error_during_execution",
    "hook_non_blocking_error",
    "hook_permission_decision",
    "hook_system_message",
    "structured_output",
)


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a line that Claude Code writes."""
    return any(
        isinstance(value, dict)
        and (
            (value.get("type") in _LINES and "uuid" in value and "sessionId" in value)
            or (
                value.get("type") in _RECORDS
                and {"leafUuid", "messageId", "sessionId"} & value.keys()
            )
        )
        for value in values
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the one session of a file."""
    reader = _Reader(Recorder(source, NAME, "anthropic"))
    for record in source.records():
        if (line := reader.recorder.accept(record)) is not None:
            reader.add(line)
    yield reader.recorder.finish()


class _Reader:
    """What has to be remembered from line to line."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._session: str | None = None
        self._lines: dict[str, tuple[int, int]] = {}  # uuid -> its events, from and to before
        self._replies: set[str] = set()
        self._compaction: t.Compaction | None = None

    def add(self, line: dict[str, Any]) -> None:
        """Add what one line holds, or count why it holds nothing for the prompt."""
        kind = line.get("type")
        start = len(self.recorder.events)
        if self._session is None and isinstance(session := line.get("sessionId"), str):
            self._session = self.recorder.session = session
        if line.get("isSidechain") is True:
            self.recorder.ignore("line of a sub-agent")
        elif self._is_double(line):
            self.recorder.damage("line written twice (same uuid)")
        elif kind == "user":
            self._add_user(line)
        elif kind == "assistant":
            self._add_assistant(line)
        elif kind == "system":
            self._add_system(line)
        elif kind == "attachment":
            self._add_attachment(line)
        elif kind == "progress":
            self._add_progress(line)
        else:
            self.recorder.ignore(f"{str(kind)[:40]} record")
        if uuid := _uuid(line.get("uuid")):
            self._lines.setdefault(uuid, (start, len(self.recorder.events)))

    def _is_double(self, line: dict[str, Any]) -> bool:
        return _uuid(line.get("uuid")) in self._lines

    def _add_user(self, line: dict[str, Any]) -> None:
        content = _message(line).get("content")
        text, _ = split_content(content)
        if line.get("isCompactSummary") is True:
            self._add_summary(text, _time(line))
            return
        if line.get("isVisibleInTranscriptOnly") is True:
            self.recorder.ignore("line shown in the transcript only")
            return
        if text.lstrip().startswith("<command-") and _CLEAR_COMMAND in text:
            self.recorder.add(t.Reset(at=_time(line)))
        if text.lstrip().startswith(_INTERRUPTED):
            self.recorder.add(t.Abort(at=_time(line)))
        add_user(self.recorder, content, is_meta=line.get("isMeta") is True, at=_time(line))

    def _add_summary(self, text: str, at: str | None) -> None:
        if self._compaction is None:
            self.recorder.add(t.Compaction(summary=text, at=at))
        else:
            self._compaction.summary = text
            self._compaction = None

    def _add_assistant(self, line: dict[str, Any]) -> None:
        if line.get("isApiErrorMessage") is True:
            self.recorder.ignore("API error shown to the user")
            return
        message = _message(line)
        reply = message.get("id")
        reply = reply if isinstance(reply, str) and "REDACTED" not in reply else None
        if reply is None or reply not in self._replies:
            self.recorder.prompt_tokens(_prompt_size(message.get("usage")))
        if reply is not None:
            self._replies.add(reply)
        add_assistant(self.recorder, message, reply, _time(line))

    def _add_system(self, line: dict[str, Any]) -> None:
        subtype = line.get("subtype")
        if subtype == "compact_boundary":
            details = _object(line, "compactMetadata")
            self._compaction = t.Compaction(
                trigger=_trigger(details),
                tokens_before=token_count(details.get("preTokens")),
                kept=self._kept(details),
                at=_time(line),
            )
            self.recorder.add(self._compaction)
        elif subtype == "microcompact_boundary":
            ids = _object(line, "microcompactMetadata").get("compactedToolIds")
            self.recorder.clear(ids if isinstance(ids, list) else [], at=_time(line))
        else:
            self.recorder.ignore(f"system record {str(subtype)[:40]}")

    def _kept(self, details: dict[str, Any]) -> tuple[int, ...]:
        """Return the places of what newer versions keep beside the summary."""
        segment = _object(details, "preservedSegment")
        head, tail = (self._lines.get(_uuid(segment.get(key))) for key in ("headUuid", "tailUuid"))
        uuids = _object(details, "preservedMessages").get("uuids")
        if isinstance(uuids, list):
            ranges = [self._lines.get(_uuid(uuid), (0, 0)) for uuid in uuids]
        else:
            ranges = [(head[0], tail[1])] if head and tail else []
        places = {place for start, end in ranges for place in self.recorder.history(start, end)}
        return tuple(sorted(places))

    def _add_attachment(self, line: dict[str, Any]) -> None:
        attachment = _object(line, "attachment")
        kind = attachment.get("type")
        if kind in _SILENT_ATTACHMENTS:
            self.recorder.ignore(f"attachment {kind}, not shown to the model")
        elif kind == "queued_command":
            text, others = split_content(attachment.get("prompt"))
            self.recorder.message("user", text, opaque=others, at=_time(line))
        else:
            leaves = (leaf for key, leaf in leaves_of(attachment) if key != "type")
            text = "\n".join(leaf for leaf in leaves if isinstance(leaf, str))
            self.recorder.message("user", text, origin="attachment", at=_time(line))

    def _add_progress(self, line: dict[str, Any]) -> None:
        if _object(line, "data").get("hookName") != "SessionStart:resume":
            self.recorder.ignore("progress record")
        elif not (self.recorder.events and isinstance(self.recorder.events[-1], t.Resume)):
            self.recorder.add(t.Resume(at=_time(line)))


def _object(line: dict[str, Any], key: str) -> dict[str, Any]:
    value = line.get(key)
    return value if isinstance(value, dict) else {}


def _uuid(uuid: Any) -> str:
    """Return a line's id; empty for one that is missing or was scrubbed."""
    return uuid if isinstance(uuid, str) and "REDACTED" not in uuid else ""


def _message(line: dict[str, Any]) -> dict[str, Any]:
    return _object(line, "message")


def _time(line: dict[str, Any]) -> str | None:
    at = line.get("timestamp")
    return at if isinstance(at, str) else None


def _trigger(details: dict[str, Any]) -> t.Trigger | None:
    trigger = details.get("trigger")
    if trigger == "auto":
        return "auto"
    return "manual" if trigger == "manual" else None


def _prompt_size(usage: Any) -> int | None:
    if not isinstance(usage, dict):
        return None
    return sum(token_count(usage.get(key)) or 0 for key in _USAGE)
