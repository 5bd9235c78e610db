"""OpenCode exports: one JSON object with all messages, each call and its result in one part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import known_id, object_in, text_in, token_count
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
        session = text_in(record.value["info"], "id") or str(place)
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
        self._starts: dict[str | None, int] = {}  # message id -> its first event
        self._pruned: list[tuple[int, str]] = []  # when an output left the prompt, of which call
        self._compaction: Part | None = None  # what asked for the summary that comes next
        self._last_size: int | None = None
        self._at: str | None = None
        self._undone: str | None = None  # the first message that the user took back
        self._undoing = False

    def read(self, export: Record) -> None:
        """Add the messages of an export; what the user undid at its end is left out."""
        self._undone = known_id(object_in(export.value["info"], "revert").get("messageID"))
        for place, message in enumerate(export.value["messages"], 1):
            self.add_record(Record(place, message, export.mended if place == 1 else ()))

    def add_record(self, record: Record) -> None:
        """Add one message, or count why it holds nothing for the prompt."""
        message = self.recorder.accept(record)
        if message is None:
            return
        info, parts = message.get("info"), message.get("parts")
        if not isinstance(info, dict) or not isinstance(parts, list):
            self.recorder.damage("message without info or parts")
        elif self._is_undone(info):
            self.recorder.ignore("message that the user undid")
        else:
            self._add_message(info, [part for part in parts if self._is_part(part)])

    def _is_undone(self, info: Part) -> bool:
        """Return whether a message is the one that the user went back to, or comes after it."""
        self._undoing = self._undoing or (
            self._undone is not None and known_id(info.get("id")) == self._undone
        )
        return self._undoing

    def finish(self) -> ImportedSession:
        """Return the session."""
        self._tell_pruned(math.inf)
        return self.recorder.finish()

    def _is_part(self, part: Any) -> bool:
        if isinstance(part, dict):
            return True
        self.recorder.damage("a part that is not an object")
        return False

    def _add_message(self, info: Part, parts: list[Part]) -> None:
        created = object_in(info, "time").get("created")
        self._at = str(created) if isinstance(created, int) else None
        if isinstance(created, int):
            self._tell_pruned(created)
        self._starts[known_id(info.get("id"))] = len(self.recorder.events)
        role = info.get("role")
        if role == "user":
            self._add_user(parts)
        elif role == "assistant":
            self._add_assistant(info, parts)
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _tell_pruned(self, now: float) -> None:
        """Add the clearing of what left the prompt up to now."""
        due = [entry for entry in self._pruned if entry[0] <= now]
        if due:
            self._pruned = [entry for entry in self._pruned if entry[0] > now]
            last = max(when for when, _ in due)
            self.recorder.clear([call for _, call in due], at=str(last))

    def _add_user(self, parts: list[Part]) -> None:
        typed: list[str] = []
        made: list[str] = []
        media: list[Part] = []
        for part in parts:
            kind = part.get("type")
            if kind == "text" and part.get("ignored") is not True:
                (made if part.get("synthetic") is True else typed).append(text_in(part, "text"))
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
        error = object_in(info, "error").get("name")
        is_summary = info.get("summary") is True
        if error is not None and (error != _ABORTED or is_summary):
            # OpenCode itself leaves it out of the prompts that follow.
            self.recorder.ignore("reply that failed")
        elif is_summary:
            self._add_summary(parts)
        else:
            self._add_reply(info, parts)
        if error == _ABORTED:
            self.recorder.add(t.Abort(at=self._at))

    def _add_summary(self, parts: list[Part]) -> None:
        asked, self._compaction = self._compaction or {}, None
        texts = [text_in(part, "text") for part in parts if part.get("type") == "text"]
        tail = known_id(asked.get("tail_start_id"))
        start = len(self.recorder.events) if tail is None else self._starts.get(tail)
        self.recorder.add(
            t.Compaction(
                trigger=_trigger(asked.get("auto")),
                summary="\n".join(texts) or None,
                tokens_before=self._last_size,
                kept=None if start is None else self.recorder.history(start),
                at=self._at,
            )
        )

    def _add_reply(self, info: Part, parts: list[Part]) -> None:
        """Add a reply, or the several that older versions wrote into one message, step by step."""
        name = known_id(info.get("id"))
        steps = list(_steps(parts))
        for number, step in enumerate(steps):
            sizes = [_prompt_size(part) for part in step if part.get("type") == "step-finish"]
            size = sizes[0] if sizes else _prompt_size(info) if len(steps) == 1 else None
            self._last_size = size or self._last_size
            self.recorder.prompt_tokens(size)
            self._add_step(step, f"{name}.{number}" if name and number else name)

    def _add_step(self, parts: list[Part], reply: str | None) -> None:
        called: list[tuple[str, Part]] = []
        for part in parts:
            kind = part.get("type")
            if kind == "text":
                text = text_in(part, "text")
                self.recorder.message("assistant", text, reply=reply, at=self._at)
            elif kind == "reasoning":
                self.recorder.thinking(text_in(part, "text"), reply=reply, at=self._at)
            elif kind == "tool":
                state = object_in(part, "state")
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
        details = object_in(state, "metadata")
        if status == "completed":
            text, is_error = text_in(state, "output"), False
        elif (
            status == "error" and details.get("interrupted") is True and text_in(details, "output")
        ):
            text, is_error = text_in(details, "output"), False
        elif status == "error":
            text, is_error = text_in(state, "error"), True
        else:
            return
        self.recorder.result(call, text, is_error=is_error, opaque=_attachments(state), at=self._at)
        when = object_in(state, "time").get("compacted")
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
    tokens = object_in(holder, "tokens")
    cache = object_in(tokens, "cache")
    counts = (tokens.get("input"), cache.get("read"), cache.get("write"))
    return sum(token_count(count) or 0 for count in counts) or None


def _trigger(auto: Any) -> t.Trigger | None:
    if auto is True:
        return "auto"
    return "manual" if auto is False else None
