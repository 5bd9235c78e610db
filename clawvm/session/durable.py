"""The durable side of a session: its lease, its journal, and what of it is to be committed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pages import Page, Pin, Scope
from ..snapshot import StateDelta
from ..stores import Durability, Lease, Space, Store, open_store, spool_folder, this_holder
from ..stores.spool import Spool
from ..writeback import (
    TEXT_FIELD,
    Authority,
    Journal,
    Operation,
    OpKind,
    Principal,
    PrincipalKind,
    Receipt,
)
from .book import joined
from .events import Events
from .saved import SessionParts, Tree, changes_of, settle, whole_of

if TYPE_CHECKING:
    from .boundaries import BoundaryKind

__all__ = ["HARNESS", "LEASE_SECONDS", "Durable"]

HARNESS = Principal("harness", PrincipalKind.HARNESS)
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
        durability: Durability,
        spool: str | os.PathLike[str] | None,
    ) -> None:
        self.parts = parts
        self.durability = durability
        self.tenant = tenant
        self.events = Events(parts.book)
        self._extra = extra
        self._owns_store = isinstance(store, str)
        self.store: Store = open_store(store) if isinstance(store, str) else store
        self.authority = Authority(self.events.source_of, self._is_pinned)
        self.spool = _spool_of(self.store, spool)
        space = Space(tenant, Scope.SESSION, parts.book.session_id)
        self._lease: Lease | None = None
        try:
            self._lease = self.store.acquire(space, f"{this_holder()}.{secrets.token_hex(4)}", LEASE_SECONDS)
            self.journal = Journal.open(
                self.store, space, self.authority, lease=self._lease, spool=self.spool
            )
        except BaseException:
            self.release()
            raise
        # The version of each page's text that was staged last, as long as it is not committed.
        self._staged: dict[str, int] = {}
        # Whether the next row holds the whole state: nothing of this session is in the store yet.
        self._is_new = True

    def take_state(self) -> StateDelta | None:
        """Return the state that the journal holds; None for a new session."""
        state = self.journal.take_state()
        self._is_new = state is None
        return state

    @property
    def dirty(self) -> list[Page]:
        """Pages whose text is not committed."""
        return [page for page in self._changed() if not self._is_committed(page)]

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
        for page in self._changed():
            self._stage(page)
        collect = whole_of if self._is_new else changes_of
        delta = collect(self.parts, self._extra())
        receipt = self.journal.commit(
            kind.value,
            delta,
            turn=self.parts.assembler.turn,
            durability=self.durability if durability is None else durability,
        )
        self._is_new = False
        self._staged.clear()
        settle(self.parts)
        return receipt

    def fold(self, *, closing: bool) -> None:
        """Write a snapshot row where it saves more at the next opening than it costs now."""
        if self.journal.fold_is_due(closing=closing):
            self.journal.save_snapshot(whole_of(self.parts, self._extra()))

    def older_text(self, page_id: str, version: int) -> str | None:
        """Return the text of a version that is not in memory, or None."""
        texts = self.journal.text_at(page_id, version)
        return None if texts is None else joined(texts)

    def release(self) -> None:
        """Give the lease back and let go of the store; what is not committed stays so."""
        try:
            if hasattr(self, "journal"):
                self.journal.close()
            if self._lease is not None:
                self.store.release(self._lease)
        finally:
            if self._owns_store:
                self.store.close()

    def _changed(self) -> Iterable[Page]:
        by_slot = self.parts.book.by_slot
        return [by_slot[slot] for slot in self.parts.book.unsaved]

    def _is_committed(self, page: Page) -> bool:
        return self.journal.head(page.id).version == page.version

    def _stage(self, page: Page) -> None:
        committed = self._staged.get(page.id, self.journal.head(page.id).version)
        if committed == page.version:
            return
        value: Any = page.texts[0] if len(page.texts) == 1 else list(page.texts)
        self.journal.stage(
            Operation(
                page.id,
                TEXT_FIELD,
                OpKind.SET,
                value,
                Scope.SESSION,
                self.events.saw(page),
                HARNESS,
                expected_version=committed,
                version=page.version,
                page_type=page.type,
                granted_by=_granted_by(page),
            )
        )
        self._staged[page.id] = page.version

    def _is_pinned(self, page_id: str) -> bool:
        page = self.parts.book.live.get(page_id)
        return page is not None and page.pin is Pin.HARD


def _granted_by(page: Page) -> Principal | None:
    return Principal(page.granted_by, PrincipalKind.USER) if page.granted_by else None


def _spool_of(store: Store, folder: str | os.PathLike[str] | None) -> Spool | None:
    if folder is not None:
        return Spool(Path(folder))
    place = spool_folder(store)
    return None if place is None else Spool(place)

