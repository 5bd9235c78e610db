"""The pages of a session: made, changed, archived, in step with the page table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from .._backend import core
from ..errors import PageInvalid, PageNotFound
from ..pages import RULES, Fidelity, Page, PageForm, PageType, Pin, Provenance, Scope
from ..tokens import digest
from .ladders import Made

__all__ = ["PageBook", "handle_of", "joined", "text_of"]

# Parts of a page are digested as one text; a tab between two newlines keeps ("a", "b") and ("ab",)
# apart well enough for a hint.
_PART_SEPARATOR = "\n\t\n"
# A percent sign only where it would be read as one of these.
_NOT_IN_HANDLE = re.compile(r"[\s\x00-\x1f\x7f]|%(?=[0-9A-Fa-f]{2})")


def handle_of(session_id: str, page_id: str, version: int) -> str:
    """Return the handle that names one version of a page; it has no white space."""
    name = _NOT_IN_HANDLE.sub(lambda found: quote(found[0]), page_id)
    return f"clawvm://{session_id}/{name}@{version}"


def joined(texts: Sequence[str]) -> str:
    """Return the exact text of a page of several parts: in order, with a mark between them."""
    return _PART_SEPARATOR.join(texts)


def text_of(page: Page) -> str:
    """Return a page's exact text."""
    return joined(page.texts)


class PageBook:
    """Live and archived pages by id, with one record each in the page table.

    Not safe for use by several threads at once.
    """

    def __init__(self, session_id: str, digest: Callable[[str], bytes] = digest) -> None:
        self.session_id = session_id
        self._digest = digest
        self.table = core.PageTable()
        self.live: dict[str, Page] = {}
        self.archived: dict[str, Page] = {}
        self.by_slot: dict[int, Page] = {}
        self.pinned: dict[int, Page] = {}
        self.fresh: dict[int, None] = {}
        # Texts of versions that are no longer the newest of their page.
        self.history: dict[tuple[str, int], str] = {}
        # What has changed since the session was last saved: live pages by slot, and archived ones.
        self.unsaved: dict[int, None] = {}
        self.unsaved_archive: list[Page] = []
        self.serial = 0
        # The sessions that this one was forked off, the nearest first.
        self.lineage: list[str] = []
        self._next_number: dict[str, int] = {}

    def text(self, page_id: str, version: int) -> str | None:
        """Return the exact text of a version of a page, or None when there is none."""
        page = self.live.get(page_id) or self.archived.get(page_id)
        if page is not None and page.version == version:
            return text_of(page)
        return self.history.get((page_id, version))

    def answers_for(self, session_id: str, page_id: str, version: int) -> bool:
        """Whether a handle of that session names a content of this one.

        Handles of a session that this one was forked off stand in what it inherited; they hold for
        the versions that there were then.
        """
        if session_id == self.session_id:
            return True
        page = self.live.get(page_id) or self.archived.get(page_id)
        return session_id in self.lineage and page is not None and version <= page.inherited

    def free_id(self, base: str) -> str:
        """Return `base`, or `base` with the first free number behind it."""
        if base not in self.live and base not in self.archived:
            return base
        number = self._next_number.get(base, 2)
        while (candidate := f"{base}#{number}") in self.live or candidate in self.archived:
            number += 1
        self._next_number[base] = number + 1
        return candidate

    def next_version(self, page_id: str) -> int:
        """Return the version that the next content of a page gets."""
        page = self.live.get(page_id)
        return page.version + 1 if page else 1

    def get(self, page_id: str) -> Page:
        """Return a live page.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        """
        page = self.live.get(page_id)
        if page is None:
            where = "was archived by a reset" if page_id in self.archived else "is not known"
            raise PageNotFound(
                f"page {page_id!r} {where} in session {self.session_id!r}, which has "
                f"{len(self.live)} live pages"
            )
        return page

    def define(
        self,
        page_id: str,
        page_type: PageType,
        texts: tuple[str, ...],
        made: Made,
        provenance: Provenance,
        turn: int,
        *,
        label: str,
        scope: Scope | None = None,
        pin: Pin | None = None,
        floor: Fidelity | None = None,
        recompute_cost: int = 0,
        is_tool: bool = False,
        is_given: bool = False,
        granted_by: str = "",
        version: int = 0,
    ) -> Page:
        """Make a page, or give a live one a new content; it counts as fresh until the next plan.

        Its version is one more than before, or `version` if that is more: the store may have seen
        contents in between that this session has not.

        Raises
        ------
        PageInvalid, LadderInvalid, LimitExceeded
            Nothing has changed then.
        """
        if page_id in self.archived:
            raise PageInvalid(
                f"page {page_id!r} of session {self.session_id!r} was archived by a reset; "
                "put the new content under another id"
            )
        rules = RULES[page_type]
        old = self.live.get(page_id)
        scope = rules.scope if scope is None else scope
        pin = rules.pin if pin is None else pin
        floor = rules.floor if floor is None else floor
        tokens, quality = _columns(made.ladder)
        slot = self.table.put(
            page_id,
            tokens,
            quality,
            made.weight,
            page_type=page_type,
            pin=pin,
            floor=floor,
            digest=self._digest(joined(texts)),
            turn=turn,
        )
        if old is not None and old.texts != texts:
            # The table compares digests; two contents may have the same.
            version = max(version, old.version + 1)
        counted = self.table.version(slot)
        if version > counted:
            self.table.advance(slot, version)
            counted = version
        if old is None:
            page = self._enter(page_id, page_type, provenance, scope, texts, made, slot, turn)
            page.is_given = is_given
        else:
            page = old
            if counted > page.version:
                self.history[page_id, page.version] = text_of(page)
            page.type, page.provenance, page.scope = page_type, provenance, scope
            page.texts, page.ladder, page.weight = texts, made.ladder, made.weight
        page.pin, page.floor, page.version = pin, floor, counted
        page.recompute_cost, page.is_tool, page.label = recompute_cost, is_tool, label
        page.granted_by = granted_by
        self._index_pin(page)
        self.fresh[slot] = None
        self.unsaved[slot] = None
        return page

    def _enter(
        self,
        page_id: str,
        page_type: PageType,
        provenance: Provenance,
        scope: Scope,
        texts: tuple[str, ...],
        made: Made,
        slot: int,
        turn: int,
    ) -> Page:
        """Make the object of a new page; what is not told here, the caller sets."""
        rules = RULES[page_type]
        self.serial += 1
        page = Page(
            id=page_id,
            type=page_type,
            provenance=provenance,
            scope=scope,
            pin=rules.pin,
            floor=rules.floor,
            texts=texts,
            ladder=made.ladder,
            weight=made.weight,
            slot=slot,
            request=turn,
            serial=self.serial,
        )
        self.live[page_id] = page
        self.by_slot[slot] = page
        return page

    def _index_pin(self, page: Page) -> None:
        if page.pin is Pin.HARD:
            self.pinned[page.slot] = page
        else:
            self.pinned.pop(page.slot, None)

    def pin(self, page: Page, pin: Pin, floor: Fidelity) -> None:
        """Set a page's pin and floor."""
        self.table.set_pin(page.slot, pin)
        try:
            self.table.set_floor(page.slot, floor)
        except PageInvalid:
            self.table.set_pin(page.slot, page.pin)
            raise
        page.pin = pin
        page.floor = floor
        self._index_pin(page)
        self.unsaved[page.slot] = None

    def reweigh(self, page: Page, weight: int) -> None:
        """Set a page's base utility."""
        self.table.reweigh(page.slot, weight)
        page.weight = weight
        self.unsaved[page.slot] = None

    def discard(self, page: Page) -> None:
        """Take a page out of the table as if it had never been made."""
        self.table.remove(page.slot)
        del self.live[page.id], self.by_slot[page.slot]
        self.pinned.pop(page.slot, None)
        self.fresh.pop(page.slot, None)
        self.unsaved.pop(page.slot, None)
        # The next free number of an id is looked for anew: it is the first that no page has.
        self._next_number.clear()
        page.slot = -1

    def archive(self, page: Page) -> None:
        """Take a page out of the table; its contents stay in the store and its id stays taken."""
        self.discard(page)
        self.archived[page.id] = page
        self.unsaved_archive.append(page)


def _columns(ladder: Mapping[Fidelity, PageForm]) -> tuple[list[int | None], list[int]]:
    """Return tokens and qualities by level, as the table takes them."""
    tokens: list[int | None] = [None, None, None, None]
    quality = [1, 1, 1, 1]
    for level, form in ladder.items():
        tokens[level - 1], quality[level - 1] = form.tokens, form.quality
    return tokens, quality
