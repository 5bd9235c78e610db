"""Pi session files, which OpenClaw writes as well: a tree of entries, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import token_count
from clawvm.replay.importers.media import media_block
from clawvm.replay.importers.message_lists import blocks_of_content, split_content
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Record, Source

__all__ = ["NAME", "read", "sniff"]

NAME = "pi"

_ROLES = ("user", "assistant", "toolResult", "bashExecution", "custom", "hookMessage")
_USAGE = ("input", "cacheRead", "cacheWrite")
_ROOT = -1

Entry = dict[str, Any]


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a session header or a message entry of Pi."""
    return any(
        isinstance(value, dict)
        and (
            (value.get("type") == "session" and {"id", "cwd"} <= value.keys())
            or (value.get("type") == "message" and _object(value, "message").get("role") in _ROLES)
        )
        for value in values
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the one session of a file: its active branch, which ends at the last entry."""
    reader = _Reader(Recorder(source, NAME, "anthropic"))
    records = list(source.records())
    branch = _active_branch(records)
    for line, record in enumerate(records):
        entry = reader.recorder.accept(record)
        if entry is None:
            continue
        if line in branch:
            reader.add(line, entry)
        else:
            reader.recorder.ignore("entry of a branch that was left")
    yield reader.recorder.finish()


def _active_branch(records: list[Record]) -> set[int]:
    """Return the places of the entries from the root to the last one, and of the header.

    The parent of an entry is the line before it where none is recorded (version 1), or where the
    recorded one is missing or does not come before it.
    """
    places: dict[str, int] = {}
    parents: list[int] = []
    last = before = _ROOT
    for place, record in enumerate(records):
        entry = record.value if isinstance(record.value, dict) else {}
        parent = before
        if "parentId" in entry:
            name = entry["parentId"]
            parent = _ROOT if name is None else places.get(_key(name), before)
        parents.append(parent)
        if not entry:
            continue
        last = before = place
        if key := _key(entry.get("id")):
            places[key] = place
    branch = {place for place, record in enumerate(records) if _is_header(record.value)}
    while last != _ROOT:
        branch.add(last)
        last = parents[last]
    return branch


def _is_header(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "session"


class _Reader:
    """What has to be remembered from entry to entry."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._starts: dict[str | int, int] = {}  # entry id or line -> its first event
        self._at: str | None = None

    def add(self, line: int, entry: Entry) -> None:
        """Add what one entry holds, or count why it holds nothing for the prompt."""
        self._at = _text(entry, "timestamp") or None
        start = len(self.recorder.events)
        self._starts[line] = start
        if key := _key(entry.get("id")):
            self._starts[key] = start
        kind = entry.get("type")
        if kind == "message":
            self._add_message(_object(entry, "message"), _key(entry.get("id")) or f"line-{line}")
        elif kind == "compaction":
            self._add_compaction(entry)
        elif kind == "custom_message":
            self._add_user(entry.get("content"), origin="attachment")
        elif kind == "branch_summary":
            self._add_branch_summary(entry)
        elif kind == "session" and not self.recorder.events:
            self.recorder.session = _text(entry, "id") or self.recorder.session
        else:
            self.recorder.ignore(f"{str(kind)[:40]} entry")

    def _add_message(self, message: Entry, reply: str) -> None:
        role = message.get("role")
        if role == "user":
            self._add_user(message.get("content"))
        elif role == "assistant":
            self._add_assistant(message, reply)
        elif role == "toolResult":
            text, media = self._split(message.get("content"))
            self.recorder.result(
                message.get("toolCallId"),
                text,
                is_error=message.get("isError") is True,
                opaque=media,
                at=self._at,
            )
        elif role == "bashExecution":
            self._add_shell(message)
        elif role in ("custom", "hookMessage"):
            self._add_user(message.get("content"), origin="attachment")
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _add_user(self, content: Any, origin: t.Origin | None = None) -> None:
        text, media = self._split(content)
        self.recorder.message("user", text, origin=origin, opaque=media, at=self._at)

    def _add_assistant(self, message: Entry, reply: str) -> None:
        self.recorder.prompt_tokens(_prompt_size(_object(message, "usage")))
        for block in blocks_of_content(message.get("content")):
            self._add_block(block if isinstance(block, dict) else {}, reply)
        if message.get("stopReason") == "aborted":
            self.recorder.add(t.Abort(at=self._at))

    def _add_block(self, block: Entry, reply: str) -> None:
        kind = block.get("type")
        if kind == "text":
            self.recorder.message("assistant", _text(block, "text"), reply=reply, at=self._at)
        elif kind == "thinking":
            self.recorder.thinking(_text(block, "thinking"), reply=reply, at=self._at)
        elif kind == "toolCall":
            self.recorder.call(
                block.get("id"), block.get("name"), block.get("arguments"), reply=reply, at=self._at
            )
        else:
            self.recorder.damage(f"unknown block {str(kind)[:40]!r} of a reply")

    def _add_shell(self, message: Entry) -> None:
        """Add a command that the user ran, in the words that Pi has for the model."""
        if message.get("excludeFromContext") is True:
            self.recorder.ignore("command that the user kept from the model")
            return
        output = _text(message, "output")
        text = f"Ran `{_text(message, 'command')}`\n"
        text += f"```\n{output}\n```" if output else "(no output)"
        code = message.get("exitCode")
        if message.get("cancelled") is True:
            text += "\n\n(command cancelled)"
        elif isinstance(code, int) and code:
            text += f"\n\nCommand exited with code {code}"
        self.recorder.message("user", text, origin="attachment", at=self._at)

    def _add_branch_summary(self, entry: Entry) -> None:
        summary = _text(entry, "summary")
        text = "The following is a summary of a branch that this conversation came back from:"
        text = f"{text}\n\n<summary>\n{summary}</summary>" if summary else ""
        self.recorder.message("user", text, origin="attachment", at=self._at)

    def _add_compaction(self, entry: Entry) -> None:
        """Add a compaction: what it kept stands before it, from the first kept entry on."""
        first = _key(entry.get("firstKeptEntryId")) or entry.get("firstKeptEntryIndex")
        start = self._starts.get(first) if isinstance(first, (str, int)) else None
        self.recorder.add(
            t.Compaction(
                summary=_text(entry, "summary") or None,
                tokens_before=token_count(entry.get("tokensBefore")),
                kept=None if start is None else self.recorder.history(start),
                at=self._at,
            )
        )

    def _split(self, content: Any) -> tuple[str, list[Entry]]:
        """Return the text of a content, and its images as Anthropic has them."""
        text, others = split_content(content)
        blocks = [
            media_block(block.get("mimeType"), block.get("data"))
            for block in others
            if isinstance(block, dict) and block.get("type") == "image"
        ]
        media = [block for block in blocks if block is not None]
        for _ in range(len(others) - len(media)):
            self.recorder.damage("a content block that is neither text nor an image")
        return text, media


def _prompt_size(usage: Entry) -> int:
    return sum(token_count(usage.get(key)) or 0 for key in _USAGE)


def _object(holder: Entry, key: str) -> Entry:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _text(holder: Entry, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _key(name: object) -> str:
    """Return an entry's id; empty for one that is missing or was scrubbed."""
    return name if isinstance(name, str) and "REDACTED" not in name else ""
