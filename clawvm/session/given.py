"""Pages that a harness puts: rules, plans, preferences, whatever is no message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import PageInvalid
from ..messages import Part, PartKind, Shape
from ..pages import RULES, Fidelity, Page, PageType, Pin, Provenance, Scope
from ..representations import Form
from ..residency import PageKind
from .book import PageBook, handle_of
from .events import PROTECTED, TRUSTED, kind_of_source
from .ladders import LadderMaker, Made
from .layout import Layout

__all__ = ["GivenPages", "Terms"]

_KIND_OF_TYPE = {
    PageType.BOOTSTRAP: PageKind.SYSTEM,
    PageType.CONSTRAINT: PageKind.SYSTEM,
    PageType.PLAN: PageKind.STATE,
    PageType.PREFERENCE: PageKind.STATE,
    PageType.EVIDENCE: PageKind.OTHER_RESULT,
    PageType.CONVERSATION: PageKind.USER,
}
_LABELS = {page_type: f"{page_type.name.lower()} page" for page_type in PageType}
_FORM_LEVELS = {
    page_type: [level for level in rules.levels if level is not Fidelity.FULL]
    for page_type, rules in RULES.items()
}


class Terms(NamedTuple):
    """What a caller says of a page beside its text; None where nothing is said."""

    provenance: Provenance | None
    scope: Scope | None
    pin: Pin | None
    floor: Fidelity | None
    utility: int | None
    recompute_cost: int
    granted_by: str = ""


class GivenPages:
    """Makes and changes the pages that are no messages; see `Session.put`.

    Not safe for use by several threads at once.
    """

    def __init__(self, book: PageBook, layout: Layout, ladders: LadderMaker) -> None:
        self._book = book
        self._layout = layout
        self._ladders = ladders

    def put(
        self,
        page_id: str,
        page_type: PageType,
        text: str,
        terms: Terms,
        forms: Mapping[Fidelity, Form] | None,
        *,
        turn: int,
        shape: Shape | None,
        version: int = 0,
    ) -> Page:
        """Make a page, or give one a new content or other terms; `version` as for `define`."""
        if not isinstance(text, str) or page_type not in RULES:
            raise PageInvalid(
                f"page {page_id!r}: expected a page type and a text, found {page_type!r} and a "
                f"{type(text).__name__}"
            )
        provenance = terms.provenance or Provenance("harness", f"put {page_id}", turn)
        _refuse_poison(page_id, page_type, provenance, terms.granted_by)
        old = self._book.live.get(page_id)
        if old is not None and not old.is_given:
            raise PageInvalid(
                f"page {page_id!r} of session {self._book.session_id!r} was made from a message "
                "and shows what that says; put the text under another id"
            )
        known = old is not None and old.texts == (text,) and old.type is page_type
        if known and old is not None and forms is None and version <= old.version:
            self._change_terms(old, terms)
            self._book.table.touch(old.slot, turn)
            return old
        self._layout.show_restored()
        made = self._made(page_id, page_type, text, forms, version)
        if terms.utility is not None:
            made = made.reweighed(terms.utility)
        page = self._book.define(
            page_id,
            page_type,
            (text,),
            made,
            provenance,
            turn,
            label=_LABELS[page_type],
            scope=terms.scope,
            pin=terms.pin,
            floor=terms.floor,
            recompute_cost=terms.recompute_cost,
            is_given=True,
            granted_by=terms.granted_by,
            version=version,
        )
        self._layout.put(page, text, shape)
        return page

    def _made(
        self,
        page_id: str,
        page_type: PageType,
        text: str,
        forms: Mapping[Fidelity, Form] | None,
        version: int,
    ) -> Made:
        kind = _KIND_OF_TYPE[page_type]
        old = self._book.live.get(page_id)
        counts = self._ladders.counts
        # A page that has grown, such as a log, is not counted from its beginning again.
        tokens = counts.count_appended(old.texts[0], text) if old else counts.count(text)
        if forms is not None:
            _refuse_levels(page_id, page_type, forms)
            return self._ladders.plain(text, tokens, kind, forms)
        same_text = old is not None and old.texts == (text,)
        next_version = old.version if old and same_text else self._book.next_version(page_id)
        handle = handle_of(self._book.session_id, page_id, max(version, next_version))
        part = Part(PartKind.TEXT, text)
        return self._ladders.text(part, page_type, kind, handle, page_type.name.lower())

    def _change_terms(self, page: Page, terms: Terms) -> None:
        """Give a page whose text stays what was said beside the text."""
        weight = page.weight
        if terms.utility is not None:
            self._book.reweigh(page, terms.utility)
        if terms.pin is not None or terms.floor is not None:
            pin = page.pin if terms.pin is None else terms.pin
            try:
                self._book.pin(page, pin, page.floor if terms.floor is None else terms.floor)
            except PageInvalid:
                self._book.reweigh(page, weight)
                raise
        if terms.scope is not None:
            page.scope = terms.scope
            self._book.unsaved[page.slot] = None


def _refuse_poison(
    page_id: str, page_type: PageType, provenance: Provenance, granted_by: str
) -> None:
    """Refuse that what a tool or a document brought steers the agent, unless somebody allows it."""
    if page_type not in PROTECTED or granted_by:
        return
    kind = kind_of_source(provenance.source)
    if kind not in TRUSTED:
        raise PageInvalid(
            f"page {page_id!r}: what came from a {kind} ({provenance.source} "
            f"{provenance.reference!r}) does not become a {page_type.name.lower()} page by itself; "
            "name who allows it (granted_by), or put it as evidence"
        )


def _refuse_levels(page_id: str, page_type: PageType, forms: Mapping[Fidelity, Form]) -> None:
    """Refuse a form at a level that the type's ladder does not have below full."""
    levels = _FORM_LEVELS[page_type]
    for level in forms:
        if level not in levels:
            raise PageInvalid(
                f"page {page_id!r}: a {page_type.name.lower()} page can have forms at "
                f"{', '.join(rung.name.lower() for rung in levels)}, found {level!r}"
            )
