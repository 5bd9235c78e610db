"""The Anthropic half of a repair: results first in the user message right behind their calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .anthropic import THINKING, read_inner
from .blocks import lines, replace_block, text_block
from .findings import Finding, FindingKind
from .pairing import Pairs, Place
from .parts import WHOLE, Envelope, Message, Part, PartKind
from .wording import NO_RESULT, stray_text

__all__ = ["rebuild", "tidy"]

_Block = dict[str, Any]
_MEDIA = frozenset({"image", "document"})  # blocks of a result that a user message may hold as well


def tidy(envelope: Envelope, index: int) -> tuple[Message | None, list[Finding]]:
    """Remove blank text blocks and trailing thinking; ``None`` if nothing is left."""
    message, findings = envelope.message, []
    content = message["content"]
    if isinstance(content, str):
        kept: list[_Block] = [] if _is_blank(content) else [text_block(content)]
        size = 1
    else:
        kept = [tidied for tidied in map(_tidy_block, content) if tidied is not None]
        size = len(content)
    if not kept or len(kept) < size or _differs(kept, content):
        done = "the blank blocks are removed" if kept else "the message is removed"
        findings.append(_finding(FindingKind.EMPTY, index, "a text without a character", done))
    solid = len(kept)
    while envelope.role == "assistant" and solid and kept[solid - 1]["type"] in THINKING:
        solid -= 1
    if solid < len(kept):
        problem, done = "an assistant message that ends in thinking", "that thinking is removed"
        findings.append(_finding(FindingKind.TRAILING_THINKING, index, problem, done))
    if not findings:
        return message, findings
    return (message | {"content": kept[:solid]} if solid else None), findings


def _differs(kept: list[_Block], content: object) -> bool:
    return isinstance(content, list) and any(
        new is not old for new, old in zip(kept, content, strict=True)
    )


def _tidy_block(block: _Block) -> _Block | None:
    """Answer the block, a copy without the blank texts inside it, or ``None`` if it is blank."""
    if block["type"] == "text":
        return None if _is_blank(block["text"]) else block
    inner = block.get("content")
    if block["type"] != "tool_result" or not isinstance(inner, list):
        return block
    kept = [one for one in inner if one["type"] != "text" or not _is_blank(one["text"])]
    return block if len(kept) == len(inner) else block | {"content": kept}


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _finding(kind: FindingKind, index: int, problem: str, done: str) -> Finding:
    return Finding(kind, index, None, problem, done)


def rebuild(envelopes: Sequence[Envelope], paired: Pairs) -> list[Message]:
    """Write the history with every result first in the user message right behind its call."""
    messages: list[Message] = []
    results: list[_Block] = []  # of the assistant message just written
    unanswered = set(paired.unanswered)
    for at, envelope in enumerate(envelopes):
        if results and envelope.role != "user":
            messages.append({"role": "user", "content": results})
            results = []
        if envelope.role == "user":
            content = results + _user_blocks(envelope, at, envelopes, paired)
            if content:
                messages.append(_with_content(envelope.message, content))
            results = []
            continue
        messages.append(_with_call_ids(envelope, at, paired))
        results = _found_results(envelope, at, envelopes, paired)
        results += _missing_results(envelope, at, paired, unanswered)
    if results:
        messages.append({"role": "user", "content": results})
    return messages


def _with_content(message: Message, blocks: list[_Block]) -> Message:
    """Answer the message itself if its content is these very blocks."""
    content = message["content"]
    if isinstance(content, str):
        same = blocks == [text_block(content)]
    else:
        same = len(blocks) == len(content) and all(
            new is old for new, old in zip(blocks, content, strict=True)
        )
    return message if same else message | {"content": blocks}


def _with_call_ids(envelope: Envelope, at: int, paired: Pairs) -> Message:
    content = envelope.message["content"]
    if isinstance(content, str):
        return envelope.message
    blocks = [
        block | {"id": paired.new_ids[Place(at, index)]}
        if Place(at, index) in paired.new_ids
        else block
        for index, block in enumerate(content)
    ]
    return _with_content(envelope.message, blocks)


def _found_results(
    envelope: Envelope, at: int, envelopes: Sequence[Envelope], paired: Pairs
) -> list[_Block]:
    """Answer the recorded results of an assistant message's calls, in the order they came in."""
    calls = (Place(at, index) for index in range(len(envelope.parts)))
    blocks = []
    for place in sorted(paired.result_of[call] for call in calls if call in paired.result_of):
        block = _block_at(envelopes, place)
        if place in paired.new_ids:
            block = block | {"tool_use_id": paired.new_ids[place]}
        blocks.append(block)
    return blocks


def _missing_results(
    envelope: Envelope, at: int, paired: Pairs, unanswered: set[Place]
) -> list[_Block]:
    """Write an error result for each call of an assistant message that has none."""
    return [
        {
            "type": "tool_result",
            "tool_use_id": paired.new_ids.get(Place(at, index), part.call_id),
            "content": NO_RESULT,
            "is_error": True,
        }
        for index, part in enumerate(envelope.parts)
        if Place(at, index) in unanswered
    ]


def _block_at(envelopes: Sequence[Envelope], place: Place) -> _Block:
    block: _Block = envelopes[place.message].message["content"][place.part]
    return block


def _user_blocks(
    envelope: Envelope, at: int, envelopes: Sequence[Envelope], paired: Pairs
) -> list[_Block]:
    """Answer what a user message keeps: all but the results that went to their calls."""
    if envelope.parts[0].place[1] == WHOLE:
        return [text_block(envelope.message["content"])]
    blocks: list[_Block] = []
    for index, part in enumerate(envelope.parts):
        place = Place(at, index)
        block = _block_at(envelopes, place)
        if part.kind is not PartKind.RESULT:
            blocks.append(block)
        elif place not in paired.call_of:
            call = paired.extra.get(place)
            answered = None if call is None else envelopes[call.message].parts[call.part]
            blocks += _stray_blocks(part, block, answered)
    return blocks


def _stray_blocks(part: Part, block: _Block, answered: Part | None) -> list[_Block]:
    content = block.get("content")
    inner: list[_Block] = content if isinstance(content, list) else []
    media = [one for one in inner if one["type"] in _MEDIA]
    text = part.text
    if media:
        text = lines(read_inner(one, "result")[0] for one in inner if one["type"] not in _MEDIA)
    return [replace_block(block, stray_text(part, text, answered)), *media]
