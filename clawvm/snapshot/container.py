"""The container of snapshots, deltas and journal records (``docs/snapshot-format.md``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..collector import paused
from ..errors import SnapshotInvalid
from .header import (
    FORMAT_MINOR,
    PLAIN,
    RAW_BYTES_MAX,
    Header,
    checksum,
    digest_of,
    read_header,
    write_header,
)
from .sections import section, split
from .state import JSON, Decoded, Encoded, Kind, StateDelta, check_kind
from .texts import Numbers, read_texts, write_texts

__all__ = ["decode", "decode_payload", "encode"]


def encode(
    kind: Kind,
    delta: StateDelta | None,
    operations: Sequence[JSON] = (),
    meta: Mapping[str, JSON] | None = None,
    *,
    base: bytes | None = None,
    external: bool = False,
    known: Mapping[str, int] | None = None,
) -> Encoded:
    """Write a state, a change or a journal record; the same input gives the same bytes.

    Parameters
    ----------
    kind : Kind
        What it is.
    delta : StateDelta or None
        The state or change; None for a record of operations alone.
    operations : sequence of JSON, optional
        The operations of a record.
    meta : mapping of str to JSON, optional
        Notes of the writer's.
    base : bytes, optional
        The digest of what a delta is a delta on; needed for that kind, refused for the others.
    external : bool, optional
        Leave texts of at least 512 bytes to a store and refer to them.
    known : mapping of str to int, optional
        Ids of texts that the store has already.

    Raises
    ------
    SnapshotInvalid
        When something in it is no JSON, does not hold together, or passes a documented limit.
    """
    check_kind(kind, delta, operations, base)
    parts = _payload_parts()
    numbers: Numbers = {}
    payload = bytearray()
    if base is not None:
        with section(payload, b"BASE"):
            payload += base
    with paused():
        if delta is not None:
            parts.write_delta(payload, delta, numbers)
        parts.write_trees(payload, operations, meta or {}, numbers)
        contents, content_texts = write_texts(payload, numbers, external, known or {})
    if len(payload) > RAW_BYTES_MAX:
        raise SnapshotInvalid(
            f"a snapshot holds at most {RAW_BYTES_MAX} bytes and this one has {len(payload)}; "
            "archive or remove pages"
        )
    stored, flags = _compressed(payload)
    header = Header(
        kind=kind,
        flags=flags,
        records=0 if delta is None else len(delta.slots),
        stored_bytes=len(stored),
        raw_bytes=len(payload),
        texts=len(numbers),
        contents=len(contents),
        digest=digest_of(payload),
        stored_checksum=checksum(stored),
    )
    data = write_header(header) + stored
    return Encoded(data, contents, content_texts, header.digest)


@cache
def _payload_parts() -> Any:
    """Return the module `payload`, which is imported when the first container is read or written.

    It needs msgspec. An import statement that finds it there takes longer than all the header.
    """
    from . import payload

    return payload


def _compressed(payload: bytearray) -> tuple[bytes, int]:
    """Return the payload as it is stored, and the flags that say how."""
    import lz4.block

    stored: bytes = lz4.block.compress(payload, store_size=False)
    return (stored, 0) if len(stored) < len(payload) else (bytes(payload), PLAIN)


def decode(data: bytes, contents: Sequence[bytes] = ()) -> Decoded:
    """Read a container; everything is checked before any of it is returned.

    Parameters
    ----------
    data : bytes
        What `encode` returned.
    contents : sequence of bytes, optional
        The external texts that it refers to, in its order.

    Raises
    ------
    SnapshotInvalid
        When it is damaged, of a version that is not known, or not of these contents.
    """
    header = read_header(data, len(data))
    return decode_payload(header, memoryview(data)[header.header_bytes :], contents)


def decode_payload(header: Header, stored: memoryview, contents: Sequence[bytes]) -> Decoded:
    """Read what stands behind a header that has been checked."""
    payload = _payload(header, stored)
    sections = split(payload, newer=header.format_minor > FORMAT_MINOR)
    parts = _payload_parts()
    with paused():
        texts, outside = read_texts(sections, header, contents)
        delta = parts.read_delta(sections, header, texts)
        operations, meta = parts.read_trees(sections, texts)
        base = bytes(sections[b"BASE"]) if b"BASE" in sections else None
        check_kind(header.kind, delta, operations, base)
        return Decoded(header.kind, delta, operations, meta, outside, header.digest, base)


def _payload(header: Header, stored: memoryview) -> bytes:
    """Return the payload, checked before and after it is decompressed."""
    import lz4.block

    if checksum(stored) != header.stored_checksum:
        raise SnapshotInvalid("the snapshot's payload does not match its checksum; it is damaged")
    if header.flags & PLAIN:
        payload = bytes(stored)
    else:
        try:
            payload = lz4.block.decompress(stored, uncompressed_size=header.raw_bytes)
        except lz4.block.LZ4BlockError as error:
            raise SnapshotInvalid(f"the snapshot's payload is no lz4 block ({error})") from error
    if len(payload) != header.raw_bytes:
        raise SnapshotInvalid(
            f"the snapshot's payload should have {header.raw_bytes} bytes and has {len(payload)}"
        )
    if digest_of(payload) != header.digest:
        raise SnapshotInvalid("the snapshot's payload does not match its digest; it is damaged")
    return payload
