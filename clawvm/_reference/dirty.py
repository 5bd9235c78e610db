"""Content digests as a record keeps them, and what a changed digest does to a page's version."""

from __future__ import annotations

from ..errors import LimitExceeded

__all__ = ["MAX_VERSION", "VERSIONS_SPENT", "digest_bytes", "digest_words", "next_version"]

MAX_VERSION = (1 << 32) - 1
VERSIONS_SPENT = (
    f"a page has at most {MAX_VERSION} versions and this one has reached that; "
    "remove the page and put it anew"
)


def digest_words(digest: bytes) -> tuple[int, int]:
    """Return 16 canonical (big-endian) bytes as two 64-bit words, the high one first."""
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def digest_bytes(words: tuple[int, int]) -> bytes:
    """Return the 16 canonical bytes of two words."""
    return words[0].to_bytes(8, "big") + words[1].to_bytes(8, "big")


def next_version(version: int, old: tuple[int, int], new: tuple[int, int]) -> int:
    """Return the version after a put: one more if the content changed.

    Raises
    ------
    LimitExceeded
        If the version would pass 32 bits.
    """
    if old == new:
        return version
    if version == MAX_VERSION:
        raise LimitExceeded(VERSIONS_SPENT)
    return version + 1
