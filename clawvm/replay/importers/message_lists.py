"""The containers that chat message lists come in, whatever their shape.

A list of messages, ``{"messages": [...]}`` with or without ``"system"``, benchmark records with a
``"traj"``, lists of any of these, and JSON Lines with one message, or one of these, a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from clawvm.replay.importers.source import Record, Source

__all__ = [
    "Conversation",
    "Unpack",
    "blocks_of_content",
    "conversations",
    "sample",
    "split_content",
    "unpacked",
]

Unpack = Callable[[Any], Iterator[tuple[str | None, Any, list[Any]]]]
"""The sessions in one JSON value: the name of each, what stood beside its entries, its entries."""

_LIST_KEYS = ("messages", "traj")
_NAME_KEYS = ("session_id", "session", "conversation_id", "id")
_FOREIGN_KEYS = ("trajectory_format",)  # message lists in name, with a protocol of their own inside


@dataclass(slots=True)
class Conversation:
    """One session's messages.

    Parameters
    ----------
    part : str or None
        The session's own name; None when the file is this one session.
    beside : object
        What stood beside the messages: of a message list, its ``"system"``, or None.
    records : iterator of Record
        The messages.
    """

    part: str | None
    beside: Any
    records: Iterator[Record]


def sample(values: list[Any]) -> list[dict[str, Any]]:
    """Return the messages that can be seen in the first values of a file."""
    found: list[dict[str, Any]] = []
    for value in values:
        if _is_message(value):
            found.append(value)
            continue
        for _, _, messages in _unpack(value):
            found += [message for message in messages if isinstance(message, dict)]
    return found


def conversations(source: Source) -> Iterator[Conversation]:
    """Yield the sessions of a file; read each one's records before asking for the next."""
    if any(_is_message(value) for value in source.head()):
        yield Conversation(None, None, source.records())
    else:
        yield from unpacked(source, _unpack)


def unpacked(source: Source, unpack: Unpack) -> Iterator[Conversation]:
    """Yield the sessions that `unpack` finds in the values of a file, damage between them told."""
    records = source.records()
    stray: list[Record] = []  # damaged lines, and lines that hold no message list
    place = 0
    record = next(records, None)
    while record is not None:
        parts = list(unpack(record.value))
        holder, record = record, next(records, None)
        if not parts:
            stray.append(holder)
            continue
        while record is not None and next(unpack(record.value), None) is None:
            stray.append(record)
            record = next(records, None)
        alone = place == 0 and len(parts) == 1 and record is None
        for name, beside, messages in parts:
            part = None if alone else name or str(place)
            yield Conversation(part, beside, chain(stray, _entries(messages, holder.mended)))
            stray, holder = [], Record(holder.line, None)
            place += 1


def _entries(messages: list[Any], mended: tuple[str, ...]) -> Iterator[Record]:
    """Yield the entries of a list; the repairs of its line are told with the first one."""
    for place, message in enumerate(messages, 1):
        yield Record(place, message, mended if place == 1 else ())


def _unpack(value: Any) -> Iterator[tuple[str | None, Any, list[Any]]]:
    if isinstance(value, dict):
        if any(key in value for key in _FOREIGN_KEYS):
            return
        for key in _LIST_KEYS:
            if _is_message_list(value.get(key)):
                yield _name(value), value.get("system"), value[key]
                return
    elif _is_message_list(value):
        yield None, None, value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)):
                yield from _unpack(item)


def _name(value: dict[str, Any]) -> str | None:
    if "task_id" in value:
        return f"task-{value['task_id']}-trial-{value.get('trial', 0)}"
    for key in _NAME_KEYS:
        if isinstance(value.get(key), str):
            return str(value[key])
    return None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def _is_message_list(value: Any) -> bool:
    return isinstance(value, list) and any(_is_message(item) for item in value[:20])


def blocks_of_content(content: Any) -> list[Any]:
    """Return a message's content as a list of blocks, a bare string as one text block."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else [content]


def split_content(
    content: Any, text_types: tuple[str, ...] = ("text",)
) -> tuple[str, list[dict[str, Any]]]:
    """Return the text of a content, its text blocks joined by newlines, and its other blocks."""
    texts: list[str] = []
    others: list[Any] = []
    for block in blocks_of_content(content):
        if isinstance(block, str):
            texts.append(block)
        elif (
            isinstance(block, dict)
            and block.get("type") in text_types
            and isinstance(block.get("text"), str)
        ):
            texts.append(block["text"])
        else:
            others.append(block)
    return "\n".join(texts), others
