"""Blocks: a recorded session as the texts that a model read and wrote, request by request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from clawvm.replay.trace import Call, Event, Message, Reset, Result, Thinking, Trace

__all__ = [
    "Block",
    "Direction",
    "Step",
    "Turn",
    "blocks_of",
    "call_text",
    "histories_of",
    "leaves_of",
    "outlives_reset",
    "turns_of",
]

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Block:
    """One message, tool call or tool result, as one text.

    Parameters
    ----------
    index : int
        Place in the session, from 0, in the order of full history (outputs of a request before the
        inputs that answer them).
    request : int
        For an output, the request that wrote it; for an input, the first request that sees it. From
        0.
    direction : {"in", "out"}
        Whether the model read or wrote it.
    kind : str
        ``system``, ``user``, ``instr`` (instructions that a harness puts in a user message),
        ``attachment``, ``result``, ``call`` or ``text`` (assistant text).
    text : str
        ``\\r\\n`` read as ``\\n``. A call's text is its name and every string leaf of its
        arguments, a line each.
    fixed : bool
        A system block before the first output: in every prompt.
    leaves : tuple of str
        What the model wrote, for outputs: the assistant text, or each string leaf of the arguments.
    path_leaves : tuple of bool
        For each leaf, whether it is the value of a ``path``, ``file_path`` or ``workdir`` argument.
    """

    index: int
    request: int
    direction: Direction
    kind: str
    text: str
    fixed: bool = False
    leaves: tuple[str, ...] = ()
    path_leaves: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """An event in its place in the history, with its block; lifecycle events have none."""

    event: Event
    block: Block | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One request: what arrived for it, then what the model wrote.

    Parameters
    ----------
    request : int
        Its number, from 0.
    before : tuple of Step
        What came since the outputs of the turn before: inputs and lifecycle events, in recorded
        order.
    outputs : tuple of Step
        Assistant texts and calls. Empty only in a last turn whose inputs were never answered: no
        request.
    """

    request: int
    before: tuple[Step, ...]
    outputs: tuple[Step, ...]

    @property
    def inputs(self) -> tuple[Step, ...]:
        """Messages and results that arrived for this request, in order."""
        return tuple(step for step in self.before if step.block is not None)

    @property
    def lifecycle(self) -> tuple[Step, ...]:
        """Compactions, clearings, resets, aborts and resumes before this request, in order."""
        return tuple(step for step in self.before if step.block is None)


_INSTRUCTION_STARTS = (
    "# AGENTS.md",
    "<environment_context>",
    "<user_instructions>",
    "<system-reminder>",
    "<INSTRUCTIONS>",
    "<turn_aborted>",
    "<local-command-caveat>",
)
_PATH_KEYS = ("path", "file_path", "workdir")


def blocks_of(trace: Trace) -> list[Block]:
    """Return the blocks of a session in the order of full history; ``blocks[i].index == i``.

    Parameters
    ----------
    trace : Trace
        A recorded session. Thinking and recorded summaries give no block.
    """
    return [
        step.block
        for turn in turns_of(trace)
        for step in (*turn.before, *turn.outputs)
        if step.block is not None
    ]


def turns_of(trace: Trace) -> list[Turn]:
    """Return the requests of a session, with every event in its place in the full history.

    A request starts at an output that follows an input, unless both outputs round the input carry
    the same recorded reply id; what arrived between them (results of parallel calls) then belongs
    to the next request.

    Parameters
    ----------
    trace : Trace
        A recorded session. Thinking is left out.
    """
    turns: list[Turn] = []
    place = _Place()
    for before, outputs in _requests(trace.events):
        request = len(turns)
        arrived = tuple(Step(event, place.block_in(event, request)) for event in before)
        written = tuple(Step(event, place.block_out(event, request)) for event in outputs)
        turns.append(Turn(request, arrived, written))
    return turns


def histories_of(turns: Iterable[Turn]) -> list[list[Block]]:
    """Return the blocks between resets: what a model can have read when it wrote the last of them.

    Parameters
    ----------
    turns : iterable of Turn
        The requests of a session.

    Returns
    -------
    list of list of Block
        One list, of all blocks, for a session without a reset. After a reset the history begins
        with what outlived it.
    """
    kept: list[Block] = []
    histories: list[list[Block]] = [[]]
    for step in (step for turn in turns for step in (*turn.before, *turn.outputs)):
        if isinstance(step.event, Reset):
            histories.append([*kept])
        if step.block is None:
            continue
        histories[-1].append(step.block)
        if outlives_reset(step.event):
            kept.append(step.block)
    return histories


def outlives_reset(event: Event) -> bool:
    """Return whether a reset leaves an event in the prompt: system messages and instructions."""
    return isinstance(event, Message) and (
        event.role in ("system", "developer") or event.origin == "instructions"
    )


def _requests(events: list[Event]) -> Iterator[tuple[list[Event], list[Message | Call]]]:
    """Split events at the first output of each request."""
    before: list[Event] = []
    outputs: list[Message | Call] = []
    later: list[Event] = []  # what arrived after the first output, for the next request
    answered = False
    for event in events:
        if isinstance(event, Thinking):
            continue
        if not _is_output(event):
            later.append(event)
            answered = answered or isinstance(event, (Message, Result, Reset))
            continue
        if answered and outputs and not _same_reply(outputs[-1], event):
            yield before, outputs
            before, outputs, later = later, [], []
        elif not outputs:
            before, later = later, []
        answered = False
        outputs.append(event)
    if outputs:
        yield before, outputs
        before = []
    if before or later:
        yield [*before, *later], []


def _is_output(event: Event) -> TypeGuard[Message | Call]:
    return isinstance(event, Call) or (isinstance(event, Message) and event.role == "assistant")


def _same_reply(earlier: Message | Call, later: Message | Call) -> bool:
    return earlier.reply is not None and earlier.reply == later.reply


class _Place:
    """Numbers blocks as they are made."""

    def __init__(self) -> None:
        self._index = 0
        self._wrote = False

    def block_in(self, event: Event, request: int) -> Block | None:
        """Return the block of an input, None for a lifecycle event."""
        if isinstance(event, Result):
            return self._block(request, "in", "result", event.text)
        if not isinstance(event, Message):
            return None
        kind = _input_kind(event)
        fixed = kind == "system" and not self._wrote
        return self._block(request, "in", kind, event.text, fixed=fixed)

    def block_out(self, event: Message | Call, request: int) -> Block:
        """Return the block of an output."""
        self._wrote = True
        if isinstance(event, Message):
            text = _normal(event.text)
            return self._block(request, "out", "text", text, leaves=(text,), paths=(False,))
        return self._call(event, request)

    def _call(self, event: Call, request: int) -> Block:
        leaves: list[str] = []
        paths: list[bool] = []
        for key, leaf in leaves_of(event.arguments):
            if isinstance(leaf, str):
                leaves.append(_normal(leaf))
                paths.append(key in _PATH_KEYS)
        text = call_text(event.name, event.arguments)
        return self._block(request, "out", "call", text, leaves=tuple(leaves), paths=tuple(paths))

    def _block(
        self,
        request: int,
        direction: Direction,
        kind: str,
        text: str,
        *,
        fixed: bool = False,
        leaves: tuple[str, ...] = (),
        paths: tuple[bool, ...] = (),
    ) -> Block:
        index, self._index = self._index, self._index + 1
        return Block(index, request, direction, kind, _normal(text), fixed, leaves, paths)


def _input_kind(message: Message) -> str:
    if message.role in ("system", "developer"):
        return "system"
    if message.origin == "attachment":
        return "attachment"
    if message.origin == "instructions" or message.text.lstrip().startswith(_INSTRUCTION_STARTS):
        return "instr"
    return "user"


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n")


def call_text(name: str, arguments: Any) -> str:
    """Return the text of a call: its name and every leaf of its arguments, a line each."""
    lines = [name]
    for _, leaf in leaves_of(arguments):
        lines.append(_normal(leaf) if isinstance(leaf, str) else json.dumps(leaf))
    return "\n".join(lines) + "\n"


def leaves_of(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield every leaf of a JSON value in order, with the nearest object key above it.

    Parameters
    ----------
    value : JSON value
        Objects and lists are walked; anything else is a leaf. Nesting may be of any depth.
    """
    stack: list[tuple[str | None, Any]] = [(None, value)]
    while stack:
        key, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((name, child) for name, child in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend((key, child) for child in reversed(item))
        else:
            yield key, item
