"""Searching a session's pages by id, type and text."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import PageInvalid
from ..pages import Page, PageType
from .book import PageBook

__all__ = ["MATCHES_MAX", "Match", "search"]

MATCHES_MAX = 20
_EXCERPT_CHARS = 80


class Match(NamedTuple):
    """A page that a search found.

    Parameters
    ----------
    page : Page
        Live, or archived by a reset.
    archived : bool
        Which of the two.
    excerpt : str
        The line of its text that has the first of the words, cut to 80 characters; the first line
        where the words stand in its id.
    """

    page: Page
    archived: bool
    excerpt: str


def search(
    book: PageBook, query: str, page_type: PageType | None = None, limit: int = MATCHES_MAX
) -> list[Match]:
    """Find the pages whose id and text have every word of `query`, in any case.

    Parameters
    ----------
    book : PageBook
        Live and archived pages.
    query : str
        Words; no words at all match every page.
    page_type : PageType, optional
        Only pages of this type.
    limit : int, optional
        At most so many.

    Returns
    -------
    list of Match
        Pages whose id has all the words first, then the newest first.

    Raises
    ------
    PageInvalid
        When `query` is no text.
    """
    if not isinstance(query, str):
        raise PageInvalid(f"a search needs words as one text, found {type(query).__name__}")
    words = query.lower().split()
    found: list[tuple[bool, int, Match]] = []
    for pages, archived in ((book.live, False), (book.archived, True)):
        for page in pages.values():
            if page_type is not None and page.type is not page_type:
                continue
            name = page.id.lower()
            in_name = all(word in name for word in words)
            if not in_name:
                text = "\n".join((name, *page.texts)).lower()
                if not all(word in text for word in words):
                    continue
            match = Match(page, archived, _excerpt(page, words))
            found.append((not in_name, -page.serial, match))
    found.sort(key=lambda item: item[:2])
    return [match for _, _, match in found[:limit]]


def _excerpt(page: Page, words: list[str]) -> str:
    text = page.texts[-1]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    hits = (line for line in lines if any(word in line.lower() for word in words))
    line = next(hits, lines[0] if lines else "")
    return line if len(line) <= _EXCERPT_CHARS else line[: _EXCERPT_CHARS - 1] + "…"
