"""Gemini CLI chats: one JSON document, or lines that add to and correct each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import (
    as_list,
    as_object,
    depth_within,
    object_in,
    token_count,
)
from clawvm.replay.importers.message_lists import blocks_of_content
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Record, Source

__all__ = ["NAME", "read", "sniff"]

NAME = "gemini-cli"

_FILES_FOLLOW = "--- Content from referenced files ---"
_SNAPSHOT = "<state_snapshot>"  # what the CLI puts in place of a history that it compressed


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a chat, or the first line of one."""
    return any(
        isinstance(value, dict)
        and isinstance(value.get("sessionId"), str)
        and isinstance(value.get("projectHash"), str)
        for value in values
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the one session of a file."""
    reader = _Reader(Recorder(source, NAME, "openai"))
    for place, record in enumerate(_messages(source, reader.recorder)):
        if (message := reader.recorder.accept(record)) is not None:
            reader.add(message, f"m{place}")
    yield reader.recorder.finish()


def _messages(source: Source, recorder: Recorder) -> list[Record]:
    """Return the messages as they stood at the end: corrected, without what was rewound.

    In the line form a message is written again, with the same id, whenever it grows. ``$set`` with
    messages is the history as the CLI sends it from then on; what is new in it is taken, and what
    it leaves out stays, since the model did see it.
    """
    kept: dict[object, Record] = {}
    for record in source.records():
        value = as_object(record.value)
        if isinstance(session := value.get("sessionId"), str):
            recorder.session = session
        if isinstance(target := value.get("$rewindTo"), str):
            _rewind(kept, target)
        elif isinstance(value.get("messages"), list):
            for place, message in enumerate(value["messages"], 1):
                mended = record.mended if place == 1 else ()
                kept[record.line, place] = Record(place, message, mended)
        elif isinstance(history := as_object(value.get("$set")).get("messages"), list):
            for place, message in enumerate(history):
                known = _id(message) or (record.line, place)
                kept.setdefault(known, Record(record.line, message))
        elif name := _id(value):
            kept[name] = record
        elif not ("$set" in value or "projectHash" in value):
            kept[record.line] = record
    return list(kept.values())


def _rewind(kept: dict[object, Record], target: str) -> None:
    """Drop the message `target` and all after it."""
    names = list(kept)
    if target in kept:
        for name in names[names.index(target) :]:
            del kept[name]


def _id(message: Any) -> str | None:
    name = as_object(message).get("id")
    return name if isinstance(name, str) else None


def _time(value: dict[str, Any]) -> str | None:
    at = value.get("timestamp")
    return at if isinstance(at, str) else None


class _Reader:
    """What has to be remembered from message to message."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._calls: set[str] = set()
        self._last_size: int | None = None

    def add(self, message: dict[str, Any], reply: str) -> None:
        """Add what one message holds, or count why it holds nothing for the prompt."""
        kind, at = message.get("type"), _time(message)
        if kind == "user":
            self._add_user(message, at)
        elif kind == "gemini":
            self._add_reply(message, reply, at)
        else:
            self.recorder.ignore(f"{str(kind)[:40]} message, for the user only")

    def _add_user(self, message: dict[str, Any], at: str | None) -> None:
        texts, others = _split(message.get("content"))
        if texts and texts[0].lstrip().startswith(_SNAPSHOT):
            summary = "\n".join(texts)
            self.recorder.add(t.Compaction(summary=summary, tokens_before=self._last_size, at=at))
            return
        files = next((i for i, text in enumerate(texts) if text.strip() == _FILES_FOLLOW), None)
        self.recorder.message("user", "\n".join(texts[:files]), opaque=others, at=at)
        if files is not None:
            self.recorder.message("user", "\n".join(texts[files:]), origin="attachment", at=at)

    def _add_reply(self, message: dict[str, Any], reply: str, at: str | None) -> None:
        size = token_count(object_in(message, "tokens").get("input"))
        self._last_size = size or self._last_size
        self.recorder.prompt_tokens(size)
        for thought in map(as_object, as_list(message.get("thoughts"))):
            words = (thought.get("subject"), thought.get("description"))
            text = "\n".join(word for word in words if isinstance(word, str))
            self.recorder.thinking(text, reply=reply, at=at)
        texts, others = _split(message.get("content"))
        calls = as_list(message.get("toolCalls"))
        if texts or others or not calls:
            self.recorder.message("assistant", "\n".join(texts), reply=reply, opaque=others, at=at)
        for place, call in enumerate(calls):
            self._add_call(call, reply, f"{reply}-{place}")

    def _add_call(self, call: Any, reply: str, name: str) -> None:
        """Add a call and its result, which are one record and need no id to find each other."""
        if not isinstance(call, dict):
            self.recorder.damage("a tool call that is not an object")
            return
        recorded = _id(call)
        call_id = name if recorded is None or recorded in self._calls else recorded
        self._calls.add(call_id)
        at = _time(call)
        self.recorder.call(call_id, call.get("name"), call.get("args"), reply=reply, at=at)
        if call.get("result") is not None and isinstance(call.get("name"), str):
            text, failed = self._outcome(call["result"], recorded)
            failed = failed or call.get("status") in ("error", "cancelled")
            self.recorder.result(call_id, text, is_error=failed, at=at)

    def _outcome(self, result: Any, call_id: str | None) -> tuple[str, bool]:
        """Return the text of a result, and whether it says that it failed."""
        parts = blocks_of_content(result)
        responses = [part for part in parts if _response(part)]
        own = [part for part in responses if _response(part).get("id") == call_id]
        texts, others = _split([part for part in parts if not _response(part)])
        failed = False
        for part in own or responses:
            response = as_object(_response(part).get("response"))
            failed = failed or "error" in response
            texts.append(_text(response.get("error", response.get("output", response))))
        if others:
            self.recorder.damage("a block that is not text in a tool result, which has no room")
        return "\n".join(texts), failed


def _split(content: Any) -> tuple[list[str], list[Any]]:
    """Return the texts of a content, and its other blocks in OpenAI's form.

    Calls and results among them are told by ``toolCalls`` already, thoughts by ``thoughts``.
    """
    texts: list[str] = []
    others: list[Any] = []
    for block in blocks_of_content(content):
        if isinstance(block, str):
            texts.append(block)
        elif not isinstance(block, dict):
            others.append(block)
        elif isinstance(block.get("text"), str):
            if block.get("thought") is not True:
                texts.append(block["text"])
        elif not ("functionCall" in block or "functionResponse" in block):
            others.append(_chat_block(block))
    return texts, others


def _chat_block(block: dict[str, Any]) -> dict[str, Any]:
    inline = object_in(block, "inlineData")
    kind, data = inline.get("mimeType"), inline.get("data")
    if isinstance(kind, str) and kind.startswith("image/") and isinstance(data, str):
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    return block


def _response(part: Any) -> dict[str, Any]:
    return as_object(as_object(part).get("functionResponse"))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if depth_within(value) else ""
