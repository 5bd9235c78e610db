"""The fields of a line in their order, and the line as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..errors import AuditEventInvalid
from . import events

__all__ = ["SESSION_FIELDS", "encoder", "in_order"]

SESSION_FIELDS = {
    event: names for event, names in events.FIELDS.items() if event not in events.OWN_EVENTS
}
"""The fields of the events that a session writes."""


def encoder() -> Callable[[dict[str, Any]], bytes]:
    """Return what makes JSON of a line; it raises `AuditEventInvalid` for what has none."""
    import msgspec

    encode = msgspec.json.Encoder().encode

    def encoded(record: dict[str, Any]) -> bytes:
        try:
            try:
                return encode(record)
            except (OverflowError, UnicodeEncodeError):
                # msgspec writes 64-bit integers and valid Unicode; the standard library the rest.
                return json.dumps(record, separators=(",", ":")).encode("ascii")
        except TypeError as error:
            raise AuditEventInvalid(
                f"an audit event {record['event']!r} has fields that JSON can say, found "
                f"something else: {error}"
            ) from error

    return encoded


def in_order(event: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event in the order of a line."""
    names = SESSION_FIELDS.get(event)
    if names is None:
        known = ", ".join(SESSION_FIELDS)
        raise AuditEventInvalid(f"an audit event is one of {known}, found {event!r}")
    if set(fields) != set(names):
        raise AuditEventInvalid(
            f"an audit event {event!r} has the fields {', '.join(names) or 'none'}, found "
            f"{', '.join(fields) or 'none'}; write all of them and no others"
        )
    return {name: fields[name] for name in names}
