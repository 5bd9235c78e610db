"""Pages that the sessions of a project share: taken over when a session opens, written back at its
boundaries, and never overwritten unseen."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ..pages import Page, PageType, Scope
from ..writeback import TEXT_FIELD, Journal, Operation, OpKind, Principal, Receipt
from .book import PageBook
from .events import Events

__all__ = ["SharedPages"]


class SharedPages:
    """The session's side of a project's journal.

    Not safe for use by several threads at once.

    Parameters
    ----------
    book : PageBook
        The session's pages.
    events : Events
        Names where a page came from.
    journal : Journal
        The project's.
    put : callable
        ``put(page_id, page_type, text)``: makes a page of the project's, or changes it.
    """

    def __init__(
        self,
        book: PageBook,
        events: Events,
        journal: Journal,
        put: Callable[[str, PageType, str], Page],
    ) -> None:
        self.journal = journal
        self._book = book
        self._events = events
        self._put = put
        # By page, the version that this session has seen, and what it said.
        self._seen: dict[str, tuple[int, str]] = {}

    def pull(self, *, but: Collection[str] = ()) -> None:
        """Take over what the project says now, of all pages `but` these.

        A page of a message keeps its own text.
        """
        for (page_id, field), head in sorted(self.journal.fields().items()):
            if field != TEXT_FIELD or not isinstance(head.value, str) or page_id in but:
                continue
            page = self._book.live.get(page_id)
            if page_id in self._book.archived or (page is not None and not page.is_given):
                continue
            if self._seen.get(page_id, (0, ""))[0] >= head.version:
                continue
            kind = self.journal.page_type(page_id)
            self._put(page_id, PageType.PREFERENCE if kind is None else kind, head.value)
            self._seen[page_id] = (head.version, head.value)

    def push(self, boundary: str, principal: Principal, turn: int) -> Receipt | None:
        """Write back what this session has changed, and what is staged for the project.

        A page that another session has changed in between is refused with ``DESTRUCTIVE_OP`` and
        stays in this session as it is. Returns None when there is nothing to write.
        """
        changed = {page.id: page for page in self._book.live.values() if self._is_changed(page)}
        for page in changed.values():
            seen, _ = self._seen.get(page.id, (0, ""))
            self._stage(page, seen, principal)
            # Whether it is taken or refused, it is not offered again until it changes again.
            self._seen[page.id] = (seen, page.texts[0])
        if not self.journal.staged:
            return None
        receipt = self.journal.commit(boundary, turn=turn)
        for entry in receipt.committed:
            page_id = entry.operation.page_id
            if page_id in changed and entry.operation.value == changed[page_id].texts[0]:
                self._seen[page_id] = (entry.version, changed[page_id].texts[0])
        self.pull(but={rejection.operation.page_id for rejection in receipt.rejected})
        return receipt

    def _stage(self, page: Page, seen: int, principal: Principal) -> None:
        self.journal.stage(
            Operation(
                page.id,
                TEXT_FIELD,
                OpKind.SET,
                page.texts[0],
                Scope.PROJECT,
                self._events.saw(page),
                principal,
                expected_version=seen,
                page_type=page.type,
                granted_by=principal if page.granted_by else None,
            )
        )

    def saved(self) -> dict[str, Any]:
        """Return what this session has seen, as JSON."""
        return {page_id: list(seen) for page_id, seen in self._seen.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from what was seen."""
        self._seen = {page_id: (version, text) for page_id, (version, text) in saved.items()}

    def _is_changed(self, page: Page) -> bool:
        if not page.is_given or page.scope is not Scope.PROJECT:
            return False
        return self._seen.get(page.id, (0, None))[1] != page.texts[0]
