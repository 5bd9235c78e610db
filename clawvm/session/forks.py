"""Sessions that begin as a copy of another one, and what comes back of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import PageInvalid
from ..pages import Page, PageType, Provenance
from .book import handle_of
from .boundaries import BoundaryKind
from .saved import whole_of

if TYPE_CHECKING:
    from .session import Session

__all__ = ["fork", "take_back"]


def fork(parent: Session, session_id: str, **changes: Any) -> Session:
    """Return a session that begins as a copy; see `Session.fork`."""
    parent.boundary(BoundaryKind.SPAWN)
    state = whole_of(parent._parts, parent._saved_extra())
    state.session_id = session_id
    # Texts, ladders and messages are shared: nothing of ours changes them in place.
    state.pages = {slot: _inherited(page) for slot, page in state.pages.items()}
    state.archived = [_inherited(page) for page in state.archived]
    state.scalars["session"] = {
        **state.scalars["session"],
        "lineage": [parent.session_id, *parent._book.lineage],
        "boundaries": {},
        "last": BoundaryKind.END.value,
    }
    child = type(parent)(session_id, **{**parent._fork_options(), **changes})
    if child.turn or child.pages():
        child.release()
        raise PageInvalid(
            f"session {session_id!r} is in the store already, with {len(child.pages())} pages; "
            "fork under another name, or open it"
        )
    child._take_over(state)
    child._commit(BoundaryKind.SPAWN)
    return child


def take_back(parent: Session, child: Session, page_ids: Sequence[str]) -> list[Page]:
    """Take over pages of another session as evidence; see `Session.take_back`."""
    pages = [child.page(page_id) for page_id in page_ids]
    taken = [
        parent.put(
            f"{child.session_id}:{page.id}",
            PageType.EVIDENCE,
            "\n".join(page.texts),
            provenance=Provenance(
                "subagent", handle_of(child.session_id, page.id, page.version), parent.turn
            ),
        )
        for page in pages
    ]
    parent.boundary(BoundaryKind.RETURN)
    return taken


def _inherited(page: Page) -> Page:
    return replace(page, inherited=page.version)
