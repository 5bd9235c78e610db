"""OpenAI chat messages: reading them into parts, writing parts back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .arguments import decode_arguments, dump_json
from .blocks import (
    AUDIO_TOKENS,
    DOCUMENT_TOKENS,
    IMAGE_TOKENS,
    is_marked,
    lines,
    replace_block,
    replace_blocks,
)
from .parts import (
    DROP,
    WHOLE,
    Envelope,
    Form,
    Message,
    Part,
    PartKind,
    invalid,
    normal_id,
    require_block,
    require_role,
    require_text,
    type_of,
)

__all__ = ["ROLES", "is_hollow", "parse_openai", "render_openai"]

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")

# Fields beside the content that hold text of the model's; the last two are what reasoning models
# behind OpenAI-shaped services send and expect back.
_SIDE_TEXTS: Final = ("reasoning_content", "reasoning", "refusal")
_LOW_DETAIL_TOKENS: Final = 85
_WHOLE_CONTENT: Final = ("content", WHOLE)


def parse_openai(message: object, where: str) -> Envelope:
    """Read one OpenAI chat message; `where` names it in errors.

    Raises
    ------
    MessageInvalid
        The message is not of this format.
    """
    message, role = require_role(message, ROLES, where)
    if role in ("tool", "function"):
        parts = [_read_result(message, role, where)]
    elif role == "assistant":
        parts = _read_assistant(message, where)
    else:
        parts = _read_content(message, where, optional=False)
    if role != "assistant" and (message.get("tool_calls") or message.get("function_call")):
        raise invalid(where, "tool calls in an assistant message only", f"role {role!r}")
    return Envelope(role, parts or [Part(PartKind.TEXT, "")], message, "openai")


def _read_assistant(message: Message, where: str) -> list[Part]:
    parts = [_read_side_text(message, key, where) for key in _SIDE_TEXTS[:2] if message.get(key)]
    parts += _read_content(message, where, optional=True)
    if message.get("refusal"):
        parts.append(_read_side_text(message, "refusal", where))
    if message.get("audio") is not None:
        parts.append(_fixed_part("audio", "", AUDIO_TOKENS))
    calls = message.get("tool_calls")
    if not isinstance(calls, list | None):
        raise invalid(where, "a list as 'tool_calls'", type_of(calls))
    parts += [
        _read_call(call, index, f"{where}, tool call {index}")
        for index, call in enumerate(calls or ())
    ]
    if message.get("function_call") is not None:
        parts.append(_read_function_call(message["function_call"], where))
    return parts


def _fixed_part(field: str, text: str, extra: int = 0) -> Part:
    return Part(PartKind.OPAQUE, text, (field, WHOLE), extra_tokens=extra, replaceable=False)


def _read_side_text(message: Message, key: str, where: str) -> Part:
    return _fixed_part(key, require_text(message, key, where))


def _read_content(message: Message, where: str, *, optional: bool) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        return [Part(PartKind.TEXT, content)] if content else []
    if isinstance(content, list):
        return [_read_block(block, index, where) for index, block in enumerate(content)]
    if content is None and optional:
        return []
    found = type_of(content) if "content" in message else "nothing"
    raise invalid(where, "a string or a list of blocks as 'content'", found)


def _read_block(block: object, index: int, where: str) -> Part:
    where = f"{where}, block {index}"
    block, kind = require_block(block, where)
    part = Part(PartKind.OPAQUE, "", ("content", index), marked=is_marked(block))
    if kind == "text":
        part.kind, part.text = PartKind.TEXT, require_text(block, "text", where)
    elif kind == "refusal":
        part.text = require_text(block, "refusal", where)
    elif kind == "image_url":
        part.extra_tokens = _image_tokens(block)
    elif kind == "input_audio":
        part.extra_tokens = AUDIO_TOKENS
    elif kind == "file":
        part.extra_tokens = DOCUMENT_TOKENS
    else:
        part.text = dump_json(block, where)
    return part


def _image_tokens(block: dict[str, Any]) -> int:
    image = block.get("image_url")
    low = isinstance(image, dict) and image.get("detail") == "low"
    return _LOW_DETAIL_TOKENS if low else IMAGE_TOKENS


def _read_call(call: object, index: int, where: str) -> Part:
    call, kind = require_block(call, where)
    if kind not in ("function", "custom"):
        raise invalid(where, "type 'function' or 'custom'", repr(kind)[:80])
    body = call.get(kind)
    if not isinstance(body, dict):
        raise invalid(where, f"a dict as '{kind}'", type_of(body))
    name = require_text(body, "name", where)
    text = require_text(body, "arguments" if kind == "function" else "input", where)
    call_id, sound = normal_id(call.get("id"))
    return Part(
        PartKind.CALL,
        f"{name} {text}",
        ("tool_calls", index),
        call_id=call_id,
        id_sound=sound,
        name=name,
        arguments=decode_arguments(text) if kind == "function" else text,
        marked=is_marked(call),
    )


def _read_function_call(call: object, where: str) -> Part:
    where = f"{where}, function_call"
    if not isinstance(call, dict):
        raise invalid(where, "a dict", type_of(call))
    name, text = require_text(call, "name", where), require_text(call, "arguments", where)
    return Part(
        PartKind.CALL,
        f"{name} {text}",
        ("function_call", WHOLE),
        name=name,
        arguments=decode_arguments(text),
    )


def _read_result(message: Message, role: str, where: str) -> Part:
    content = message.get("content")
    part = Part(PartKind.RESULT, "", name=message.get("name"))
    if role == "function":
        part.name = require_text(message, "name", where)
    else:
        part.call_id, part.id_sound = normal_id(message.get("tool_call_id"))
        if not isinstance(part.name, str):
            part.name = None
    if isinstance(content, list):
        blocks = [_read_block(block, index, where) for index, block in enumerate(content)]
        part.text = lines(block.text for block in blocks)
        part.extra_tokens = sum(block.extra_tokens for block in blocks)
        part.marked = any(block.marked for block in blocks)
    elif isinstance(content, str):
        part.text = content
    elif content is not None or role != "function":
        found = type_of(content) if "content" in message else "nothing"
        raise invalid(where, "a string or a list of text blocks as 'content'", found)
    return part


def render_openai(envelope: Envelope, forms: Sequence[Form]) -> Message:
    """Write a message with some parts replaced or left out; at least one part is kept."""
    content = envelope.message.get("content")
    if len(forms) == 1 and isinstance(content, str) and envelope.parts[0].place == _WHOLE_CONTENT:
        # A plain text, by far the commonest, needs nothing of what follows.
        return envelope.message | {"content": forms[0]}
    message = dict(envelope.message)
    edits: dict[str, dict[int, Form]] = {}
    for part, form in zip(envelope.parts, forms, strict=True):
        if form is not None:
            field, index = part.place
            edits.setdefault(field, {})[index] = form
    for field, changes in edits.items():
        value = _edit(field, message.get(field), changes)
        if value is None and field != "content":
            del message[field]
        else:
            message[field] = value
    if envelope.role == "assistant" and message.get("content") is None and is_hollow(message):
        message["content"] = ""  # null is accepted beside calls, audio or a refusal only
    return message


def is_hollow(message: Message) -> bool:
    """Tell whether an assistant message holds nothing beside its content."""
    return not any(message.get(key) for key in ("tool_calls", "function_call", "audio", "refusal"))


def _edit(field: str, value: Any, changes: dict[int, Form]) -> Any:
    """Apply the forms of one field; ``None`` when nothing of it is left."""
    whole = changes.get(WHOLE)
    if whole is DROP:
        return None
    if field == "function_call":
        return value | {"arguments": whole}
    if isinstance(whole, str):
        return replace_blocks(value, whole) if isinstance(value, list) and value else whole
    rewrite = _rewrite_call if field == "tool_calls" else replace_block
    kept = []
    for index, element in enumerate(value):
        form = changes.get(index)
        if form is None:
            kept.append(element)
        elif isinstance(form, str):
            kept.append(rewrite(element, form))
    return kept or None


def _rewrite_call(call: dict[str, Any], text: str) -> dict[str, Any]:
    kind = call["type"]
    key = "arguments" if kind == "function" else "input"
    return call | {kind: call[kind] | {key: text}}
