"""The repeats of a session: where the text at one place occurs again, as far as it goes.

One polynomial hash over the whole text gives the hash of any stretch in three look-ups, so the
places of a gram come from one sort, and its longest repeat from a bisection over its length. A
hash is a hint: what is returned has been compared character by character.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["SpanIndex"]

_Words = NDArray[np.uint64]
_Places = NDArray[np.int64]

# Odd, so that it has an inverse modulo 2**64; otherwise arbitrary.
_BASE = 0x9E3779B97F4A7C15
# Spreads the few bits of a character code over a word, so that short texts rarely collide.
_MIX = 0xD6E8FEB86659FD93
# Places that are tried first; the others are then looked at about twice each, whatever the length.
_SAMPLE = 64


class SpanIndex:
    """Every gram of `length` characters in a list of pages, and in the texts looked for.

    Offsets count characters in the pages laid end to end. A gram lies within one page: none
    crosses a border.

    Parameters
    ----------
    pages : sequence of str
        The texts to find repeats in.
    queries : sequence of str
        The texts whose repeats are looked for; none is a source of itself.
    length : int
        Characters in a gram, at least 1: the shortest repeat that is found.

    Notes
    -----
    Memory is about 64 bytes for each character of `pages` and `queries`, time is that of one sort.
    Not safe to change from several threads; nothing changes after construction.
    """

    def __init__(self, pages: Sequence[str], queries: Sequence[str], length: int) -> None:
        self._length = length
        self._text = "".join(pages)
        self._queries = queries
        self._page_starts = _offsets(pages)
        self._query_starts = _offsets(queries) + len(self._text)
        self._sums, self._inverses = _prefix_hashes(self._text + "".join(queries))
        self._places = self._sorted_grams()
        self._hashes = self._hash(self._places, length)

    def page_start(self, page: int) -> int:
        """Offset of the first character of `page`; for the number of pages, the whole length."""
        return int(self._page_starts[page])

    def matches(self, query: int, limit: int) -> _Places:
        """Positions in a query whose gram may repeat at an offset below `limit`, ascending.

        None that repeats is missing; a rare one is there for its hash only.
        """
        starts = self._gram_starts(self._query_starts[query : query + 2])
        if not starts.size or not self._places.size:
            return np.empty(0, dtype=np.int64)
        hashes = self._hash(starts, self._length)
        # Equal hashes are sorted by offset, so the leftmost is the oldest.
        left = np.minimum(np.searchsorted(self._hashes, hashes), self._hashes.size - 1)
        found = (self._hashes[left] == hashes) & (self._places[left] < limit)
        return np.flatnonzero(found).astype(np.int64)

    def longest(self, query: int, position: int, limit: int) -> tuple[int, _Places]:
        """Longest repeat of a query's text from `position` on, inside one page below `limit`.

        `position` is one that :meth:`matches` gave.

        Returns
        -------
        length : int
            Characters that repeat; 0 when there is no repeat of a gram or more.
        offsets : numpy array
            The last place of it in each page that holds it, ascending.
        """
        places = self._same_gram(query, position, limit)
        # The newest places settle the length, or nearly; a gram may have a hundred thousand others.
        length, _ = self._gallop(query, position, places[-_SAMPLE:], self._length, self._length)
        length, places_at_length = self._gallop(query, position, places, length, 1)
        wanted = self._queries[query][position : position + length]
        offsets = self._verified(wanted, places_at_length)
        if offsets.size or not places.size:
            return (length if offsets.size else 0), offsets
        # Every place was a false one: the hash cannot be trusted here, so each is compared.
        return self._longest_by_text(self._queries[query][position:], places)

    def pages_of(self, offsets: _Places) -> _Places:
        """Page of each offset."""
        return np.searchsorted(self._page_starts, offsets, side="right") - 1

    def _gram_starts(self, starts: _Places) -> _Places:
        """Offsets at which a whole gram begins, in texts that lie between `starts`."""
        sizes = np.maximum(np.diff(starts) - self._length + 1, 0)
        first = np.repeat(starts[:-1] - (np.cumsum(sizes) - sizes), sizes)
        return first + np.arange(first.size, dtype=np.int64)

    def _sorted_grams(self) -> _Places:
        places = self._gram_starts(self._page_starts)
        return places[np.argsort(self._hash(places, self._length), kind="stable")]

    def _hash(self, starts: _Places, length: int) -> _Words:
        return (self._sums[starts + length] - self._sums[starts]) * self._inverses[starts]

    def _same_gram(self, query: int, position: int, limit: int) -> _Places:
        start = self._query_starts[query : query + 1] + position
        gram = self._hash(start, self._length)[0]
        left = int(np.searchsorted(self._hashes, gram))
        right = int(np.searchsorted(self._hashes, gram, side="right"))
        places = self._places[left:right]
        return places[: int(np.searchsorted(places, limit))]

    def _gallop(
        self, query: int, position: int, places: _Places, low: int, step: int
    ) -> tuple[int, _Places]:
        """Longest length, from `low` up, with an equal hash at some of the places; and at which.

        What is equal over more characters is equal over fewer, so a place that fails is out for
        every greater length, and a length at which all fail bounds the answer.
        """
        start = self._query_starts[query : query + 1] + position
        room = self._page_starts[self.pages_of(places) + 1] - places
        kept = self._same_hash(start, low, places, room, np.arange(places.size))
        high = min(len(self._queries[query]) - position, int(room.max(initial=0))) + 1
        while high - low > 1:
            middle = min(low + step, (low + high) // 2)
            still = self._same_hash(start, middle, places, room, kept)
            if still.size:
                low, kept, step = middle, still, step * 2
            else:
                high = middle
        return low, places[kept]

    def _same_hash(
        self, start: _Places, length: int, places: _Places, room: _Places, kept: _Places
    ) -> _Places:
        kept = kept[room[kept] >= length]
        equal: NDArray[np.bool_] = self._hash(places[kept], length) == self._hash(start, length)
        return kept[equal]

    def _verified(self, wanted: str, places: _Places) -> _Places:
        """The last of the places in each page that truly holds the text."""
        last = self._last_in_page(places)
        true = [self._text.startswith(wanted, place) for place in last.tolist()]
        if all(true):
            return last
        true = [self._text.startswith(wanted, place) for place in places.tolist()]
        return self._last_in_page(places[np.array(true)])

    def _last_in_page(self, places: _Places) -> _Places:
        pages = self.pages_of(places)
        is_last = np.ones(places.size, dtype=np.bool_)
        is_last[:-1] = pages[1:] != pages[:-1]
        return places[is_last]

    def _longest_by_text(self, wanted: str, places: _Places) -> tuple[int, _Places]:
        ends = self._page_starts[self.pages_of(places) + 1].tolist()
        lengths = np.array(
            [
                _common_prefix(wanted, self._text[place:end])
                for place, end in zip(places.tolist(), ends, strict=True)
            ]
        )
        longest = int(lengths.max())
        if longest < self._length:
            return 0, places[:0]
        return longest, self._last_in_page(places[lengths == longest])


def _offsets(texts: Sequence[str]) -> _Places:
    """Where each text begins when they are laid end to end, and where the last one ends."""
    return np.cumsum([0, *map(len, texts)], dtype=np.int64)


def _prefix_hashes(text: str) -> tuple[_Words, _Words]:
    """Sums of weight(c) * base**i before each character, and base**-i at it; modulo 2**64."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    weights = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX)
    weights ^= weights >> np.uint64(29)
    sums = np.zeros(codes.size + 1, dtype=np.uint64)
    np.cumsum(weights * _powers(_BASE, codes.size), out=sums[1:])
    return sums, _powers(pow(_BASE, -1, 1 << 64), codes.size)


def _powers(base: int, count: int) -> _Words:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)


def _common_prefix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
