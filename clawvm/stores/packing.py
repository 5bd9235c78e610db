"""How the parts of a row are packed, in every store: references, checksums, hints."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

import xxhash

from ..errors import StoreCorrupt
from .codec import Codec
from .protocol import Append

__all__ = [
    "Prepared",
    "body_check",
    "hint_of",
    "is_sound",
    "pack_references",
    "prepare",
    "row_check",
    "unpack_references",
]

_ROW = struct.Struct("<qqqqqq")


class Prepared(NamedTuple):
    """A row with everything done to it that needs no database: encoded on its caller's thread.

    Parameters
    ----------
    body : bytes
        The record as it is stored.
    contents : tuple
        For each of `Append.contents` its id, or (digest hint, stored bytes).
    size : int
        Bytes to be stored at most.
    """

    body: bytes
    contents: tuple[int | tuple[int, bytes], ...]
    size: int


def prepare(row: Append, codec: Codec) -> Prepared:
    """Encode a row's record and contents."""
    body = codec.encode(row.record)
    size = len(body)
    contents: list[int | tuple[int, bytes]] = []
    for content in row.contents:
        if isinstance(content, int):
            contents.append(content)
        else:
            stored = codec.encode(content)
            size += len(stored)
            contents.append((hint_of(codec.digest(content), row.space.tenant), stored))
    return Prepared(body, tuple(contents), size)


def hint_of(digest: bytes, tenant: str) -> int:
    """Return the number that an equal text of the same tenant is looked up by.

    32 bits: a wrong find costs one comparison, while every byte of the index costs its pages. The
    tenant is in it, so that what thousands of tenants have in common is no long list for each.
    """
    mixed: int = xxhash.xxh3_64_intdigest(digest + tenant.encode())
    return (mixed & 0xFFFFFFFF) - 0x80000000


def body_check(number: int, stored: bytes) -> int:
    """Checksum of a stored body under its number, so that a swapped one is found too."""
    check: int = xxhash.xxh3_64_intdigest(stored, seed=number)
    return check - (1 << 63)


def is_sound(stored: object, number: int, check: object) -> TypeGuard[bytes]:
    """Whether a stored body is the one that its checksum was made of."""
    # What `body_check` does, spelled out: a restored session asks it of every content.
    return (
        isinstance(stored, bytes)
        and xxhash.xxh3_64_intdigest(stored, seed=number) - (1 << 63) == check
    )


def row_check(
    space: int, seq: int, saved_at: int, token: int, body: int, check: int, references: bytes
) -> int:
    """Checksum of a row: everything that stands in it, and its body's checksum."""
    packed = _ROW.pack(space, seq, saved_at, token, body, check) + references
    total: int = xxhash.xxh3_64_intdigest(packed)
    return total - (1 << 63)


def pack_references(ids: Sequence[int], base: int) -> bytes:
    """Pack content ids as differences, each from the one before and the first from `base`.

    Contents are mostly new and follow their row's body, so that one byte holds each.
    """
    packed = bytearray()
    for number in ids:
        difference = number - base
        base = number
        value = difference << 1 if difference >= 0 else (-difference << 1) - 1
        while value > 0x7F:
            packed.append(value & 0x7F | 0x80)
            value >>= 7
        packed.append(value)
    return bytes(packed)


def unpack_references(packed: object, base: int) -> tuple[int, ...]:
    """Undo `pack_references`."""
    if not isinstance(packed, bytes):
        raise StoreCorrupt(
            f"a row's list of contents is of type {type(packed).__name__}, expected bytes; "
            "run `clawvm fsck`"
        )
    ids = []
    value = shift = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        base += -((value + 1) >> 1) if value & 1 else value >> 1
        ids.append(base)
        value = shift = 0
    if shift:
        raise StoreCorrupt(
            "a row's list of contents ends in the middle of a number; run `clawvm fsck`"
        )
    return tuple(ids)
