"""Anthropic message lists, with or without ``{"system": ..., "messages": ...}`` around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay.importers.message_lists import (
    blocks_of_content,
    conversations,
    sample,
    split_content,
)
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source
from clawvm.replay.trace import Origin

__all__ = ["NAME", "add_assistant", "add_user", "read", "sniff"]

NAME = "anthropic-messages"

_BLOCKS = ("tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document")
_OPENAI_ROLES = ("system", "developer", "tool", "function")


def sniff(values: list[Any]) -> bool:
    """Return whether the first message that is of one shape only is Anthropic's."""
    for message in sample(values):
        if message.get("role") in _OPENAI_ROLES or "tool_calls" in message:
            return False
        if any(
            isinstance(block, dict) and block.get("type") in _BLOCKS
            for block in blocks_of_content(message.get("content"))
        ):
            return True
    return any(isinstance(value, dict) and "system" in value for value in values) and bool(
        sample(values)
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file."""
    for conversation in conversations(source):
        recorder = Recorder(source, NAME, "anthropic", conversation.part)
        if conversation.beside is not None:
            text, others = split_content(conversation.beside)
            recorder.message("system", text, opaque=others)
        for place, record in enumerate(conversation.records):
            if message := recorder.accept(record):
                _add(recorder, message, f"m{place}")
        yield recorder.finish()


def _add(recorder: Recorder, message: dict[str, Any], place: str) -> None:
    role = message.get("role")
    if role == "assistant":
        recorded = message.get("id")
        add_assistant(recorder, message, recorded if isinstance(recorded, str) else place)
    elif role == "user":
        add_user(recorder, message.get("content"))
    elif role == "system":
        text, others = split_content(message.get("content"))
        recorder.message("system", text, opaque=others)
    else:
        recorder.damage(f"unknown role {str(role)[:40]!r}")


def add_assistant(
    recorder: Recorder, message: dict[str, Any], reply: str | None, at: str | None = None
) -> None:
    """Add the blocks of an assistant message, each as one event of `reply`."""
    for block in blocks_of_content(message.get("content")):
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            text, _ = split_content([block])
            recorder.message("assistant", text, reply=reply, at=at)
        elif kind in ("thinking", "redacted_thinking"):
            thought = block.get("thinking")
            recorder.thinking(thought if isinstance(thought, str) else "", reply=reply, at=at)
        elif kind == "tool_use":
            recorder.call(
                block.get("id"), block.get("name"), block.get("input"), reply=reply, at=at
            )
        else:
            recorder.message("assistant", "", reply=reply, opaque=[block], at=at)


def add_user(
    recorder: Recorder, content: Any, *, is_meta: bool = False, at: str | None = None
) -> None:
    """Add a user message: its tool results, then what else it holds as one message."""
    rest: list[Any] = []
    results = 0
    for block in blocks_of_content(content):
        if not (isinstance(block, dict) and block.get("type") == "tool_result"):
            rest.append(block)
            continue
        results += 1
        text, others = split_content(block.get("content"))
        recorder.result(
            block.get("tool_use_id"),
            text,
            is_error=block.get("is_error") is True,
            opaque=others,
            at=at,
        )
    if rest or not results:
        text, others = split_content(rest)
        origin: Origin | None = "instructions" if is_meta else None
        recorder.message("user", text, origin=origin, opaque=others, at=at)
