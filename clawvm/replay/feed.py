"""What a harness would have done before a request: the calls on a session, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from ..messages import Shape
from ..session import Session
from .blocks import Step, Turn
from .messages import input_messages, reply_message
from .trace import Call, Compaction, Origin, Reset

__all__ = ["Action", "actions_of"]

Action = Callable[[Session], object]
"""One call on a session. To make it twice is to make it once, unless it gives a message."""


def actions_of(before: Turn | None, turn: Turn, shape: Shape) -> list[Action]:
    """List what leads from one request to the next: the reply, what arrived, boundaries.

    Parameters
    ----------
    before : Turn or None
        The request before; None for the first.
    turn : Turn
        The request.
    shape : {"openai", "anthropic"}
        The format of the messages.
    """
    return list(_actions(before, turn, shape))


def _actions(before: Turn | None, turn: Turn, shape: Shape) -> Iterator[Action]:
    written = () if before is None else before.outputs
    open_calls: set[str] = set()
    reply = reply_message(written, shape)
    if reply is not None:
        open_calls = {step.event.id for step in written if isinstance(step.event, Call)}
        yield lambda session: session.post_model(reply)
    arrived: list[Step] = []
    for step in turn.before:
        if isinstance(step.event, Reset):
            yield from _additions(arrived, open_calls, shape)
            yield Session.reset
            arrived, open_calls = [], set()
        elif isinstance(step.event, Compaction) and step.event.trigger == "manual":
            yield Session.compaction
        elif step.block is not None:
            arrived.append(step)
    yield from _additions(arrived, open_calls, shape)


def _additions(steps: Sequence[Step], open_calls: set[str], shape: Shape) -> Iterator[Action]:
    for message, origin in input_messages(steps, open_calls, shape):
        yield partial(_add, message=message, origin=origin)


def _add(session: Session, message: dict[str, Any], origin: Origin | None) -> None:
    session.add(message, origin=origin)
