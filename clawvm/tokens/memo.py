"""Counts remembered by content, because a count costs more than everything else in a turn."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ..errors import LimitExceeded
from .exact import EncodingCounter
from .protocol import TokenCounter

__all__ = ["CountMemo", "digest"]

# A page's text is asked for as often as it has levels, and then by the page table.
_RECENT_TEXTS = 8
# Fewer characters than this are counted one text after the other in a few milliseconds.
_AHEAD_CHARS_MIN = 1 << 16


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
        Counts remembered at most; about 130 bytes each. Of the texts only the last few are kept.

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
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}
        # The digests of the last few texts, by identity; each text is kept, so that its id is its.
        self._recent: dict[int, tuple[str, bytes]] = {}
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

    def digest(self, text: str) -> bytes:
        """The `digest` of a text, without hashing again one of the few that came last."""
        known = self._recent.get(id(text))
        if known is not None:
            return known[1]
        made = digest(text)
        if len(self._recent) >= _RECENT_TEXTS:
            self._recent = {}
        self._recent[id(text)] = (text, made)
        return made

    def count(self, text: str) -> int:
        """Tokens of ``text``."""
        key = self._key(text)
        tokens = self._known(key)
        return self._noted(key, self._counter.count(text)) if tokens is None else tokens

    def count_appended(self, before: str, text: str) -> int:
        """Tokens of ``text``, of which only the end is counted where that is exact.

        That is: if ``text`` begins with ``before``, whose count is remembered, and the counter can
        tell where the two may be cut.
        """
        key = self._key(text)
        tokens = self._known(key)
        if tokens is not None:
            return tokens
        counter = self._counter
        if isinstance(counter, EncodingCounter) and text.startswith(before):
            earlier = self._known(self._key(before))
            if earlier is not None:
                return self._noted(key, counter.count_appended(before, earlier, text))
        return self._noted(key, counter.count(text))

    def count_ahead(self, texts: Iterable[str]) -> None:
        """Count texts that are about to be asked for, all together, if that is faster.

        It is with many long texts and a counter that lets go of the GIL; else nothing happens.
        """
        counter = self._counter
        if not isinstance(counter, EncodingCounter):
            return
        # What is remembered beyond half the capacity could be forgotten before it is asked for.
        batch = list(dict.fromkeys(texts))[: self._half]
        if sum(map(len, batch)) < _AHEAD_CHARS_MIN:
            return
        keyed = [(self._key(text), text) for text in batch]
        with self._lock:
            fresh = {
                key: text for key, text in keyed if key not in self._young and key not in self._old
            }
        counted = counter.count_many(list(fresh.values()))
        for key, tokens in zip(fresh, counted, strict=True):
            self._noted(key, tokens)

    def _key(self, text: str) -> bytes:
        # Whoever can make two contents of one digest still does not know this process's seed of
        # the built-in hash, so nobody can have a long text counted as a short one.
        return self.digest(text) + hash(text).to_bytes(8, "little", signed=True)

    def _known(self, key: bytes) -> int | None:
        with self._lock:
            known = self._young.get(key)
            if known is None:
                known = self._old.pop(key, None)
                if known is None:
                    return None
                self._remember(key, known)
            self.hits += 1
            return known

    def _noted(self, key: bytes, tokens: int) -> int:
        with self._lock:
            self.misses += 1
            self._remember(key, tokens)
        return tokens

    def _remember(self, key: bytes, tokens: int) -> None:
        if len(self._young) >= self._half:
            self._young, self._old = {}, self._young
        self._young[key] = tokens

    def __repr__(self) -> str:
        return f"CountMemo({self._counter!r}, capacity={2 * self._half})"
