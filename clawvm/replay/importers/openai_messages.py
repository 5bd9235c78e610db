"""OpenAI chat message lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay.importers.message_lists import conversations, sample, split_content
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "add_call", "read", "read_as", "sniff"]

NAME = "openai-messages"


def sniff(values: list[Any]) -> bool:
    """Return whether the first values hold messages; every other shape was asked before."""
    return bool(sample(values))


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file."""
    yield from read_as(NAME, source)


def read_as(name: str, source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file under the name of the format that it really is."""
    for conversation in conversations(source):
        recorder = Recorder(source, name, "openai", conversation.part)
        for place, record in enumerate(conversation.records):
            if message := recorder.accept(record):
                _add(recorder, message, f"m{place}")
        yield recorder.finish()


def _add(recorder: Recorder, message: dict[str, Any], reply: str) -> None:
    role = message.get("role")
    text, others = split_content(message.get("content"))
    if role == "assistant":
        _add_assistant(recorder, message, text, others, reply)
    elif role in ("tool", "function"):
        # The legacy function role has no ids: its result answers the one open call without an id.
        recorder.result(message.get("tool_call_id"), text)
        if others:
            recorder.damage("a block that is not text in a tool message, which has no room for it")
    elif role in ("system", "developer", "user"):
        recorder.message(role, text, opaque=others)
    else:
        recorder.damage(f"unknown role {str(role)[:40]!r}")


def _add_assistant(
    recorder: Recorder, message: dict[str, Any], text: str, others: list[Any], reply: str
) -> None:
    calls = message.get("tool_calls") or []
    legacy = message.get("function_call")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        text = f"{text}\n{refusal}" if text else refusal
    if text or others or not (calls or legacy):
        recorder.message("assistant", text, reply=reply, opaque=others)
    for call in calls if isinstance(calls, list) else [calls]:
        add_call(recorder, call, reply)
    if isinstance(legacy, dict):
        recorder.call(None, legacy.get("name"), legacy.get("arguments"), reply=reply)


def add_call(recorder: Recorder, call: Any, reply: str) -> None:
    """Add one entry of an assistant message's ``tool_calls``."""
    function = call.get("function") if isinstance(call, dict) else None
    if function is None and isinstance(call, dict):
        function = call.get("custom")
    if not isinstance(function, dict):
        recorder.damage("a tool call without a function")
        return
    arguments = function.get("arguments", function.get("input"))
    recorder.call(call.get("id"), function.get("name"), arguments, reply=reply)
