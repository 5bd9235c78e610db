"""What is at rest: every record, content and snapshot passes through a codec.

A store writes down its codec's name and a probe, so that a store can never be opened with another
codec or another key. Encryption is in `clawvm.stores.encryption`.
"""

from __future__ import annotations

from typing import Protocol

import xxhash

from ..errors import LimitExceeded, StoreCorrupt

__all__ = ["ITEM_BYTES_MAX", "Codec", "Lz4Codec"]

ITEM_BYTES_MAX = 256 * 1024 * 1024
"""Most bytes of one record, content or snapshot, before it is encoded."""

# The first byte of what Lz4Codec writes.
_RAW = b"\x00"
_LZ4 = b"\x01"
_SIZE_BYTES = 4

# No LZ4 block expands by more than this, so a size beyond it is a lie.
_LZ4_EXPANSION_MAX = 255

# Shorter than this nothing is gained by trying.
_COMPRESS_FROM = 64


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
    bytes, little-endian, and one LZ4 block.
    """

    name = "lz4"

    def encode(self, data: bytes) -> bytes:
        """Compress, or mark as raw; the same bytes at every call."""
        import lz4.block

        check_size(data)
        if len(data) >= _COMPRESS_FROM:
            packed: bytes = lz4.block.compress(data, store_size=False)
            if len(packed) + _SIZE_BYTES < len(data):
                return b"".join((_LZ4, len(data).to_bytes(_SIZE_BYTES, "little"), packed))
        return _RAW + data

    def decode(self, data: bytes) -> bytes:
        """Undo `encode`; the size that is written down is checked before it is allocated."""
        import lz4.block

        form = data[:1]
        if form == _RAW:
            return data[1:]
        if form != _LZ4 or len(data) < 1 + _SIZE_BYTES:
            raise StoreCorrupt(
                f"stored bytes start with {form!r}, expected b'\\x00' or b'\\x01'; "
                "run `clawvm fsck` on the store"
            )
        block = memoryview(data)[1 + _SIZE_BYTES :]
        size = int.from_bytes(data[1 : 1 + _SIZE_BYTES], "little")
        if size > min(ITEM_BYTES_MAX, len(block) * _LZ4_EXPANSION_MAX):
            raise StoreCorrupt(
                f"stored bytes claim a size of {size} bytes, which {len(block)} bytes of LZ4 "
                "cannot give; run `clawvm fsck` on the store"
            )
        try:
            decoded: bytes = lz4.block.decompress(block, uncompressed_size=size)
        except lz4.block.LZ4BlockError as error:
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


def check_size(data: bytes) -> None:
    """Refuse what is larger than a store takes, before anything is allocated for it."""
    if len(data) > ITEM_BYTES_MAX:
        raise LimitExceeded(
            f"a record or content has {len(data)} bytes, at most {ITEM_BYTES_MAX} are stored; "
            "split the text"
        )
