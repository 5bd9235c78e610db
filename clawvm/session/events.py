"""What evidence names: the events that a session has seen, by kind of source."""

from __future__ import annotations

from ..pages import Page, PageType
from .book import PageBook
from .recall import HANDLE, SCHEME, page_id_in

__all__ = ["PROTECTED", "TRUSTED", "Events", "kind_of_source"]

_KINDS = frozenset({"harness", "user", "model", "tool", "document"})
_OUR_SOURCES = {"clawvm": "harness", "recall": "tool", "subagent": "tool"}
TRUSTED = frozenset({"harness", "user", "model"})
PROTECTED = frozenset({PageType.BOOTSTRAP, PageType.CONSTRAINT, PageType.PREFERENCE})
"""Pages that steer the agent: what a tool or a document brought becomes one only by a grant."""


def kind_of_source(source: str) -> str:
    """Return the kind of a provenance's source; a name of the caller's own is a document's."""
    return source if source in _KINDS else _OUR_SOURCES.get(source, "document")


class Events:
    """Resolves evidence: a page id, a handle, or ``SOURCE:REFERENCE`` of a page's provenance.

    Not safe for use by several threads at once.
    """

    def __init__(self, book: PageBook) -> None:
        self._book = book
        self._kinds: dict[str, str] = {}
        self._seen = 0

    def source_of(self, evidence: str) -> str | None:
        """Return the kind of event that `evidence` names; None when it names nothing."""
        page = self._page(evidence)
        if page is not None:
            return kind_of_source(page.provenance.source)
        if evidence not in self._kinds and self._seen != self._book.serial:
            self._look()
        return self._kinds.get(evidence)

    def saw(self, page: Page) -> str:
        """Note the event that a page came from; returns the reference that names it."""
        source = page.provenance.source
        evidence = f"{source}:{page.provenance.reference}"
        self._kinds[evidence] = source if source in _KINDS else kind_of_source(source)
        return evidence

    def _page(self, evidence: str) -> Page | None:
        name, handle = evidence, None
        # Most evidence is no handle, and is not looked at for one.
        if evidence.startswith(SCHEME) and (handle := HANDLE.fullmatch(evidence)) is not None:
            if handle["session"] != self._book.session_id:
                return None
            name = page_id_in(handle)
        page = self._book.live.get(name) or self._book.archived.get(name)
        if page is None or (handle is not None and int(handle["version"]) > page.version):
            return None
        return page

    def _look(self) -> None:
        """Note the events of pages that have come since the last look."""
        self._seen = self._book.serial
        for pages in (self._book.live, self._book.archived):
            for page in pages.values():
                self.saw(page)
