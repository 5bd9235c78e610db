"""Counts remembered by content, because a count costs more than everything else in a turn."""

from __future__ import annotations

import threading

from ..errors import LimitExceeded
from .protocol import TokenCounter

__all__ = ["CountMemo", "digest"]


def digest(text: str) -> bytes:
    """16 bytes that name a content: XXH3-128 of its UTF-8, in canonical byte order.

    Lone surrogates are encoded as they stand. The hash is not cryptographic: equal digests are a
    hint that two contents are equal, not a proof.
    """
    import xxhash

    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))


class CountMemo:
    """A counter that remembers what it has counted, by content.

    Parameters
    ----------
    counter : TokenCounter
        Counts what is not remembered.
    capacity : int
        Counts remembered at most; about 150 bytes each. The texts themselves are not kept.

    Attributes
    ----------
    hits, misses : int
        Answers from memory, and from the counter.

    Notes
    -----
    Kept in two generations: when the young one holds half the capacity it becomes the old one and
    what was the old one is forgotten, so a content that is asked for again and again stays.

    Thread safety: safe. Two threads that ask for the same new text may both count it.
    """

    def __init__(self, counter: TokenCounter, capacity: int = 65_536) -> None:
        if capacity < 2:
            raise LimitExceeded(f"a memo needs a capacity of at least 2 counts, found {capacity}")
        self._counter = counter
        self._half = capacity // 2
        self._young: dict[tuple[bytes, int], int] = {}
        self._old: dict[tuple[bytes, int], int] = {}
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    @property
    def name(self) -> str:
        """The counter's name."""
        return self._counter.name

    @property
    def exact(self) -> bool:
        """Whether the counter is exact."""
        return self._counter.exact

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def count(self, text: str, content: bytes | None = None) -> int:
        """Tokens of ``text``.

        Parameters
        ----------
        text : str
            What to count.
        content : bytes, optional
            Its `digest`, where the caller has it already.
        """
        # Whoever can make two contents of one digest still does not know this process's seed of
        # the built-in hash, so nobody can have a long text counted as a short one.
        key = (digest(text) if content is None else content, hash(text))
        with self._lock:
            known = self._young.get(key)
            if known is None and (known := self._old.pop(key, None)) is not None:
                self._remember(key, known)
            if known is not None:
                self.hits += 1
                return known
        tokens = self._counter.count(text)
        with self._lock:
            self.misses += 1
            self._remember(key, tokens)
        return tokens

    def _remember(self, key: tuple[bytes, int], tokens: int) -> None:
        if len(self._young) >= self._half:
            self._young, self._old = {}, self._young
        self._young[key] = tokens

    def __repr__(self) -> str:
        return f"CountMemo({self._counter!r}, capacity={2 * self._half})"
