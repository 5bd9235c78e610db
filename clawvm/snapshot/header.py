"""The fixed header of a container: what it is, how large its parts are, and their checksums.

Nothing behind the header is read, and no memory is taken for it, before the header has been
checked in the order of `read_header`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

import xxhash

from ..errors import SnapshotInvalid
from .state import RECORD_BYTES, Kind

__all__ = [
    "FORMAT_MAJOR",
    "FORMAT_MINOR",
    "HEADER_BYTES",
    "HEADER_BYTES_MAX",
    "MAGIC",
    "PLAIN",
    "RAW_BYTES_MAX",
    "Header",
    "checksum",
    "digest_of",
    "digest_of_all",
    "read_header",
    "write_header",
]

MAGIC: Final = b"\x89CLAW\r\n\x1a"
FORMAT_MAJOR: Final = 1
FORMAT_MINOR: Final = 0
HEADER_BYTES: Final = 72
HEADER_BYTES_MAX: Final = 4096
"""A later minor version may have a longer header, but not longer than this."""
PLAIN: Final = 1
"""Flag of a payload that is not compressed, because that would not have made it smaller."""
RAW_BYTES_MAX: Final = 1 << 30
"""Bytes of a payload before compression, at most."""
_RATIO_MAX: Final = 255
"""No byte of an lz4 block stands for more than this many, apart from its first few."""
_KINDS: Final = {int(kind): kind for kind in Kind}
_PREFIX = struct.Struct("<8sHHH")
_FIELDS = struct.Struct("<8sHHHBBHHIIIII16sQ")
_CHECKSUM = struct.Struct("<Q")


class Header(NamedTuple):
    """What a header says beside its constants; `format_minor` is the writer's."""

    kind: Kind
    flags: int
    records: int
    stored_bytes: int
    raw_bytes: int
    texts: int
    contents: int
    digest: bytes
    stored_checksum: int
    format_minor: int = FORMAT_MINOR
    header_bytes: int = HEADER_BYTES


def checksum(data: bytes | bytearray | memoryview) -> int:
    """XXH3-64."""
    return int(xxhash.xxh3_64_intdigest(data))


def digest_of(data: bytes | bytearray | memoryview) -> bytes:
    """XXH3-128, in canonical byte order."""
    return bytes(xxhash.xxh3_128_digest(data))


def digest_of_all(parts: Iterable[bytes]) -> bytes:
    """XXH3-128 of several texts, each after its length in 8 bytes, little-endian."""
    state = xxhash.xxh3_128()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return bytes(state.digest())


def write_header(header: Header) -> bytes:
    """Return the 72 bytes of a header."""
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT_MAJOR,
        FORMAT_MINOR,
        HEADER_BYTES,
        header.kind,
        header.flags,
        RECORD_BYTES,
        0,
        header.records,
        header.stored_bytes,
        header.raw_bytes,
        header.texts,
        header.contents,
        header.digest,
        header.stored_checksum,
    )
    return fields + _CHECKSUM.pack(checksum(fields))


def read_header(data: bytes, size: int) -> Header:
    """Read the header at the start of `data`, of a container of `size` bytes in all.

    The order of the checks: long enough, magic, header's length, its checksum, version, reserved
    bits, sizes. Each has a sentence of its own.

    Raises
    ------
    SnapshotInvalid
        At the first that fails.
    """
    if size < HEADER_BYTES or len(data) < HEADER_BYTES:
        raise SnapshotInvalid(
            f"a snapshot has a header of {HEADER_BYTES} bytes, found {min(size, len(data))} bytes "
            "in all; it was cut off, or is something else"
        )
    magic, major, minor, header_bytes = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise SnapshotInvalid(
            f"a snapshot starts with {MAGIC!r}, found {magic!r}; it is something else, or was "
            "copied as text"
        )
    if not HEADER_BYTES <= header_bytes <= min(HEADER_BYTES_MAX, size, len(data)):
        raise SnapshotInvalid(
            f"a snapshot's header has {HEADER_BYTES} to {HEADER_BYTES_MAX} bytes, found a length "
            f"of {header_bytes} in {size} bytes; it is damaged or cut off"
        )
    (expected,) = _CHECKSUM.unpack_from(data, header_bytes - _CHECKSUM.size)
    if checksum(data[: header_bytes - _CHECKSUM.size]) != expected:
        raise SnapshotInvalid("the snapshot's header does not match its checksum; it is damaged")
    if major != FORMAT_MAJOR:
        raise SnapshotInvalid(
            f"the snapshot is of format {major}.{minor} and this version of clawvm reads "
            f"{FORMAT_MAJOR}.x; use the version that wrote it"
        )
    return _read_fields(data, size, minor, header_bytes)


def _read_fields(data: bytes, size: int, minor: int, header_bytes: int) -> Header:
    fields = _FIELDS.unpack_from(data)
    kind, flags, record_bytes, reserved = fields[4:8]
    if reserved or flags & ~PLAIN or (minor == FORMAT_MINOR and header_bytes != HEADER_BYTES):
        raise SnapshotInvalid(
            f"the snapshot sets bits that format {FORMAT_MAJOR}.{minor} keeps at zero "
            f"(flags {flags:#x}, reserved {reserved:#x}); it is damaged"
        )
    if kind not in _KINDS or record_bytes != RECORD_BYTES:
        raise SnapshotInvalid(
            f"a snapshot is of kind 1 to {len(Kind)} with records of {RECORD_BYTES} bytes, found "
            f"kind {kind} with records of {record_bytes}"
        )
    records, stored_bytes, raw_bytes, texts, contents, digest, stored_checksum = fields[8:]
    header = Header(
        _KINDS[kind],
        flags,
        records,
        stored_bytes,
        raw_bytes,
        texts,
        contents,
        digest,
        stored_checksum,
        minor,
        header_bytes,
    )
    _check_sizes(header, size)
    return header


def _check_sizes(header: Header, size: int) -> None:
    stored, raw = header.stored_bytes, header.raw_bytes
    if header.header_bytes + stored != size:
        raise SnapshotInvalid(
            f"the snapshot should have {header.header_bytes + stored} bytes and has {size}; it was "
            "cut off, or something was added"
        )
    if raw > RAW_BYTES_MAX:
        raise SnapshotInvalid(
            f"a snapshot holds at most {RAW_BYTES_MAX} bytes before compression, found {raw}"
        )
    fits = raw == stored if header.flags & PLAIN else raw <= _RATIO_MAX * stored
    if not fits:
        raise SnapshotInvalid(
            f"{stored} bytes of payload cannot hold {raw} bytes; the header is damaged"
        )
    if header.records * RECORD_BYTES + header.texts > raw or header.contents > header.texts:
        raise SnapshotInvalid(
            f"a payload of {raw} bytes cannot hold {header.records} records and {header.texts} "
            f"texts, {header.contents} of them elsewhere; the header is damaged"
        )
