"""What is at rest: every record, content and snapshot passes through a codec.

A store writes down its codec's name and a probe, so that a store can never be opened with another
codec or another key. Encryption is in `clawvm.stores.encryption`.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Protocol

import xxhash

from ..errors import LimitExceeded, StoreCorrupt

__all__ = ["ITEM_BYTES_MAX", "Codec", "Lz4Codec"]

ITEM_BYTES_MAX = 256 * 1024 * 1024
"""Most bytes of one record, content or snapshot, before it is encoded."""

# The first byte of what Lz4Codec writes.
_RAW = b"\x00"
_LZ4 = b"\x01"
_HEAD = struct.Struct("<BI")

# No LZ4 block expands by more than this, so a size beyond it is a lie.
_LZ4_EXPANSION_MAX = 255

# Shorter than this there is little to gain: lz4 clears a table of 16 KB each time, and lets other
# threads go first.
_COMPRESS_FROM = 512

# What starts like this is a container that has compressed what is in it (docs/snapshot-format.md).
_CONTAINER = b"\x89CLAW\r\n\x1a"


class Codec(Protocol):
    """A reversible form for the bytes of a store.

    `encode` may give another form of the same bytes at every call; `digest` may not.
    """

    @property
    def name(self) -> str:
        """What the store writes down; another name is another codec."""

    def encode(self, data: bytes) -> bytes:
        """Return the form that is stored."""

    def decode(self, data: bytes) -> bytes:
        """Return what was encoded; raises `StoreCorrupt` for what this codec has not made."""

    def digest(self, data: bytes) -> bytes:
        """Return at least 8 bytes by which equal texts are found; a hint, never proof."""


class Lz4Codec:
    """The default: LZ4 where it saves something, the bytes as they are elsewhere.

    One byte tells the form, 0 for raw and 1 for LZ4; after a 1 comes the decoded size as four
    bytes, little-endian, and one LZ4 block. Records and snapshots of sessions, which are compressed
    already, stay raw.
    """

    name = "lz4"

    def encode(self, data: bytes) -> bytes:
        """Compress, or mark as raw; the same bytes at every call."""
        check_size(data)
        if len(data) >= _COMPRESS_FROM and not data.startswith(_CONTAINER):
            packed: bytes = _lz4_block().compress(data, store_size=False)
            if len(packed) + _HEAD.size <= len(data):
                return _HEAD.pack(_LZ4[0], len(data)) + packed
        return _RAW + data

    def decode(self, data: bytes) -> bytes:
        """Undo `encode`; the size that is written down is checked before it is allocated."""
        # A restored session decodes hundreds of contents, of a microsecond or two each.
        form = data[:1]
        if form == _RAW:
            return data[1:]
        if form != _LZ4 or len(data) < _HEAD.size:
            raise StoreCorrupt(
                f"stored bytes start with {form!r}, expected b'\\x00' or b'\\x01'; "
                "run `clawvm fsck` on the store"
            )
        _, size = _HEAD.unpack_from(data)
        block_bytes = len(data) - _HEAD.size
        if size > block_bytes * _LZ4_EXPANSION_MAX or size > ITEM_BYTES_MAX:
            raise StoreCorrupt(
                f"stored bytes claim a size of {size} bytes, which {block_bytes} bytes of LZ4 "
                "cannot give; run `clawvm fsck` on the store"
            )
        lz4_block = _lz4_block()
        try:
            # The size and the block, as lz4 itself writes them down.
            decoded: bytes = lz4_block.decompress(data[1:])
        except lz4_block.LZ4BlockError as error:
            raise StoreCorrupt(
                f"stored bytes are no LZ4 block ({error}); run `clawvm fsck` on the store"
            ) from error
        if len(decoded) != size:
            raise StoreCorrupt(
                f"stored bytes gave {len(decoded)} bytes, expected {size}; "
                "run `clawvm fsck` on the store"
            )
        return decoded

    def digest(self, data: bytes) -> bytes:
        """XXH3-128."""
        return xxhash.xxh3_128_digest(data)


@cache
def _lz4_block() -> Any:
    """Return the module, which is imported when the first store is opened."""
    import lz4.block

    return lz4.block


def check_size(data: bytes) -> None:
    """Refuse what is larger than a store takes, before anything is allocated for it."""
    if len(data) > ITEM_BYTES_MAX:
        raise LimitExceeded(
            f"a record or content has {len(data)} bytes, at most {ITEM_BYTES_MAX} are stored; "
            "split the text"
        )
