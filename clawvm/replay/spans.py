"""Spans: what the model wrote that it had read, or written, before.

The greedy longest-match factorisation of every string that the model wrote against the history
before it. ``docs/span-availability.md`` has the definition step by step.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import Block
from .span_index import SpanIndex

__all__ = [
    "BOILERPLATE_PAGES",
    "SPAN_CHARACTERS",
    "Span",
    "core_spans",
    "find_spans",
    "measured_spans",
    "non_tail_spans",
]

SPAN_CHARACTERS = 40
BOILERPLATE_PAGES = 12

_DISTINCT_CHARACTERS = 6
_ALPHANUMERIC_PERCENT = 30
_PATH_PERCENT = 60
_PATH_TOKEN = re.compile(r"[\w.~@+:-]*/[\w./~@+:-]*")
_PATCH_HEADER = re.compile(r"^(?:\*\*\* |@@).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of what the model wrote in one request that an earlier page holds whole.

    Parameters
    ----------
    request : int
        The request that wrote it.
    block : int
        Index of the output block it stands in.
    leaf : int
        Which of that block's leaves, from 0.
    start : int
        Its first character in that leaf.
    text : str
        The stretch itself.
    sources : tuple of int
        Index of every block of the history before the request that holds all of it, oldest first.
    age_characters : int
        Characters of history after the newest copy of it; a fourth of it is the age in tokens.
    path_argument : bool
        Whether the leaf is the value of a ``path``, ``file_path`` or ``workdir`` argument.
    """

    request: int
    block: int
    leaf: int
    start: int
    text: str
    sources: tuple[int, ...]
    age_characters: int
    path_argument: bool = False

    @property
    def first_source(self) -> int:
        """Index of the oldest block that holds it."""
        return self.sources[0]

    @property
    def newest_source(self) -> int:
        """Index of the newest block that holds it."""
        return self.sources[-1]


def find_spans(blocks: Sequence[Block], length: int = SPAN_CHARACTERS) -> list[Span]:
    """Every span of a session, in the order in which the model wrote them.

    The history before request t is the inputs with a request up to t and the outputs with one
    before t; nothing that t itself wrote is a source.

    Parameters
    ----------
    blocks : sequence of Block
        A session, in any order.
    length : int
        Fewest characters of a span, at least 1.

    Returns
    -------
    list of Span

    Raises
    ------
    ValueError
        If `length` is below 1.
    """
    if length < 1:
        raise ValueError(f"a span has at least 1 character, found length={length}")
    history = sorted(blocks, key=_history_order)
    order = [_history_order(block) for block in history]
    leaves = list(_leaves(history, length))
    index = SpanIndex([block.text for block in history], [leaf.text for leaf in leaves], length)
    spans: list[Span] = []
    for query, leaf in enumerate(leaves):
        limit = index.page_start(bisect_left(order, (leaf.block.request, True, -1)))
        for start, end, offsets in _factors(index, query, leaf.text, limit, length):
            text = leaf.text[start:end]
            if not _worth_counting(text, length):
                continue
            spans.append(
                Span(
                    request=leaf.block.request,
                    block=leaf.block.index,
                    leaf=leaf.number,
                    start=start,
                    text=text,
                    sources=tuple(history[page].index for page in index.pages_of(offsets).tolist()),
                    age_characters=limit - int(offsets[-1]) - len(text),
                    path_argument=leaf.is_path,
                )
            )
    return spans


def core_spans(spans: Iterable[Span], length: int = SPAN_CHARACTERS) -> list[Span]:
    """The spans less boilerplate, paths, patch headers and equal texts in one request.

    Parameters
    ----------
    spans : iterable of Span
        As :func:`find_spans` gives them.
    length : int
        Fewest characters that a span must have beside patch headers: the length that the
        spans were found with.

    Returns
    -------
    list of Span
        Those that are kept, in the same order.
    """
    kept: list[Span] = []
    seen: set[tuple[int, str]] = set()
    for span in spans:
        if (
            len(span.sources) > BOILERPLATE_PAGES
            or span.path_argument
            or _is_path_like(span.text)
            or _is_patch_header(span.text, length)
            or (span.request, span.text) in seen
        ):
            continue
        seen.add((span.request, span.text))
        kept.append(span)
    return kept


def non_tail_spans(spans: Iterable[Span], blocks: Iterable[Block]) -> list[Span]:
    """The spans that a policy can lose: not in the tail of their request, not in a fixed page.

    The tail of request t is the outputs of t - 1 and the inputs that arrived for t.

    Parameters
    ----------
    spans : iterable of Span
        Usually the core spans.
    blocks : iterable of Block
        The session they were found in.

    Returns
    -------
    list of Span
        Those that are kept, in the same order.
    """
    by_index = {block.index: block for block in blocks}
    return [
        span
        for span in spans
        if not _in_tail(by_index[span.newest_source], span.request)
        and not any(by_index[source].fixed for source in span.sources)
    ]


def measured_spans(blocks: Sequence[Block], length: int = SPAN_CHARACTERS) -> list[Span]:
    """The denominator of span availability: the core, non-tail spans of a session.

    Parameters
    ----------
    blocks : sequence of Block
        A session, in any order.
    length : int
        Fewest characters of a span, at least 1.

    Returns
    -------
    list of Span

    Raises
    ------
    ValueError
        If `length` is below 1.
    """
    return non_tail_spans(core_spans(find_spans(blocks, length), length), blocks)


@dataclass(frozen=True, slots=True)
class _Leaf:
    block: Block
    number: int
    text: str
    is_path: bool


def _history_order(block: Block) -> tuple[int, bool, int]:
    return block.request, block.direction == "out", block.index


def _leaves(history: Iterable[Block], length: int) -> Iterator[_Leaf]:
    for block in history:
        if block.direction == "in":
            continue
        for number, text in enumerate(block.leaves):
            if len(text) >= length:
                is_path = number < len(block.path_leaves) and block.path_leaves[number]
                yield _Leaf(block, number, text, is_path)


def _factors(
    index: SpanIndex, query: int, text: str, limit: int, length: int
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Start, end and source offsets of each longest match, from left to right, without overlap."""
    distinct = min(_DISTINCT_CHARACTERS, length)
    free_from = 0
    for start in index.matches(query, limit).tolist():
        if start < free_from or len(set(text[start : start + length])) < distinct:
            continue
        size, offsets = index.longest(query, start, limit)
        if size:
            free_from = start + size
            yield start, free_from, offsets


def _worth_counting(text: str, length: int) -> bool:
    stripped = text.strip()
    alphanumeric = sum(map(str.isalnum, stripped))
    return len(stripped) >= length and alphanumeric * 100 >= len(stripped) * _ALPHANUMERIC_PERCENT


def _is_path_like(text: str) -> bool:
    in_paths = sum(len(token) for token in text.split() if _PATH_TOKEN.fullmatch(token))
    return in_paths * 100 >= len(text) * _PATH_PERCENT


def _is_patch_header(text: str, length: int) -> bool:
    others, headers = _PATCH_HEADER.subn("", text)
    return headers > 0 and len(others.strip()) < length


def _in_tail(block: Block, request: int) -> bool:
    return block.request == (request if block.direction == "in" else request - 1)
