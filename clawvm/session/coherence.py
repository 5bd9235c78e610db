"""Whether a saved session holds together: its pages with their records, its messages with its
pages, what is committed with what is saved, and every handle with its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

from ..errors import ClawVMError
from ..pages import LEVELS, Fidelity, Page, Pin
from ..snapshot import StateDelta
from ..tokens import digest
from ..writeback import TEXT_FIELD
from ..writeback.reading import text_parts
from .book import handle_of, text_of
from .reading import SavedSession
from .saved import SessionParts

__all__ = ["contradictions", "contradictions_of"]

_LADDER = LEVELS[1:]
_MISSING = 0xFFFFFFFF


def contradictions(
    saved: SavedSession, refused: Set[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Look for what contradicts itself in a saved session.

    Parameters
    ----------
    saved : SavedSession
        The session.
    refused : set of str, optional
        Pages whose text was once refused: it may be newer than what is committed of it.

    Yields
    ------
    (str, str)
        Where, and what is wrong there.
    """
    state, parts = saved.journal.state, saved.parts
    if state is None or parts is None:
        return
    session = str(saved.space)
    if state.session_id != saved.space.name:
        yield session, f"holds the state of session {state.session_id!r}"
    yield from ((session, what) for what in contradictions_of(state))
    yield from ((session, what) for what in _whole(parts))
    open_refusals = {rejection.operation.page_id for rejection in saved.journal.rejections.values()}
    for page in (*saved.pages, *saved.archived):
        where = f"page {page.id!r} of {session}"
        if page.slot >= 0:
            yield from ((where, what) for what in _against_record(page, parts))
        yield from (
            (where, what) for what in _against_journal(page, saved, refused | open_refusals)
        )
        yield from ((where, what) for what in _handle(page, saved))


def contradictions_of(state: StateDelta) -> Iterator[str]:
    """Look for what contradicts itself in a state of which no session can be made, maybe."""
    ids = Counter(page.id for page in (*state.pages.values(), *state.archived))
    yield from (f"has {n} pages of the id {page_id!r}" for page_id, n in ids.items() if n > 1)
    for position, row in state.rows.items():
        for slot, part in () if row is None else row.owners:
            page = state.pages.get(slot)
            if slot >= 0 and page is None:
                yield f"message {position} belongs to slot {slot}, which holds no page"
            elif page is not None and not 0 <= part < len(page.texts):
                yield (
                    f"message {position} shows part {part} of page {page.id!r}, which has "
                    f"{len(page.texts)}"
                )


def _whole(parts: SessionParts) -> Iterator[str]:
    book = parts.book
    try:
        book.table.check()
    except AssertionError as error:
        yield str(error).partition("\n")[0]
    serials = [page.serial for page in (*book.live.values(), *book.archived.values())]
    if len(set(serials)) < len(serials) or max(serials, default=0) > book.serial:
        yield f"numbers its pages {sorted(serials)}, up to {book.serial} and each once expected"
    pinned = sorted(slot for slot, page in book.by_slot.items() if page.pin is Pin.HARD)
    if sorted(book.pinned) != pinned:
        yield f"lists the pages in slots {sorted(book.pinned)} as pinned, those in {pinned} are"
    for what, slots in (("demanded", parts.assembler.demands), ("new", book.fresh)):
        if gone := sorted(set(slots) - set(book.by_slot)):
            yield f"lists slot {gone[0]} as {what}, which holds no page"


def _against_record(page: Page, parts: SessionParts) -> Iterator[str]:
    record = parts.book.table.record(page.slot)
    ladder = page.ladder
    expected: dict[str, Any] = {
        "tokens": tuple(ladder[at].tokens if at in ladder else _MISSING for at in _LADDER),
        "quality": tuple(ladder[at].quality if at in ladder else 0 for at in _LADDER),
        "page_type": int(page.type),
        "pin": int(page.pin),
        "floor": int(page.floor),
        "version": page.version,
    }
    for name, value in expected.items():
        if record[name] != value:
            yield f"has {name} {value}, and {record[name]} in the page table"
    if parts.book.table.digest(page.slot) != digest(text_of(page)):
        yield "has a text whose digest is not the one in the page table"
    lengths = {len(form.texts) for form in ladder.values()}
    lengths |= {len(form.part_tokens) for form in ladder.values()}
    if Fidelity.FULL not in ladder or lengths != {len(page.texts)}:
        yield f"has {len(page.texts)} parts, and a ladder of other parts"


def _against_journal(page: Page, saved: SavedSession, refused: Set[str]) -> Iterator[str]:
    # A head that is newer is no contradiction: the session takes it over when it is opened next.
    head = saved.journal.heads.field(page.id, TEXT_FIELD)
    if head.version == page.version and text_parts(head.value) != page.texts:
        yield f"has another text than what was committed as version {head.version}"
    if head.version < page.version > page.inherited and page.id not in refused:
        yield (
            f"is at version {page.version}, of which nothing was committed; the journal has "
            f"version {head.version}"
        )


def _handle(page: Page, saved: SavedSession) -> Iterator[str]:
    handle = handle_of(saved.space.name, page.id, page.version)
    try:
        recall = saved.recall(handle)
    except ClawVMError as error:
        yield f"cannot be got back by {handle}: {error}"
        return
    if not recall.found or recall.text != text_of(page):
        yield f"cannot be got back by {handle}: {recall.reason}"
