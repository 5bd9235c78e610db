"""A recorded request as chat messages, and where each of its blocks went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..messages import PartKind, Shape, decode_arguments, dump_json
from ..pages import Fidelity, Page
from ..session import Entry
from .blocks import Block, Step, call_text
from .trace import Call, Message, Origin, Result

__all__ = ["Place", "ReplayMessage", "input_messages", "places_of", "reply_message", "shown_text"]

ChatMessage = dict[str, Any]


class ReplayMessage(NamedTuple):
    """A chat message and, for one that the harness made, what it is."""

    message: ChatMessage
    origin: Origin | None


class Place(NamedTuple):
    """Where a block is: the page that holds it, and which part of the page it is."""

    page_id: str
    part: int


def reply_message(outputs: Sequence[Step], shape: Shape) -> ChatMessage | None:
    """Return what the model wrote in a request as one assistant message; None for nothing."""
    events = [step.event for step in outputs]
    texts = [event.text for event in events if isinstance(event, Message) and event.text.strip()]
    calls = [event for event in events if isinstance(event, Call)]
    opaque = [block for event in events if isinstance(event, Message) for block in event.opaque]
    if not texts and not calls and not opaque:
        return None
    if shape == "anthropic":
        blocks: list[ChatMessage] = [{"type": "text", "text": text} for text in texts]
        return {"role": "assistant", "content": [*blocks, *opaque, *map(_tool_use, calls)]}
    content: Any = texts[0] if len(texts) == 1 else [{"type": "text", "text": t} for t in texts]
    message: ChatMessage = {"role": "assistant", "content": content if texts else None}
    if calls:
        message["tool_calls"] = [_tool_call(call) for call in calls]
    return message


def input_messages(
    inputs: Iterable[Step], open_calls: set[str], shape: Shape
) -> Iterator[ReplayMessage]:
    """Yield what arrived for a request.

    Parameters
    ----------
    inputs : iterable of Step
        Messages and results, in order.
    open_calls : set of str
        Ids of the calls of the request before. A result of any other call (its log began too late,
        or an answer was there already) is shown as a user message.
    shape : {"openai", "anthropic"}
        The format.
    """
    results: list[ChatMessage] = []
    for step in inputs:
        event = step.event
        if isinstance(event, Result) and event.call_id in open_calls:
            open_calls.discard(event.call_id)
            if shape == "anthropic":
                results.append(_tool_result(event))
            else:
                yield ReplayMessage(_tool_message(event), None)
            continue
        if results:
            yield ReplayMessage({"role": "user", "content": results}, None)
            results = []
        if isinstance(event, Message | Result) and (_has_text(step) or event.opaque):
            role = event.role if isinstance(event, Message) else "user"
            origin = event.origin if isinstance(event, Message) else None
            yield ReplayMessage(
                {"role": role, "content": _content(event.text, event.opaque)}, origin
            )
    if results:
        yield ReplayMessage({"role": "user", "content": results}, None)


def places_of(steps: Iterable[Step], entries: Iterable[Entry]) -> dict[int, Place]:
    """Match the blocks of a request with the parts that came in with its prompt.

    Calls and results are matched by their ids, texts by their order. What a repair added has no
    block.
    """
    entries = list(entries)
    texts = iter(entry for entry in entries if entry.kind is PartKind.TEXT)
    by_call = {(entry.kind, entry.call_id): entry for entry in entries if entry.call_id}
    places: dict[int, Place] = {}
    for step in steps:
        event, block = step.event, step.block
        if block is None:
            continue
        entry: Entry | None = None
        if isinstance(event, Call):
            entry = by_call.get((PartKind.CALL, event.id))
        elif isinstance(event, Result):
            entry = by_call.get((PartKind.RESULT, event.call_id))
        if entry is None and not isinstance(event, Call) and _has_text(step):
            entry = next(texts, None)
        if entry is not None:
            places[block.index] = Place(entry.page_id, entry.part)
    return places


def shown_text(block: Block, page: Page, part: int, level: Fidelity) -> str:
    """Return what a prompt shows of a block whose page is at a level, in the form of block texts.

    It is the block's own text object where that is shown whole.
    """
    reduced = page.ladder[level].texts[part]
    if reduced is None:
        return block.text
    if block.kind == "call":
        return call_text(block.text.split("\n", 1)[0], decode_arguments(reduced))
    return reduced.replace("\r\n", "\n")


def _has_text(step: Step) -> bool:
    return isinstance(step.event, Message | Result) and bool(step.event.text.strip())


def _content(text: str, opaque: tuple[ChatMessage, ...]) -> Any:
    if not opaque:
        return text
    return [*([{"type": "text", "text": text}] if text.strip() else []), *opaque]


def _tool_use(call: Call) -> ChatMessage:
    # Anthropic's input is an object; free text becomes its only field.
    arguments = {"input": call.arguments} if isinstance(call.arguments, str) else call.arguments
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _tool_call(call: Call) -> ChatMessage:
    if isinstance(call.arguments, str):
        custom = {"name": call.name, "input": call.arguments}
        return {"id": call.id, "type": "custom", "custom": custom}
    arguments = dump_json(call.arguments, f"call {call.id}")
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _tool_result(result: Result) -> ChatMessage:
    content = _content(result.text, result.opaque)
    block = {"type": "tool_result", "tool_use_id": result.call_id, "content": content}
    return {**block, "is_error": True} if result.is_error else block


def _tool_message(result: Result) -> ChatMessage:
    # OpenAI's tool messages hold text only: an image there is left out, as it is by the API.
    return {"role": "tool", "tool_call_id": result.call_id, "content": result.text}
