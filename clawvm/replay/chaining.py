"""Many short sessions as one long one, so that they press on a budget together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest

import msgspec

from ..errors import TraceInvalid
from .blocks import outlives_reset
from .trace import Call, Clear, Compaction, Event, Header, Message, Reset, Result, Thinking, Trace

__all__ = ["chained"]


def chained(traces: Iterable[Trace]) -> Trace:
    """Join sessions into one, with a reset between each and the next.

    What outlives a reset (system and developer messages, instructions) is kept once where sessions
    begin alike: one policy for all of them is one page that has to stay. Ids of calls and replies
    get the number of their session, so they are unique. The traces themselves are not changed.

    Parameters
    ----------
    traces : iterable of Trace
        Sessions of one message format, in the order in which they are joined.

    Returns
    -------
    Trace
        Named after the first session, with the number of them.

    Raises
    ------
    TraceInvalid
        If there is no session, or they are not of one message format.
    """
    sessions = list(traces)
    if not sessions:
        raise TraceInvalid("nothing to chain: expected at least one session, found none")
    first = sessions[0].header
    events: list[Event] = []
    known: set[tuple[str, str]] = set()
    for number, trace in enumerate(sessions):
        if trace.header.shape != first.shape:
            raise TraceInvalid(
                f"session {trace.header.session} cannot be chained to {first.session}: expected "
                f"{first.shape} messages, found {trace.header.shape}; chain each format by itself"
            )
        if number:
            events.append(Reset())
        rules = [_rule(event) for event in trace.events[: _length_of_beginning(trace)]]
        places: dict[int, int] = {}  # of an event in its session -> in the chain
        for place, (event, rule) in enumerate(zip_longest(trace.events, rules)):
            if rule is None or rule not in known:
                places[place] = len(events)
                events.append(_numbered(event, number, places))
        known.update(rule for rule in rules if rule is not None)
    header = Header(
        session=f"{first.session} (chain of {len(sessions)})",
        source=first.source,
        shape=first.shape,
    )
    return Trace(header, events)


def _length_of_beginning(trace: Trace) -> int:
    """Return how many events there are before the model first wrote something."""
    for place, event in enumerate(trace.events):
        if isinstance(event, (Call, Thinking)) or (
            isinstance(event, Message) and event.role == "assistant"
        ):
            return place
    return len(trace.events)


def _rule(event: Event) -> tuple[str, str] | None:
    """Return what makes two messages that outlive a reset the same; None for any other event."""
    if not isinstance(event, Message) or event.opaque or not outlives_reset(event):
        return None
    return event.role, event.text


def _numbered(event: Event, session: int, places: Mapping[int, int]) -> Event:
    """Return an event with the ids and places that it names as they are in the chain."""
    if isinstance(event, Compaction) and event.kept is not None:
        kept = tuple(places[place] for place in event.kept if place in places)
        return msgspec.structs.replace(event, kept=kept)
    if isinstance(event, Result):
        return msgspec.structs.replace(event, call_id=f"{session}-{event.call_id}")
    if isinstance(event, Clear):
        ids = tuple(f"{session}-{call_id}" for call_id in event.call_ids)
        return msgspec.structs.replace(event, call_ids=ids)
    if not isinstance(event, (Message, Thinking, Call)):
        return event
    reply = None if event.reply is None else f"{session}-{event.reply}"
    if isinstance(event, Call):
        return msgspec.structs.replace(event, id=f"{session}-{event.id}", reply=reply)
    return event if reply is None else msgspec.structs.replace(event, reply=reply)
