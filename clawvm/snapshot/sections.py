"""The payload of a container: sections with a tag and a length, in one fixed order."""

from __future__ import annotations

import struct
from typing import Final

from ..errors import SnapshotInvalid

__all__ = ["TAGS", "section", "split"]

TAGS: Final = (
    b"BASE",
    b"TABL",
    b"RECS",
    b"PAGE",
    b"ARCH",
    b"ROWS",
    b"MSGS",
    b"SCAL",
    b"OPER",
    b"META",
    b"TEXT",
    b"CONT",
)
"""Every section there is, in the order in which they stand; one with nothing in it is left out."""
_PLACES: Final = {tag: place for place, tag in enumerate(TAGS)}
_HEAD = struct.Struct("<4sI")
_LENGTH = struct.Struct("<I")


class section:  # noqa: N801 - it is used as the functions are that stand beside it
    """Put what is added to the payload inside into a section of its own."""

    __slots__ = ("_payload", "_start")

    def __init__(self, payload: bytearray, tag: bytes) -> None:
        payload += _HEAD.pack(tag, 0)
        self._payload = payload
        self._start = len(payload)

    def __enter__(self) -> None:
        """The section has begun."""

    def __exit__(self, *_: object) -> None:
        """Write its length."""
        payload, start = self._payload, self._start
        _LENGTH.pack_into(payload, start - _LENGTH.size, len(payload) - start)


def split(payload: bytes, *, newer: bool) -> dict[bytes, memoryview]:
    """Return the sections of a payload by tag.

    Parameters
    ----------
    payload : bytes
        All of it.
    newer : bool
        Whether a later minor version wrote it: sections that are not known are then passed over.

    Raises
    ------
    SnapshotInvalid
        When a section is cut off, unknown, or out of its place.
    """
    view = memoryview(payload)
    sections: dict[bytes, memoryview] = {}
    place, last = 0, -1
    while left := len(view) - place:
        if left < _HEAD.size:
            raise SnapshotInvalid(f"the snapshot's last {left} bytes are no section")
        tag, size = _HEAD.unpack_from(view, place)
        place += _HEAD.size
        if size > left - _HEAD.size:
            raise SnapshotInvalid(
                f"section {tag!r} should have {size} bytes and {left - _HEAD.size} are left"
            )
        known = _PLACES.get(tag)
        if known is not None:
            if known <= last:
                raise SnapshotInvalid(f"section {tag!r} stands twice or out of its order")
            last = known
            sections[tag] = view[place : place + size]
        elif not newer:
            raise SnapshotInvalid(f"the snapshot has a section {tag!r}, which is not known")
        place += size
    return sections
