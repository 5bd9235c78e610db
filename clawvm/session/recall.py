"""Looking a page's text up, with a typed answer (paper, section 1: recall is observable)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..stores import ContentKey, Recall, RecallOutcome
from .book import PageBook

__all__ = ["look_up"]

_HANDLE = re.compile(r"clawvm://(?P<session>[^/@]+)/(?P<page>.+)@(?P<version>\d{1,10})")


def look_up(book: PageBook, name: str, version: int | None) -> Recall:
    """Return the text of a page by id or handle, or why there is none; see `Session.recall`."""
    handle = _HANDLE.fullmatch(name)
    page_id = name
    if handle is not None:
        page_id = unquote(handle["page"])
        version = int(handle["version"])
        if handle["session"] != book.session_id:
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
        text = book.store.get(ContentKey(book.session_id, page_id, wanted))
        newest = book.store.get(ContentKey(book.session_id, page_id, page.version))
    except OSError as error:
        reason = f"the store failed on page {page_id!r}: {error}"
        return Recall(RecallOutcome.BACKEND_ERROR, page_id, wanted, None, reason)
    # A content behind the newest version is one whose page was refused after it had been kept.
    if text is not None and wanted <= page.version:
        reason = f"version {wanted} of page {page_id!r}"
        return Recall(RecallOutcome.FOUND, page_id, wanted, text, reason)
    if 0 < wanted < page.version and newest is not None:
        reason = (
            f"version {wanted} of page {page_id!r} is gone, version {page.version} is the newest"
        )
        return Recall(RecallOutcome.STALE, page_id, page.version, newest, reason)
    reason = f"page {page_id!r} has no version {wanted}, its newest is {page.version}"
    return Recall(RecallOutcome.NO_MATCH, page_id, 0, None, reason)
