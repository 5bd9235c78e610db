"""Looking a page's text up, with a typed answer (paper, section 1: recall is observable)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from ..errors import ContentMissing, StoreCorrupt, StoreFailed
from .book import PageBook

__all__ = ["HANDLE", "SCHEME", "Recall", "RecallOutcome", "look_up", "page_id_in"]

SCHEME = "clawvm://"
HANDLE = re.compile(SCHEME + r"(?P<session>[^/@]+)/(?P<page>.+)@(?P<version>\d{1,10})")


class RecallOutcome(StrEnum):
    """How a lookup ended; there is no unexplained nothing."""

    FOUND = "found"
    NO_MATCH = "no-match"
    DENIED = "denied"
    BACKEND_ERROR = "backend-error"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Recall:
    """The answer to a lookup.

    Parameters
    ----------
    outcome : RecallOutcome
        How it ended.
    page_id : str
        What was asked for.
    version : int
        The version that was found; for ``STALE`` the newest there is; 0 where nothing is known.
    text : str or None
        The exact text for ``FOUND``, the newest text for ``STALE``, else None.
    reason : str
        One sentence for a reader.
    """

    outcome: RecallOutcome
    page_id: str
    version: int
    text: str | None
    reason: str

    @property
    def found(self) -> bool:
        """Whether this is the text that was asked for."""
        return self.outcome is RecallOutcome.FOUND


def page_id_in(handle: re.Match[str]) -> str:
    """Return the page id that a handle names."""
    return unquote(handle["page"])


def look_up(
    book: PageBook,
    name: str,
    version: int | None,
    older_text: Callable[[str, int], str | None],
) -> Recall:
    """Return the text of a page by id or handle, or why there is none; see `Session.recall`.

    `older_text` is asked for a version that is not in memory, and may raise `StoreFailed`.
    """
    handle = HANDLE.fullmatch(name)
    page_id = name
    if handle is not None:
        page_id = page_id_in(handle)
        version = int(handle["version"])
        if not book.answers_for(handle["session"], page_id, version):
            return Recall(
                RecallOutcome.DENIED,
                page_id,
                0,
                None,
                f"{name} belongs to session {handle['session']!r}, this is {book.session_id!r}",
            )
    page = book.live.get(page_id) or book.archived.get(page_id)
    if page is None:
        reason = f"session {book.session_id!r} has no page {page_id!r}"
        return Recall(RecallOutcome.NO_MATCH, page_id, 0, None, reason)
    wanted = page.version if version is None else version
    try:
        text = book.text(page_id, wanted)
        if text is None and 0 < wanted < page.version:
            text = older_text(page_id, wanted)
    except (ContentMissing, StoreCorrupt, StoreFailed) as error:
        reason = f"the store failed on version {wanted} of page {page_id!r}: {error}"
        return Recall(RecallOutcome.BACKEND_ERROR, page_id, wanted, None, reason)
    if text is not None:
        reason = f"version {wanted} of page {page_id!r}"
        return Recall(RecallOutcome.FOUND, page_id, wanted, text, reason)
    newest = book.text(page_id, page.version)
    if 0 < wanted < page.version:
        reason = (
            f"version {wanted} of page {page_id!r} is gone, version {page.version} is the newest"
        )
        return Recall(RecallOutcome.STALE, page_id, page.version, newest, reason)
    reason = f"page {page_id!r} has no version {wanted}, its newest is {page.version}"
    return Recall(RecallOutcome.NO_MATCH, page_id, 0, None, reason)
