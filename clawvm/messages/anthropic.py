"""Anthropic messages: reading them into parts, writing parts back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .arguments import decode_arguments, dump_json
from .blocks import (
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

__all__ = ["ROLES", "THINKING", "parse_anthropic", "read_inner", "render_anthropic"]

ROLES: Final = ("user", "assistant", "system")
THINKING: Final = frozenset({"thinking", "redacted_thinking"})


def parse_anthropic(message: object, where: str) -> Envelope:
    """Read one Anthropic message; `where` names it in errors.

    Raises
    ------
    MessageInvalid
        The message is not of this format.
    """
    message, role = require_role(message, ROLES, where)
    content = message.get("content")
    if isinstance(content, str):
        parts = [Part(PartKind.TEXT, content)]
    elif isinstance(content, list):
        parts = [_read_block(block, index, role, where) for index, block in enumerate(content)]
    else:
        found = type_of(content) if "content" in message else "nothing"
        raise invalid(where, "a string or a list of blocks as 'content'", found)
    return Envelope(role, parts or [Part(PartKind.TEXT, "")], message, "anthropic")


def _read_block(block: object, index: int, role: str, where: str) -> Part:
    where = f"{where}, block {index}"
    block, kind = require_block(block, where)
    part = Part(PartKind.OPAQUE, "", ("content", index), marked=is_marked(block))
    if kind == "text":
        part.kind, part.text = PartKind.TEXT, require_text(block, "text", where)
    elif kind == "tool_use":
        _require_place(role, "assistant", kind, where)
        _read_call(part, block, where)
    elif kind == "tool_result":
        _require_place(role, "user", kind, where)
        _read_result(part, block, where)
    else:
        part.text, part.extra_tokens = read_inner(block, where)
        part.replaceable = kind not in THINKING
        if kind.endswith(("_tool_use", "_tool_result")):
            # A call that the provider ran and its answer stand in one message: both or neither.
            part.call_id, _ = normal_id(block.get("id", block.get("tool_use_id")))
            part.replaceable = False
    return part


def _require_place(role: str, expected: str, kind: str, where: str) -> None:
    if role != expected:
        raise invalid(where, f"a {kind} block in role {expected!r} only", f"role {role!r}")


def _read_call(part: Part, block: dict[str, Any], where: str) -> None:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        raise invalid(where, "a dict as 'input'", type_of(arguments))
    part.kind, part.arguments = PartKind.CALL, arguments
    part.name = require_text(block, "name", where)
    part.text = f"{part.name} {dump_json(arguments, where)}"
    part.call_id, part.id_sound = normal_id(block.get("id"))


def _read_result(part: Part, block: dict[str, Any], where: str) -> None:
    part.kind, part.is_error = PartKind.RESULT, block.get("is_error") is True
    part.call_id, part.id_sound = normal_id(block.get("tool_use_id"))
    content = block.get("content", "")
    if isinstance(content, str):
        part.text = content
        return
    if not isinstance(content, list):
        raise invalid(where, "a string or a list of blocks as 'content'", type_of(content))
    read = []
    for index, inner in enumerate(content):
        inner_where = f"{where}, inner block {index}"
        inner, _ = require_block(inner, inner_where)
        read.append(read_inner(inner, inner_where))
        part.marked = part.marked or is_marked(inner)
    part.text = lines(text for text, _ in read)
    part.extra_tokens = sum(extra for _, extra in read)


def read_inner(block: dict[str, Any], where: str) -> tuple[str, int]:
    """Answer the countable text of a block that is no call and no result, and its extra tokens.

    Raises
    ------
    MessageInvalid
        A known block lacks its text, or an unknown one cannot be written as JSON.
    """
    kind = block["type"]
    if kind in ("text", "thinking"):
        return require_text(block, kind, where), 0
    if kind == "redacted_thinking":
        # Encrypted text: four characters of it stand for less than one token of thinking.
        return "", len(require_text(block, "data", where)) // 4
    if kind == "image":
        return "", IMAGE_TOKENS
    if kind == "document":
        return _read_document(block, where)
    unmarked = {key: value for key, value in block.items() if key != "cache_control"}
    return dump_json(unmarked, where), 0


def _read_document(block: dict[str, Any], where: str) -> tuple[str, int]:
    head = [block[key] for key in ("title", "context") if isinstance(block.get(key), str)]
    source = block.get("source")
    if not isinstance(source, dict):
        raise invalid(where, "a dict as 'source'", type_of(source))
    if source.get("type") == "text":
        return lines([*head, require_text(source, "data", where)]), 0
    if source.get("type") != "content":
        return lines(head), DOCUMENT_TOKENS
    content = source.get("content")
    if isinstance(content, str):
        return lines([*head, content]), 0
    if not isinstance(content, list):
        raise invalid(where, "a string or a list of blocks as 'content'", type_of(content))
    read = [read_inner(require_block(inner, where)[0], where) for inner in content]
    return lines([*head, *(text for text, _ in read)]), sum(extra for _, extra in read)


def render_anthropic(envelope: Envelope, forms: Sequence[Form]) -> Message | None:
    """Write a message with some parts replaced or left out; ``None`` if nothing is left."""
    content = envelope.message["content"]
    if envelope.parts[0].place[1] == WHOLE:  # one part, and its form is a string
        return envelope.message | {"content": forms[0]}
    kept: list[dict[str, Any]] = []
    for block, part, form in zip(content, envelope.parts, forms, strict=True):
        if form is None:
            kept.append(block)
        elif isinstance(form, str):
            kept.append(_rewrite(block, part, form))
    if DROP in forms:
        # The service refuses an assistant message that ends in thinking, and thinking without
        # what it led to says nothing.
        while kept and kept[-1]["type"] in THINKING:
            kept.pop()
    return envelope.message | {"content": kept} if kept else None


def _rewrite(block: dict[str, Any], part: Part, text: str) -> dict[str, Any]:
    if part.kind is PartKind.CALL:
        arguments = decode_arguments(text)
        if isinstance(arguments, str):
            raise invalid(
                f"replacement for the call of {part.name!r}", "a JSON object", repr(text[:80])
            )
        return block | {"input": arguments}
    if part.kind is PartKind.RESULT:
        inner = block.get("content")
        replaced = replace_blocks(inner, text) if isinstance(inner, list) and inner else text
        return block | {"content": replaced}
    return replace_block(block, text)
