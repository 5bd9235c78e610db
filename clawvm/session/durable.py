"""The durable side of a session: its lease, its journal, and what of it is to be committed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from ..errors import LeaseLost, OperationInvalid, StoreFailed
from ..pages import Page, PageType, Pin, Scope
from ..snapshot import StateDelta
from ..stores import Durability, Lease, Space, Store, open_store, this_holder
from ..stores.spool import Spool, spool_of
from ..writeback import (
    TEXT_FIELD,
    Authority,
    Head,
    Journal,
    Operation,
    OpKind,
    Principal,
    PrincipalKind,
    Receipt,
    Rejection,
)
from .book import joined
from .boundaries import CLEAN_ENDS, BoundaryKind
from .events import Events
from .saved import SessionParts, Tree, changes_of, scalars_of, settle, telling, whole_of
from .shared import SharedPages

__all__ = ["HARNESS", "LEASE_SECONDS", "Durable"]

HARNESS = Principal("harness", PrincipalKind.HARNESS)
_SET, _SESSION = OpKind.SET, Scope.SESSION
LEASE_SECONDS = 30.0
"""For so long a session that stopped without a word cannot be opened on another machine."""


class Durable:
    """Commits what has changed of a session.

    Not safe for use by several threads at once.

    Parameters
    ----------
    parts : SessionParts
        The session.
    extra : callable
        Returns what the session adds to its saved state.
    store : Store or str
        Where it is kept; a store that is opened here is closed with the session.
    tenant : str
        Whose session it is.
    project : str or None
        The project whose pages it shares.
    put_shared : callable
        Makes a page of the project's in the session, or changes it.
    durability : Durability
        When a commit is on disk.
    spool : path or None
        Where commits go while the store is down; by default a folder that suits the store.

    Raises
    ------
    LeaseHeld
        When another process, or another object of this one, has the session open.
    """

    def __init__(
        self,
        parts: SessionParts,
        extra: Callable[[], Tree],
        store: Store | str,
        *,
        tenant: str,
        project: str | None,
        put_shared: Callable[[str, PageType, str], Page],
        durability: Durability,
        spool: str | os.PathLike[str] | None,
    ) -> None:
        self.parts = parts
        self.durability = durability
        self._given = {"tenant": tenant, "project": project, "spool": spool}
        self._extra = extra
        self._owns_store = isinstance(store, str)
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self._events = Events(parts.book)
        self._lease: Lease | None = None
        self._journals: list[Journal] = []
        self._shared: SharedPages | None = None
        # The version of each page's text that was staged last, as long as it is not committed.
        self._staged: dict[str, int] = {}
        self._scalars: Tree = {}
        opened = False
        try:
            self.journal = self._open(tenant, spool_of(self.store, spool))
            if project is not None:
                journal = self._open_project(tenant, project, spool_of(self.store, spool))
                self._shared = SharedPages(parts.book, self._events, journal, put_shared)
            opened = True
        finally:
            if not opened:
                self.release()
        # Whether the next row holds the whole state: nothing of this session is in the store yet.
        self._is_new = True

    def _open(self, tenant: str, spool: Spool | None) -> Journal:
        space = Space(tenant, Scope.SESSION, self.parts.book.session_id)
        # Two sessions of one process exclude each other as those of two do.
        holder = f"{this_holder()}.{secrets.token_hex(4)}"
        self._lease = self.store.acquire(space, holder, LEASE_SECONDS)
        authority = Authority(self._events.source_of, self._is_pinned)
        journal = Journal.open(self.store, space, authority, lease=self._lease, spool=spool)
        self._journals.append(journal)
        return journal

    def _open_project(self, tenant: str, project: str, spool: Spool | None) -> Journal:
        space = Space(tenant, Scope.PROJECT, project)
        journal = Journal.open(
            self.store, space, Authority(self._events.source_of, self._is_pinned), spool=spool
        )
        self._journals.append(journal)
        return journal

    def take_state(self) -> StateDelta | None:
        """Return the state that the journal holds; None for a new session."""
        state = self.journal.take_state()
        self._is_new = state is None
        return state

    @property
    def options(self) -> Tree:
        """What another session of the same store is opened with."""
        return {"store": self.store, "durability": self.durability.value, **self._given}

    # Committing

    @property
    def dirty(self) -> list[Page]:
        """Pages whose text is not committed."""
        return [page for page in self._changed() if not self._is_committed(page)]

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to commit."""
        book, layout = self.parts.book, self.parts.layout
        if self._is_new or book.unsaved or layout.unsaved or book.unsaved_archive:
            return True
        if self.journal.staged or book.table.changed():
            return True
        if self._shared is not None and self._shared.journal.staged:
            return True
        return telling(scalars_of(self.parts, self._extra())) != telling(self._scalars)

    def is_durable(self, page: Page) -> bool:
        """Whether the page's text is in the store or in the spool."""
        return page.slot not in self.parts.book.unsaved or self._is_committed(page)

    def commit(self, kind: BoundaryKind, durability: Durability | None = None) -> Receipt:
        """Stage the dirty pages and commit them with everything else that has changed.

        Raises
        ------
        LeaseLost, StoreFailed, SpoolFull, JournalConflict
            Nothing is lost then: what was not committed is still dirty.
        """
        turn = self.parts.assembler.turn
        if self._shared is not None:
            self._shared.push(kind.value, HARNESS, turn)
        for page in self._changed():
            self._stage(page)
        collect = whole_of if self._is_new else changes_of
        delta = collect(self.parts, self._extra())
        scalars = delta.scalars
        if not self._is_new:
            delta.scalars = {
                name: value for name, value in scalars.items() if value != self._scalars.get(name)
            }
        receipt = self.journal.commit(
            kind.value,
            delta,
            turn=turn,
            durability=self.durability if durability is None else durability,
        )
        self._is_new = False
        self._scalars = scalars
        self._staged.clear()
        settle(self.parts)
        if self.journal.fold_due or (kind in CLEAN_ENDS and self.journal.fold_worth):
            self.fold()
        return receipt

    def fold(self) -> None:
        """Write a snapshot row, so that the next opening reads it and the few rows after it."""
        # Where the store fails, nothing is lost: the rows are all there, and a later commit folds.
        # Who has been taken over just now is told by the next commit: this one was made.
        with suppress(StoreFailed, LeaseLost):
            self.journal.save_snapshot(whole_of(self.parts, self._extra()))

    def stage(self, operation: Operation) -> None:
        """Stage an operation that is not a page's own text.

        Raises
        ------
        OperationInvalid
            When it is for a project and the session has none.
        """
        if operation.scope is Scope.PROJECT:
            if self._shared is None:
                raise OperationInvalid(
                    f"session {self.parts.book.session_id!r} has no project to stage an operation "
                    f"on page {operation.page_id!r} for; open it with one"
                )
            self._shared.journal.stage(operation)
            return
        for page in self._changed():
            # What the page says is older than the operation, and goes before it.
            if page.id == operation.page_id:
                self._stage(page)
        self.journal.stage(operation)

    def ahead(self, page_ids: Iterable[str] | None = None) -> list[tuple[str, Head]]:
        """List the pages, of these or of all, of which the journal has a newer text."""
        book = self.parts.book
        if page_ids is None:
            # At an opening, when most are as the journal has them.
            live = book.live
            page_ids = [
                page_id
                for (page_id, field), head in self.journal.beside_pages().items()
                if field == TEXT_FIELD
                and ((page := live.get(page_id)) is None or page.version < head.version)
            ]
        found = []
        for page_id in page_ids:
            page = book.live.get(page_id)
            head = self.journal.head(page_id)
            if head.version > (page.version if page else 0) and page_id not in book.archived:
                found.append((page_id, head))
        return found

    def older_text(self, page_id: str, version: int) -> str | None:
        """Return the text of a version that is not in memory, or None."""
        texts = self.journal.text_at(page_id, version)
        return None if texts is None else joined(texts)

    # The project

    @property
    def shared_rejections(self) -> list[Rejection]:
        """What was refused of the project's pages."""
        return [] if self._shared is None else self._shared.journal.rejected()

    def pull_shared(self) -> None:
        """Take over what the project's pages say now."""
        if self._shared is not None:
            self._shared.pull()

    def saved_shared(self) -> Tree:
        """Return what the session has seen of the project, as JSON."""
        return {} if self._shared is None else self._shared.saved()

    def restore_shared(self, saved: Tree) -> None:
        """Go on from what was seen."""
        if self._shared is not None:
            self._shared.restore(saved)

    def release(self) -> None:
        """Give the lease back and let go of the store; what is not committed stays so."""
        try:
            for journal in self._journals:
                journal.close()
            if self._lease is not None:
                self.store.release(self._lease)
        finally:
            if self._owns_store:
                self.store.close()

    # Inner workings

    def _changed(self) -> list[Page]:
        by_slot = self.parts.book.by_slot
        return [by_slot[slot] for slot in self.parts.book.unsaved]

    def _is_committed(self, page: Page) -> bool:
        return self.journal.head(page.id).version == page.version

    def _stage(self, page: Page) -> None:
        page_id, version = page.id, page.version
        before = self._staged.get(page_id)
        if before is None:
            before = self.journal.head(page_id).version
        if before == version:
            return
        texts = page.texts
        value: Any = texts[0] if len(texts) == 1 else list(texts)
        evidence = self._events.saw(page)
        grant = Principal(page.granted_by, PrincipalKind.USER) if page.granted_by else None
        said = (page_id, TEXT_FIELD, _SET, value, _SESSION, evidence, HARNESS)
        seen = (before, version, page.type, grant, None)
        # What `Operation(...)` comes to, without reading names for each; one too few is refused.
        self.journal.stage(Operation._make(said + seen), own=True)
        self._staged[page_id] = version

    def _is_pinned(self, page_id: str) -> bool:
        page = self.parts.book.live.get(page_id)
        return page is not None and page.pin is Pin.HARD
