"""OpenCode exports: one JSON object with all messages, each call and its result in one part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import token_count
from clawvm.replay.importers.media import media_block
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Record, Source

__all__ = ["NAME", "read", "sniff"]

NAME = "opencode"

_ABORTED = "MessageAbortedError"
# What OpenCode says to the model where the user started a sub-agent; its result follows as a call.
_SUBTASK = "The following tool was executed by the user"

Part = dict[str, Any]


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is an export."""
    return any(map(_is_export, values))


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file: usually one; a file with an export a line holds several."""
    several = len(source.head()) > 1
    reader: _Reader | None = None
    stray: list[Record] = []
    for place, record in enumerate(source.records()):
        if not _is_export(record.value):
            stray.append(record)
            continue
        if reader is not None:
            yield reader.finish()
        session = _text(record.value["info"], "id") or str(place)
        reader = _Reader(Recorder(source, NAME, "anthropic", session if several else None))
        reader.recorder.session = session
        for damaged in stray:
            reader.add_record(damaged)
        stray.clear()
        reader.read(record)
    if reader is not None:
        for damaged in stray:
            reader.add_record(damaged)
        yield reader.finish()


def _is_export(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("info"), dict):
        return False
    messages = value.get("messages")
    if not isinstance(messages, list):
        return False
    return str(value["info"].get("id")).startswith("ses_") or any(
        isinstance(message, dict) and {"info", "parts"} <= message.keys() for message in messages
    )


class _Reader:
    """What has to be remembered from message to message."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._starts: dict[str, int] = {}
        self._pruned: list[tuple[int, str]] = []  # when an output left the prompt, of which call
        self._compaction: Part | None = None  # what asked for the summary that comes next
        self._last_size: int | None = None
        self._at: str | None = None

    def read(self, export: Record) -> None:
        """Add the messages of an export; what the user undid at its end is left out."""
        undone = _object(export.value["info"], "revert").get("messageID")
        reverted = False
        for place, message in enumerate(export.value["messages"], 1):
            record = Record(place, message, export.mended if place == 1 else ())
            reverted = reverted or (
                isinstance(undone, str) and _text(_object(message, "info"), "id") == undone
            )
            self.add_record(record, reverted=reverted)

    def add_record(self, record: Record, *, reverted: bool = False) -> None:
        """Add one message, or count why it holds nothing for the prompt."""
        message = self.recorder.accept(record)
        if message is None:
            return
        info, parts = message.get("info"), message.get("parts")
        if not isinstance(info, dict) or not isinstance(parts, list):
            self.recorder.damage("message without info or parts")
        elif reverted:
            self.recorder.ignore("message that the user undid")
        else:
            self._add_message(info, [part for part in parts if self._is_part(part)])

    def finish(self) -> ImportedSession:
        """Return the session."""
        self._tell_pruned([call for _, call in self._pruned])
        return self.recorder.finish()

    def _is_part(self, part: Any) -> bool:
        if isinstance(part, dict):
            return True
        self.recorder.damage("a part that is not an object")
        return False

    def _add_message(self, info: Part, parts: list[Part]) -> None:
        created = _object(info, "time").get("created")
        self._at = str(created) if isinstance(created, int) else None
        if isinstance(created, int):
            due = [call for when, call in self._pruned if when <= created]
            self._pruned = [entry for entry in self._pruned if entry[0] > created]
            self._tell_pruned(due)
        self._starts[_text(info, "id")] = len(self.recorder.events)
        role = info.get("role")
        if role == "user":
            self._add_user(parts)
        elif role == "assistant":
            self._add_assistant(info, parts)
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _tell_pruned(self, calls: list[str]) -> None:
        if calls:
            self.recorder.clear(calls, at=self._at)

    def _add_user(self, parts: list[Part]) -> None:
        typed: list[str] = []
        made: list[str] = []
        media: list[Part] = []
        for part in parts:
            kind = part.get("type")
            if kind == "text" and part.get("ignored") is not True:
                (made if part.get("synthetic") is True else typed).append(_text(part, "text"))
            elif kind == "subtask":
                made.append(_SUBTASK)
            elif kind == "file" and (block := media_block(part.get("mime"), part.get("url"))):
                media.append(block)
            elif kind == "compaction":
                self._compaction = part
                self.recorder.ignore("request for a summary")
            else:
                self.recorder.ignore(f"{str(kind)[:40]} part")
        if typed or media:
            self.recorder.message("user", "\n".join(typed), opaque=media, at=self._at)
        if made:
            self.recorder.message("user", "\n".join(made), origin="attachment", at=self._at)

    def _add_assistant(self, info: Part, parts: list[Part]) -> None:
        error = _object(info, "error").get("name")
        if error is not None and error != _ABORTED:
            # OpenCode itself leaves it out of the prompts that follow.
            self.recorder.ignore("reply that failed")
        elif info.get("summary") is True:
            self._add_summary(parts)
        else:
            self._add_reply(info, parts)
        if error == _ABORTED:
            self.recorder.add(t.Abort(at=self._at))

    def _add_summary(self, parts: list[Part]) -> None:
        asked, self._compaction = self._compaction or {}, None
        texts = [_text(part, "text") for part in parts if part.get("type") == "text"]
        tail = self._starts.get(_text(asked, "tail_start_id"), len(self.recorder.events))
        self.recorder.add(
            t.Compaction(
                trigger=_trigger(asked.get("auto")),
                summary="\n".join(texts) or None,
                tokens_before=self._last_size,
                kept=self.recorder.history(tail),
                at=self._at,
            )
        )

    def _add_reply(self, info: Part, parts: list[Part]) -> None:
        """Add a reply, or the several that older versions wrote into one message, step by step."""
        name = _text(info, "id")
        steps = list(_steps(parts))
        for number, step in enumerate(steps):
            sizes = [_prompt_size(part) for part in step if part.get("type") == "step-finish"]
            size = sizes[0] if sizes else _prompt_size(info) if len(steps) == 1 else None
            self._last_size = size or self._last_size
            self.recorder.prompt_tokens(size)
            reply = f"{name}.{number}" if number else name
            self._add_step(step, reply if name and "REDACTED" not in name else None)

    def _add_step(self, parts: list[Part], reply: str | None) -> None:
        called: list[tuple[str, Part]] = []
        for part in parts:
            kind = part.get("type")
            if kind == "text":
                text = _text(part, "text")
                self.recorder.message("assistant", text, reply=reply, at=self._at)
            elif kind == "reasoning":
                self.recorder.thinking(_text(part, "text"), reply=reply, at=self._at)
            elif kind == "tool":
                state = _object(part, "state")
                call = self.recorder.call(
                    part.get("callID"),
                    part.get("tool"),
                    state.get("input"),
                    reply=reply,
                    at=self._at,
                )
                if call is not None:
                    called.append((call, state))
            else:
                self.recorder.ignore(f"{str(kind)[:40]} part")
        for call, state in called:
            self._add_result(call, state)

    def _add_result(self, call: str, state: Part) -> None:
        """Add the outcome of a call; one that is pending or running was interrupted."""
        status = state.get("status")
        details = _object(state, "metadata")
        if status == "completed":
            text, is_error = _text(state, "output"), False
        elif status == "error" and details.get("interrupted") is True and _text(details, "output"):
            text, is_error = _text(details, "output"), False
        elif status == "error":
            text, is_error = _text(state, "error"), True
        else:
            return
        self.recorder.result(call, text, is_error=is_error, opaque=_attachments(state), at=self._at)
        when = _object(state, "time").get("compacted")
        if isinstance(when, int):
            self._pruned.append((when, call))


def _steps(parts: list[Part]) -> Iterator[list[Part]]:
    """Split parts into model requests."""
    step: list[Part] = []
    for part in parts:
        if part.get("type") == "step-start" and step:
            yield step
            step = []
        step.append(part)
    yield step


def _attachments(state: Part) -> list[Part]:
    attached = state.get("attachments")
    files = attached if isinstance(attached, list) else []
    blocks = (media_block(f.get("mime"), f.get("url")) for f in files if isinstance(f, dict))
    return [block for block in blocks if block is not None]


def _prompt_size(holder: Part) -> int | None:
    """Return the prompt size under ``"tokens"``: what was new, and what came from the cache."""
    tokens = _object(holder, "tokens")
    cache = _object(tokens, "cache")
    counts = (tokens.get("input"), cache.get("read"), cache.get("write"))
    return sum(token_count(count) or 0 for count in counts) or None


def _trigger(auto: Any) -> t.Trigger | None:
    if auto is True:
        return "auto"
    return "manual" if auto is False else None


def _object(holder: Any, key: str) -> dict[str, Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _text(holder: Part, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""
