"""The OpenAI half of a repair: tool messages of their own, right behind their call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .findings import Finding, FindingKind
from .openai import is_hollow
from .pairing import Pairs, Place
from .parts import Envelope, Message, Part, PartKind
from .wording import NO_RESULT, stray_text

__all__ = ["rebuild", "tidy"]


def tidy(envelope: Envelope, index: int) -> tuple[Message, list[Finding]]:
    """Remove an empty ``tool_calls``; write an empty text for content that is empty or null."""
    message, findings = envelope.message, []
    if "tool_calls" in message and not message["tool_calls"]:
        message = {key: value for key, value in message.items() if key != "tool_calls"}
        findings.append(_empty(index, "tool_calls is empty", "the key is removed"))
    content = message.get("content")
    hollow = envelope.role == "assistant" and is_hollow(message)
    if content == [] or (content is None and hollow):
        message = message | {"content": ""}
        problem = "an empty list as content" if content == [] else "neither content nor calls"
        findings.append(_empty(index, problem, "its content is now an empty text"))
    return message, findings


def _empty(index: int, problem: str, done: str) -> Finding:
    return Finding(FindingKind.EMPTY, index, None, problem, done)


def rebuild(envelopes: Sequence[Envelope], paired: Pairs) -> list[Message]:
    """Write the history with every result right behind its call."""
    unanswered = set(paired.unanswered)
    messages: list[Message] = []
    for at, envelope in enumerate(envelopes):
        first = Place(at, 0)
        if envelope.parts[0].kind is PartKind.RESULT:
            if first not in paired.call_of:
                messages.append(_stray_message(envelope, first, envelopes, paired))
            continue
        messages.append(_with_call_ids(envelope, at, paired))
        calls = [
            Place(at, index)
            for index, part in enumerate(envelope.parts)
            if part.kind is PartKind.CALL
        ]
        for result in sorted(paired.result_of[call] for call in calls if call in paired.result_of):
            message = envelopes[result.message].message
            if result in paired.new_ids:
                message = message | {"tool_call_id": paired.new_ids[result]}
            messages.append(message)
        for call in calls:
            if call in unanswered:
                part = envelope.parts[call.part]
                messages.append(_missing_result(part, paired.new_ids.get(call, part.call_id)))
    return messages


def _with_call_ids(envelope: Envelope, at: int, paired: Pairs) -> Message:
    calls: list[Any] = list(envelope.message.get("tool_calls") or ())
    changed = False
    for index, part in enumerate(envelope.parts):
        new_id = paired.new_ids.get(Place(at, index))
        if new_id is not None:
            calls[part.place[1]] = calls[part.place[1]] | {"id": new_id}
            changed = True
    return envelope.message | {"tool_calls": calls} if changed else envelope.message


def _missing_result(call: Part, call_id: str | None) -> Message:
    if call.place[0] == "function_call":
        return {"role": "function", "name": call.name, "content": NO_RESULT}
    return {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}


def _stray_message(
    envelope: Envelope, place: Place, envelopes: Sequence[Envelope], paired: Pairs
) -> Message:
    part = envelope.parts[0]
    text = stray_text(part, part.text, _answered_call(place, envelopes, paired))
    content = envelope.message.get("content")
    blocks = content if isinstance(content, list) else []
    media = [block for block in blocks if block["type"] != "text"]
    if not media:
        return {"role": "user", "content": text}
    return {"role": "user", "content": [{"type": "text", "text": text}, *media]}


def _answered_call(place: Place, envelopes: Sequence[Envelope], paired: Pairs) -> Part | None:
    call = paired.extra.get(place)
    return None if call is None else envelopes[call.message].parts[call.part]
