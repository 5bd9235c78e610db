"""Pages and messages as columns: one list for each field.

Columns are filled and read in a few passes of the core, where pages one by one would be a thousand
times a dozen steps of Python.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain, compress, repeat
from typing import Any, Final

from .._backend import core
from .._reference.columns import BOOLEAN, INTEGER, NUMBER, REFERENCE, STRING, TABLE, Column
from ..errors import SnapshotInvalid
from ..pages import LEVELS, CallInfo, Fidelity, Page, PageForm, PageType, Pin, Provenance, Scope
from .runs import count_of, from_runs, is_ascending
from .state import RowState
from .texts import Numbers

__all__ = ["COLUMNS", "page_columns", "pages_of", "row_columns", "rows_of"]

Owners = tuple[tuple[int, int], ...]

_FULL: Final = 1 << 3
_LADDERS: Final = tuple(
    tuple(level for place, level in enumerate(LEVELS[1:]) if mask >> place & 1)
    if mask & _FULL
    else None
    for mask in range(16)
)
"""The levels of each mask that has the full one."""
POSITION_MAX: Final = 1 << 32
"""No message stands at this position or after it."""

_PAGE: Final = {
    "id": Column("ids", STRING),
    "type": Column("types", TABLE, table=tuple(PageType)),
    "scope": Column("scopes", TABLE, table=tuple(Scope)),
    "pin": Column("pins", TABLE, table=tuple(Pin)),
    "floor": Column("floors", TABLE, table=LEVELS),
    "texts": Column("texts", NUMBER, low=1, in_tuples=True),
    "weight": Column("weights", INTEGER, low=0),
    "recompute_cost": Column("recompute costs", INTEGER, low=0),
    "is_tool": Column("tool", BOOLEAN),
    "label": Column("labels", NUMBER, low=1),
    "version": Column("versions", INTEGER, low=0),
    "slot": Column("slots", INTEGER, low=-1),
    "position": Column("positions", INTEGER, low=-1),
    "request": Column("requests", INTEGER),
    "is_given": Column("given", BOOLEAN),
    "serial": Column("serials", INTEGER, low=0),
    "inherited": Column("inherited", INTEGER, low=0),
    "granted_by": Column("grants", NUMBER, low=1),
}
_PROVENANCE: Final = {
    "source": Column("sources", NUMBER, low=1),
    "reference": Column("references", REFERENCE, low=1),
    "turn": Column("turns", INTEGER),
}
_FORM: Final = {
    "texts": Column("form texts", NUMBER, low=0, in_tuples=True),
    "part_tokens": Column("form tokens", INTEGER, low=0, in_tuples=True),
    "quality": Column("form qualities", INTEGER, low=0),
}
_CALL: Final = {
    "call_id": Column("call ids", REFERENCE, low=0),
    "signature": Column("signatures", REFERENCE, low=1),
    "target": Column("targets", REFERENCE, low=0),
}
COLUMNS: Final = (
    *_PAGE.values(),
    *_PROVENANCE.values(),
    Column("ladders", INTEGER, low=_FULL, high=15),
    *_FORM.values(),
    Column("callers", INTEGER, low=0),
    *_CALL.values(),
)
"""Pages of one number of parts, field by field; what belongs to a form or a call stands in one list
for all pages, and `callers` says which of them have a call."""

_PAGE_SLOTS: Final = (*_PAGE, "provenance", "ladder", "call")
_PROVENANCE_SLOTS: Final = tuple(_PROVENANCE)
_FORM_SLOTS: Final = tuple(_FORM)


def page_columns(payload: bytearray, pages: Sequence[Page], numbers: Numbers, where: str) -> None:
    """Add pages as columns to the payload, those with the same number of parts together."""
    groups: defaultdict[int, list[Page]] = defaultdict(list)
    for page in pages:
        groups[len(page.texts)].append(page)
    columns = [(parts, _columns(groups[parts])) for parts in sorted(groups)]
    try:
        core.pack_columns(payload, columns, COLUMNS, numbers, where)
    except SnapshotInvalid:
        _refuse_parts(pages)
        raise


def _columns(pages: list[Page]) -> list[list[Any]]:
    *columns, provenances, ladders, calls = core.get_slots(pages, Page, _PAGE_SLOTS)
    try:
        masks, forms = core.split_dicts(ladders, _LADDERS)
    except ValueError:
        masks, forms = core.split_dicts([_in_order(page) for page in pages], _LADDERS)
    made = list(filter(None, calls))
    return [
        *columns,
        *core.get_slots(provenances, Provenance, _PROVENANCE_SLOTS),
        masks,
        *core.get_slots(forms, PageForm, _FORM_SLOTS),
        list(compress(range(len(calls)), calls)),
        *(map(list, zip(*made, strict=True)) if made else [[]] * len(_CALL)),
    ]


def _in_order(page: Page) -> dict[Fidelity, PageForm]:
    """Return the page's ladder with its levels in ascending order."""
    if Fidelity.FULL not in page.ladder or not set(page.ladder) <= set(LEVELS[1:]):
        raise SnapshotInvalid(
            f"page {page.id!r} has a ladder without a full level, or with one that is none: "
            f"{list(page.ladder)}"
        )
    return {level: page.ladder[level] for level in LEVELS[1:] if level in page.ladder}


def _refuse_parts(pages: Sequence[Page]) -> None:
    for page in pages:
        for form in page.ladder.values():
            if not len(page.texts) == len(form.texts) == len(form.part_tokens):
                raise SnapshotInvalid(
                    f"page {page.id!r} has {len(page.texts)} parts, and a form with "
                    f"{len(form.texts)} texts and {len(form.part_tokens)} token counts; each part "
                    "has one of both"
                )


def pages_of(data: memoryview, texts: list[str | None], where: str) -> list[Page]:
    """Return the pages of columns that hold together, group after group.

    Raises
    ------
    SnapshotInvalid
        When their lengths do not agree, or a text's number is not one.
    """
    groups = core.unpack_columns(data, COLUMNS, texts, where)
    if len({parts for parts, _ in groups}) != len(groups):
        raise _damaged(where, "pages with the same number of parts stand apart")
    try:
        return list(chain.from_iterable(_pages(*group, where) for group in groups))
    except ValueError as error:
        raise _damaged(where, f"its columns do not agree ({error})") from error


def _pages(parts: int, columns: list[list[Any]], where: str) -> list[Page]:
    own, rest = columns[: len(_PAGE)], columns[len(_PAGE) :]
    provenance, masks, form, callers, call = rest[:3], rest[3], rest[4:7], rest[7], rest[8:]
    count = len(own[0])
    if "" in provenance[0] or "" in provenance[1]:
        raise _damaged(where, "a provenance needs a source and a reference")
    if not parts:
        own[_TEXTS] = [()] * count
        form[:2] = [[()] * len(form[2])] * 2
    forms = core.make_objects(PageForm, _FORM_SLOTS, form)
    provenances = core.make_objects(Provenance, _PROVENANCE_SLOTS, provenance)
    ladders = core.join_dicts(masks, forms, _LADDERS)
    calls = _calls(callers, call, count, where)
    return core.make_objects(Page, _PAGE_SLOTS, [*own, provenances, ladders, calls])


_TEXTS: Final = list(_PAGE).index("texts")


def _calls(
    callers: list[int], fields: list[list[Any]], count: int, where: str
) -> list[CallInfo | None]:
    calls: list[CallInfo | None] = [None] * count
    if {len(callers)} != set(map(len, fields)):
        raise _damaged(where, "the fields of calls do not agree")
    if not is_ascending(callers) or (callers and callers[-1] >= count):
        raise _damaged(where, f"calls are of some of {count} pages, in order")
    made = map(tuple.__new__, repeat(CallInfo), zip(*fields, strict=True))
    for caller, call in zip(callers, made, strict=True):
        calls[caller] = call
    return calls


def _damaged(where: str, what: str) -> SnapshotInvalid:
    return SnapshotInvalid(f"section {where} is damaged: {what}")


def row_columns(
    rows: Mapping[int, RowState | None],
) -> tuple[list[Owners | None], list[Any], list[int]]:
    """Return whom messages belong to, the messages themselves, and where they stand."""
    places, states = list(rows), list(rows.values())
    if not is_ascending(places):
        places.sort()
        states = list(map(rows.__getitem__, places))
    messages = [None if state is None else state[0] for state in states]
    return [None if state is None else state[1] for state in states], messages, places


def rows_of(
    runs: list[int], owners: list[Owners | None], messages: list[Any], where: str
) -> dict[int, RowState | None]:
    """Return the messages of columns that hold together; `runs` tell where they stand."""
    count = count_of(runs)
    if not count == len(messages) == len(owners):
        raise _damaged(where, f"{count} positions, {len(messages)} messages, {len(owners)} owners")
    places = from_runs(runs, POSITION_MAX, f"section {where}")
    if not is_ascending(places):
        raise _damaged(where, "positions stand twice or out of their order")
    kinds = set(map(type, messages))
    if not kinds <= {dict, type(None)}:
        raise _damaged(where, "a message is no dict")
    # What RowState(*pair) comes to, without a call of Python for each.
    states = map(tuple.__new__, repeat(RowState), zip(messages, owners, strict=True))
    rows: dict[int, Any] = dict(zip(places, states, strict=True))
    if type(None) in kinds or None in owners:
        for place, (message, owner) in rows.items():
            if (message is None) != (owner is None):
                raise _damaged(where, f"message {place} has no owners, or they have no message")
            if message is None:
                rows[place] = None
    return rows
