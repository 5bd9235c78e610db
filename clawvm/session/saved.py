"""A session as saved state, and back: whole, or what has changed since it was saved last.

What can be derived is not saved: which calls were made, where a page stands, what was shown. A
restored session goes on exactly as the saved one would have.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from .._backend import core
from ..errors import SnapshotInvalid
from ..faults import FaultObserver
from ..pages import LEVELS, Page
from ..residency import Move, Plan
from ..snapshot import StateDelta
from .assembler import Assembler
from .book import PageBook
from .conversation import Conversation
from .layout import Layout

__all__ = [
    "SessionParts",
    "Tree",
    "changes_of",
    "restore_parts",
    "scalars_of",
    "settle",
    "telling",
    "whole_of",
]

Tree = dict[str, Any]

# The moves as they came, of which nobody may have asked for objects.
_plan_fields = attrgetter(*(name if name != "moves" else "changes" for name in Plan.FIELDS))


class SessionParts:
    """The parts of a session that hold its state."""

    __slots__ = ("assembler", "book", "conversation", "faults", "layout")

    def __init__(
        self,
        book: PageBook,
        layout: Layout,
        conversation: Conversation,
        assembler: Assembler,
        faults: FaultObserver,
    ) -> None:
        self.book = book
        self.layout = layout
        self.conversation = conversation
        self.assembler = assembler
        self.faults = faults


def whole_of(parts: SessionParts, extra: Tree) -> StateDelta:
    """Return the whole state; `extra` is what the session itself adds to it."""
    book, layout = parts.book, parts.layout
    slots = book.table.slots()
    return StateDelta(
        session_id=book.session_id,
        table=book.table.meta(),
        slots=slots,
        records=book.table.dump(slots),
        pages={slot: book.by_slot[slot] for slot in slots},
        archived=list(book.archived.values()),
        rows=layout.saved_rows(range(layout.next_position)),
        row_count=layout.next_position,
        scalars=scalars_of(parts, extra),
    )


def changes_of(parts: SessionParts, extra: Tree) -> StateDelta:
    """Return what has changed since `settle` was called last."""
    book, layout = parts.book, parts.layout
    changed = book.table.changed()
    slots = [slot for slot in changed if slot in book.by_slot]
    return StateDelta(
        session_id=book.session_id,
        table=book.table.meta(),
        slots=slots,
        records=book.table.dump(slots),
        pages={slot: book.by_slot[slot] for slot in sorted(book.unsaved)},
        archived=list(book.unsaved_archive),
        rows=layout.saved_rows(layout.unsaved),
        row_count=layout.next_position,
        scalars=scalars_of(parts, extra),
    )


def settle(parts: SessionParts) -> None:
    """Note that all of it has been saved."""
    parts.book.table.settle()
    parts.book.unsaved.clear()
    parts.book.unsaved_archive.clear()
    parts.layout.unsaved.clear()


def restore_parts(parts: SessionParts, state: StateDelta) -> Tree:
    """Fill the parts of a new session from a whole state; returns what the session added to it.

    Raises
    ------
    SnapshotInvalid
        When the state does not hold together. The parts are of no use then.
    """
    try:
        _restore_book(parts.book, state)
        scalars = state.scalars
        shape = scalars["conversation"]["shape"]
        parts.layout.restore(state.rows, state.row_count, shape or "openai")
        parts.layout.restore_shown(parts.book.table.level, scalars["layout"])
        parts.conversation.restore(scalars["conversation"])
        _restore_assembler(parts.assembler, scalars["assembler"])
        parts.faults.restore(scalars["faults"]["counts"], scalars["faults"]["hits"])
        extra = scalars["session"]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SnapshotInvalid(
            f"the saved state of session {state.session_id!r} does not hold together "
            f"({type(error).__name__}: {error}); run clawvm fsck on its store"
        ) from error
    settle(parts)
    if not isinstance(extra, dict):
        raise SnapshotInvalid(f"the saved state of session {state.session_id!r} names no options")
    return extra


def scalars_of(parts: SessionParts, extra: Tree) -> Tree:
    """Return everything that is no page, record or message, by name."""
    book, faults = parts.book, parts.faults
    return {
        "book": {
            "fresh": list(book.fresh),
            "pinned": list(book.pinned),
            "serial": book.serial,
        },
        "layout": parts.layout.saved(),
        "conversation": parts.conversation.saved(),
        "assembler": _saved_assembler(parts.assembler),
        "faults": {"counts": faults.counts, "hits": faults.hits},
        "session": extra,
    }


def telling(scalars: Tree) -> Tree:
    """Leave out what every boundary changes, whether or not it has anything to commit."""
    session = scalars.get("session", {})
    rest = {name: value for name, value in session.items() if name not in ("boundaries", "last")}
    return {**scalars, "session": rest}


def _restore_book(book: PageBook, state: StateDelta) -> None:
    scalars = state.scalars["book"]
    by_slot = state.pages
    book.table = core.PageTable.restore(
        state.table, state.slots, state.records, [by_slot[slot].id for slot in state.slots]
    )
    pages = list(by_slot.values())
    serials, slots, ids = core.get_slots(pages, Page, ("serial", "slot", "id"))
    if serials != sorted(serials):
        pages.sort(key=attrgetter("serial"))
        slots, ids = core.get_slots(pages, Page, ("slot", "id"))
    book.by_slot.update(zip(slots, pages, strict=True))
    book.live.update(zip(ids, pages, strict=True))
    for page in sorted(state.archived, key=lambda page: page.serial):
        page.slot = -1
        book.archived[page.id] = page
    book.pinned = {slot: by_slot[slot] for slot in scalars["pinned"]}
    book.fresh = {slot: None for slot in scalars["fresh"] if by_slot[slot]}
    book.serial = scalars["serial"]


def _saved_assembler(assembler: Assembler) -> Tree:
    plan = None
    if assembler.plan is not None:
        plan = dict(zip(Plan.FIELDS, _plan_fields(assembler.plan), strict=True))
        plan["moves"] = [[page_id, int(old), int(new)] for page_id, old, new in plan["moves"]]
        plan["required"] = list(plan["required"])
    return {
        "turn": assembler.turn,
        "boundary": assembler.boundary,
        "demands": [[slot, int(level)] for slot, level in assembler.demands.items()],
        "plan": plan,
        "policy": None if assembler.stateful is None else assembler.stateful.saved(),
    }


def _restore_assembler(assembler: Assembler, saved: Tree) -> None:
    assembler.turn = saved["turn"]
    assembler.boundary = saved["boundary"]
    assembler.demands = {slot: LEVELS[level] for slot, level in saved["demands"]}
    plan = saved["plan"]
    if plan is not None:
        moves = tuple(
            Move(page_id, LEVELS[old], LEVELS[new]) for page_id, old, new in plan["moves"]
        )
        assembler.plan = Plan(**{**plan, "moves": moves, "required": tuple(plan["required"])})
    if assembler.stateful is not None and saved["policy"] is not None:
        assembler.stateful.restore(saved["policy"])
