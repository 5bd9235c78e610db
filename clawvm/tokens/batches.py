"""Counting many texts at once on several threads, for counters that let go of the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

__all__ = ["in_threads", "threads_for"]


def threads_for(texts: Sequence[str], chars_per_thread: int) -> int:
    """Return on how many threads to count: one for each core, if each gets enough to do."""
    chars = sum(map(len, texts))
    return max(1, min(os.cpu_count() or 1, len(texts), chars // chars_per_thread))


def in_threads(count: Callable[[str], int], texts: Sequence[str], threads: int) -> list[int]:
    """Count each text; every thread gets a run of them, all of about the same length together."""
    if threads < 2:
        return [count(text) for text in texts]
    # Few who import this package ever count in threads.
    from concurrent.futures import ThreadPoolExecutor

    def counts(part: Sequence[str]) -> list[int]:
        return [count(text) for text in part]

    with ThreadPoolExecutor(threads, "clawvm-count") as pool:
        return list(chain.from_iterable(pool.map(counts, _parts(texts, threads))))


def _parts(texts: Sequence[str], parts: int) -> Iterator[Sequence[str]]:
    share = -(-sum(map(len, texts)) // parts)
    start = chars = 0
    for end, text in enumerate(texts, 1):
        chars += len(text)
        if chars >= share:
            yield texts[start:end]
            start, chars = end, 0
    yield texts[start:]
