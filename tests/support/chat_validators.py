"""What the chat services accept: the SDKs' own types, and the rules that types cannot say.

``check(messages, shape)`` raises AssertionError (or pydantic's ValidationError) for a message list
that the real service would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from anthropic.types import ContentBlockParam, MessageParam
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter


@cache
def _adapter(item: Any) -> TypeAdapter[Any]:
    return TypeAdapter(list[item])


def check(messages: list[Any], shape: str) -> None:
    """Check a prompt against the types and the rules of its service."""
    check_types(messages, shape)
    if shape == "openai":
        check_openai_rules(messages)
    else:
        check_anthropic_rules(messages)


def check_types(messages: list[Any], shape: str) -> None:
    """Validate every nested block with the request types of the SDK."""
    if shape == "openai":
        _exhaust(_adapter(ChatCompletionMessageParam).validate_python(messages))
        return
    _exhaust(_adapter(MessageParam).validate_python(messages))
    for message in messages:
        # A message may also hold response objects, whose types read any dict more leniently.
        if not isinstance(message["content"], str):
            _exhaust(_adapter(ContentBlockParam).validate_python(message["content"]))


def _exhaust(value: Any) -> None:
    """Walk a validated value: pydantic checks what the types call Iterable only when it is read."""
    if isinstance(value, dict):
        for inner in value.values():
            _exhaust(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            _exhaust(inner)


def check_openai_rules(messages: list[dict[str, Any]]) -> None:
    """Check that tool messages follow their call, all of them and nothing else, ids used once."""
    seen: set[str] = set()
    waiting: list[str] = []
    legacy: str | None = None
    for index, message in enumerate(messages):
        where = f"message {index}"
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting, f"{where}: a result without its call"
            waiting.remove(message["tool_call_id"])
            continue
        if message["role"] == "function":
            assert message["name"] == legacy, f"{where}: a function result without its call"
            legacy = None
            continue
        assert not waiting, f"{where}: calls {waiting} have no result"
        assert legacy is None, f"{where}: the call of {legacy} has no result"
        assert message.get("content") != [], f"{where}: an empty list as content"
        waiting, legacy = _openai_calls(message, where)
        assert not seen & set(waiting), f"{where}: ids used twice: {waiting}"
        assert len(waiting) == len(set(waiting)), f"{where}: ids used twice: {waiting}"
        seen |= set(waiting)
    assert not waiting, f"the end: calls {waiting} have no result"
    assert legacy is None, f"the end: the call of {legacy} has no result"


def _openai_calls(message: dict[str, Any], where: str) -> tuple[list[str], str | None]:
    if message["role"] != "assistant":
        assert "tool_calls" not in message, f"{where}: calls in role {message['role']}"
        return [], None
    assert message.get("tool_calls") != [], f"{where}: tool_calls is empty"
    beside = ("tool_calls", "function_call", "audio", "refusal")
    assert message.get("content") is not None or any(map(message.get, beside)), f"{where}: empty"
    ids = [call["id"] for call in message.get("tool_calls", ())]
    assert all(ids), f"{where}: a call with an empty id"
    function_call = message.get("function_call")
    return ids, function_call and function_call["name"]


def check_anthropic_rules(messages: list[dict[str, Any]]) -> None:
    """Check that results come first in the message behind their calls, ids used once, no blank."""
    seen: set[str] = set()
    waiting: list[str] = []
    for index, message in enumerate(messages):
        where = f"message {index}"
        blocks = _blocks(message, where)
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(waiting), f"{where}: results {results} for {waiting}"
        head = [block["type"] for block in blocks[: len(results)]]
        assert head == ["tool_result"] * len(results), f"{where}: results do not come first"
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        role = message["role"]
        assert not results or role == "user", f"{where}: results in role {role}"
        assert not waiting or role == "assistant", f"{where}: calls in role {role}"
        assert all(waiting), f"{where}: a call with an empty id"
        assert len(waiting) == len(set(waiting)), f"{where}: ids used twice: {waiting}"
        assert not seen & set(waiting), f"{where}: ids used twice: {waiting}"
        seen |= set(waiting)
        last = blocks[-1]["type"]
        assert role != "assistant" or last not in ("thinking", "redacted_thinking"), (
            f"{where}: the final block is {last}"
        )
    assert not waiting, f"the end: calls {waiting} have no result"


def _blocks(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    assert blocks, f"{where}: no content"
    inner = [
        one
        for block in blocks
        if block["type"] == "tool_result" and isinstance(block.get("content"), list)
        for one in block["content"]
    ]
    for block in [*blocks, *inner]:
        assert block["type"] != "text" or block["text"].strip(), f"{where}: a blank text"
    return blocks
