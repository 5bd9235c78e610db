"""The trace format: one recorded agent session as JSON Lines (``docs/trace-format.md``).

The first line is a `Header`, every other line one event, told apart by its ``kind``. Events stand
in the order in which the harness recorded them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Literal

import msgspec

__all__ = [
    "FORMAT",
    "KINDS",
    "VERSION",
    "Abort",
    "Call",
    "Clear",
    "Compaction",
    "Event",
    "Header",
    "Message",
    "Origin",
    "Output",
    "Reset",
    "Result",
    "Resume",
    "Role",
    "Shape",
    "Thinking",
    "Trace",
    "TraceSource",
    "Trigger",
    "encode_line",
    "write_trace",
]

FORMAT = "clawvm-trace"
VERSION = 1

Shape = Literal["openai", "anthropic"]
Role = Literal["system", "developer", "user", "assistant"]
Origin = Literal["instructions", "attachment"]
Trigger = Literal["auto", "manual"]
Count = Annotated[int, msgspec.Meta(ge=0)]


class TraceSource(msgspec.Struct, frozen=True):
    """Where a trace came from: the format it was imported from and the base name of the file."""

    format: str
    file: str


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a trace.

    Parameters
    ----------
    format, version
        Always ``"clawvm-trace"`` and `VERSION`.
    session : str
        The recorded session id, or a name made from the file.
    source : TraceSource
        What was imported.
    shape : {"openai", "anthropic"}
        The message format that the recording harness spoke, and that ``opaque`` blocks are in.
    """

    format: Literal["clawvm-trace"] = "clawvm-trace"
    version: int = VERSION
    session: str
    source: TraceSource
    shape: Shape


# gc=False: events are trees of JSON values, so no cycle can run through one.
class _Event(msgspec.Struct, tag_field="kind", kw_only=True, omit_defaults=True, gc=False):
    at: str | None = None


class Message(_Event, tag="message"):
    """A message of any role; of the assistant, one text block.

    Parameters
    ----------
    role : {"system", "developer", "user", "assistant"}
        Who wrote it.
    text : str
        Its text; parts of one message are joined by a newline.
    origin : {"instructions", "attachment"}, optional
        For user messages that the harness made, what they are.
    reply : str, optional
        For the assistant: the model reply that it is part of.
    opaque : tuple of dict
        Blocks that are not text (images, documents), verbatim in the header's shape, after the
        text.
    prompt_tokens : int, optional
        On the first event of a reply: the size of the prompt that it answered, as the harness
        recorded it.
    at : str, optional
        Recorded time, as found. Nothing is decided by it.
    """

    role: Role
    text: str
    origin: Origin | None = None
    reply: str | None = None
    opaque: tuple[dict[str, Any], ...] = ()
    prompt_tokens: Count | None = None


class Thinking(_Event, tag="thinking"):
    """Recorded reasoning. Not part of the history that a replay offers to policies."""

    text: str
    reply: str | None = None
    prompt_tokens: Count | None = None


class Call(_Event, tag="call"):
    """A tool call; ``arguments`` is a JSON object, or free text. ``id`` is unique in the trace."""

    id: str
    name: str
    arguments: dict[str, Any] | str
    reply: str | None = None
    prompt_tokens: Count | None = None


class Result(_Event, tag="result"):
    """The result of the call ``call_id``.

    ``header`` is the number of leading characters of ``text`` that differ between equal results (a
    wall time, a process number) and are skipped when results are compared.
    """

    call_id: str
    text: str
    is_error: bool = False
    header: Count = 0
    opaque: tuple[dict[str, Any], ...] = ()


class Compaction(_Event, tag="compaction"):
    """The recording harness replaced its history by a summary. What was not recorded is None.

    ``kept`` are the places in the trace's events, from 0, of those that stayed in the prompt beside
    the summary; the system prompt, which always stays, is not among them.
    """

    trigger: Trigger | None = None
    summary: str | None = None
    tokens_before: Count | None = None
    kept: tuple[Count, ...] | None = None


class Clear(_Event, tag="clear"):
    """The texts of these calls' results left the prompt; the messages stayed."""

    call_ids: tuple[str, ...]


class Reset(_Event, tag="reset"):
    """The history was thrown away (``/clear``, ``/new``)."""


class Abort(_Event, tag="abort"):
    """The user interrupted the model or a tool."""


class Resume(_Event, tag="resume"):
    """The session was closed and opened again."""


Output = Message | Thinking | Call
Event = Message | Thinking | Call | Result | Compaction | Clear | Reset | Abort | Resume

KINDS = ("message", "thinking", "call", "result", "compaction", "clear", "reset", "abort", "resume")


@dataclass(slots=True)
class Trace:
    """One session: its header and its events in recorded order."""

    header: Header
    events: list[Event]


_encoder = msgspec.json.Encoder()


def encode_line(record: Header | Event) -> bytes:
    """Return one line of a trace, newline included.

    Parameters
    ----------
    record : Header or Event
        What to write. Lone surrogates are written as escapes, integers of any size in full.
    """
    try:
        return _encoder.encode(record) + b"\n"
    except (OverflowError, UnicodeEncodeError):
        # msgspec writes 64-bit integers and valid Unicode; the standard library writes the rest.
        fields = msgspec.to_builtins(record)
        return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def write_trace(trace: Trace, stream: BinaryIO) -> None:
    """Write a trace as JSON Lines; several traces may follow each other in one stream.

    Parameters
    ----------
    trace : Trace
        What to write.
    stream : binary file
        Where to; it is neither flushed nor closed.
    """
    stream.write(encode_line(trace.header))
    stream.writelines(_encoded(trace.events))


def _encoded(events: Iterable[Event]) -> Iterable[bytes]:
    return (encode_line(event) for event in events)
