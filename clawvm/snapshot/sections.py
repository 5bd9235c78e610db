"""The payload of a container: sections with a tag and a length, in one fixed order."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import SnapshotInvalid

__all__ = ["TAGS", "join", "split"]

TAGS: Final = (
    b"BASE",
    b"TABL",
    b"RECS",
    b"PAGE",
    b"ARCH",
    b"ROWS",
    b"SCAL",
    b"OPER",
    b"META",
    b"TEXT",
    b"BLOB",
)
"""Every section there is, in the order in which they stand; one with nothing in it is left out."""
_HEAD = struct.Struct("<4sI")


def join(sections: Mapping[bytes, bytes], blob: Sequence[bytes]) -> bytes:
    """Return the payload of these sections, and of the section of what stands in `blob`."""
    parts = []
    for tag in TAGS:
        if tag in sections:
            parts += [_HEAD.pack(tag, len(sections[tag])), sections[tag]]
    if blob:
        parts.append(_HEAD.pack(b"BLOB", sum(map(len, blob))))
    return b"".join([*parts, *blob])


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
    while place < len(view):
        if len(view) - place < _HEAD.size:
            raise SnapshotInvalid(f"the snapshot's last {len(view) - place} bytes are no section")
        tag, size = _HEAD.unpack_from(view, place)
        place += _HEAD.size
        if size > len(view) - place:
            raise SnapshotInvalid(
                f"section {tag!r} should have {size} bytes and {len(view) - place} are left"
            )
        if tag in TAGS:
            if TAGS.index(tag) <= last:
                raise SnapshotInvalid(f"section {tag!r} stands twice or out of its order")
            last = TAGS.index(tag)
            sections[tag] = view[place : place + size]
        elif not newer:
            raise SnapshotInvalid(f"the snapshot has a section {tag!r}, which is not known")
        place += size
    return sections
