"""How rows and contents stand in PostgreSQL: checksums made at writing and verified at reading."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import xxhash

from ..errors import StoreCorrupt
from .codec import Codec
from .protocol import Row, Space

__all__ = ["COLUMNS", "contents_sum", "data_sum", "open_content", "open_row", "record_sum"]

COLUMNS = "seq, token, saved_at, contents, contents_sum, record_sum, record"
"""What `open_row` reads, in this order."""


def record_sum(
    codec: Codec, space: Space, seq: int, token: int, record: bytes, *, snapshot: bool
) -> bytes:
    """Digest of a record under everything that it belongs to, so that a moved one is found."""
    kind = "snapshot" if snapshot else "row"
    place = "\0".join((kind, *space, str(seq), str(token), ""))
    return codec.digest(place.encode() + record)


def contents_sum(space_id: int, seq: int, contents: Sequence[int]) -> bytes:
    """What the database's function of this name computes, once it has given the ids."""
    text = f"{space_id}:{seq}:{','.join(map(str, contents))}"
    return hashlib.sha256(text.encode()).digest()[:8]


def data_sum(tenant: str, hint: int, data: bytes) -> int:
    """Checksum of a content as it is stored, under its tenant and hint."""
    total: int = xxhash.xxh3_64_intdigest(f"{tenant}\0{hint}\0".encode() + data)
    return total - (1 << 63)


def open_row(
    codec: Codec, space: Space, space_id: int, columns: Sequence[Any], *, snapshot: bool = False
) -> Row:
    """Decode and verify a row; raises `StoreCorrupt` when it is not what was written."""
    seq, token, saved_at, contents, sum_of_contents, sum_of_record, stored = columns
    what = f"{'snapshot up to' if snapshot else 'row'} {seq} of {space}"
    try:
        record = codec.decode(stored)
    except StoreCorrupt as error:
        raise StoreCorrupt(f"{what}: {error}") from error
    if record_sum(codec, space, seq, token, record, snapshot=snapshot) != sum_of_record:
        raise StoreCorrupt(f"{what}: the record does not match its checksum; run `clawvm fsck`")
    if contents_sum(space_id, seq, contents) != sum_of_contents:
        raise StoreCorrupt(
            f"{what}: the list of contents does not match its checksum; run `clawvm fsck`"
        )
    return Row(seq, record, tuple(contents), saved_at)


def open_content(codec: Codec, tenant: str, columns: Sequence[Any]) -> bytes:
    """Decode and verify a content, of columns id, hint, data_sum and data."""
    number, hint, summed, data = columns
    if data_sum(tenant, hint, data) != summed:
        raise StoreCorrupt(
            f"content {number} of tenant {tenant!r} does not match its checksum; run `clawvm fsck`"
        )
    try:
        return codec.decode(data)
    except StoreCorrupt as error:
        raise StoreCorrupt(f"content {number} of tenant {tenant!r}: {error}") from error
