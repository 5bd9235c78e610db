"""Pages and messages as columns: one list for each field.

Columns are read in a few passes of C code each, where pages one by one would be a thousand times a
dozen steps of Python.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, repeat
from typing import Annotated, Any, Final, TypeVar

import msgspec

from ..errors import SnapshotInvalid
from ..pages import CallInfo, Fidelity, Page, PageForm, PageType, Pin, Provenance, Scope
from .runs import count_of, from_runs, to_runs
from .state import RowState
from .texts import TEXT_CHARS_MIN, TextPool
from .trees import Packer

__all__ = ["PageColumns", "RowColumns", "page_columns", "pages_of", "row_columns", "rows_of"]

Count = Annotated[int, msgspec.Meta(ge=0)]
Place = Annotated[int, msgspec.Meta(ge=-1)]
Text = str | Count
"""A short text, or the number of a long one."""

Owners = tuple[tuple[Place, Count], ...]

_LEVELS: Final = (Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED, Fidelity.FULL)
_FULL: Final = 1 << 3
# By mask of levels.
_LADDERS: Final = [
    tuple(level for place, level in enumerate(_LEVELS) if mask >> place & 1) for mask in range(16)
]
_MASKS: Final = {ladder: mask for mask, ladder in enumerate(_LADDERS) if mask & _FULL}
_FORM_COUNTS: Final = list(map(len, _LADDERS))
POSITION_MAX: Final = 1 << 32
"""No message stands at this position or after it."""

_T = TypeVar("_T")
_S = TypeVar("_S", bound=str | None)


class PageColumns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Pages, field by field; what belongs to a part, a form or a call stands in one long list."""

    ids: list[str]
    types: list[PageType]
    sources: list[Text]
    references: list[Text]
    turns: list[int]
    scopes: list[Scope]
    pins: list[Pin]
    floors: list[Fidelity]
    part_counts: list[Count]
    texts: list[Text]
    ladders: list[Annotated[int, msgspec.Meta(ge=_FULL, le=15)]]
    form_texts: list[Text | None]
    form_tokens: list[tuple[Count, ...]]
    form_qualities: list[Count]
    weights: list[Count]
    recompute_costs: list[Count]
    are_tools: list[bool]
    labels: list[Text]
    versions: list[Count]
    slots: list[Place]
    positions: list[Place]
    requests: list[int]
    # Which of the pages have a call, and its fields.
    callers: list[Count]
    call_ids: list[Text | None]
    signatures: list[Text]
    targets: list[Text | None]


class RowColumns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Messages by position, which are runs; both other fields are None where one is gone."""

    positions: list[Count]
    messages: list[dict[str, Any] | None]
    owners: list[Owners | None]


def page_columns(pages: Sequence[Page], pool: TextPool) -> PageColumns:
    """Return pages as columns, their long texts in the pool."""
    masks = [_MASKS.get(tuple(page.ladder), 0) for page in pages]
    if 0 in masks:
        pages = _in_order(pages)
        masks = [_MASKS[tuple(page.ladder)] for page in pages]
    forms = [form for page in pages for form in page.ladder.values()]
    part_counts = [len(page.texts) for page in pages]
    _check_parts(pages, masks, part_counts, forms)
    calls = [(place, page.call) for place, page in enumerate(pages) if page.call is not None]
    refer = pool.refer
    return PageColumns(
        ids=[page.id for page in pages],
        types=[page.type for page in pages],
        sources=_texts([page.provenance.source for page in pages], refer),
        references=_texts([page.provenance.reference for page in pages], refer),
        turns=[page.provenance.turn for page in pages],
        scopes=[page.scope for page in pages],
        pins=[page.pin for page in pages],
        floors=[page.floor for page in pages],
        part_counts=part_counts,
        texts=_texts([text for page in pages for text in page.texts], refer),
        ladders=masks,
        form_texts=_texts([text for form in forms for text in form.texts], refer),
        form_tokens=[form.part_tokens for form in forms],
        form_qualities=[form.quality for form in forms],
        weights=[page.weight for page in pages],
        recompute_costs=[page.recompute_cost for page in pages],
        are_tools=[page.is_tool for page in pages],
        labels=_texts([page.label for page in pages], refer),
        versions=[page.version for page in pages],
        slots=[page.slot for page in pages],
        positions=[page.position for page in pages],
        requests=[page.request for page in pages],
        callers=[place for place, _ in calls],
        call_ids=_texts([call.call_id for _, call in calls], refer),
        signatures=_texts([call.signature for _, call in calls], refer),
        targets=_texts([call.target for _, call in calls], refer),
    )


def _texts(texts: Sequence[_S], refer: Callable[[str], str | int]) -> list[_S | int]:
    """Return a column of texts with numbers in the place of the long ones."""
    # What `refer` would return of a short one, without the call.
    return [
        text if text is None or (len(text) < TEXT_CHARS_MIN and text.isascii()) else refer(text)  # type: ignore[misc]
        for text in texts
    ]


def _in_order(pages: Sequence[Page]) -> list[Page]:
    """Return the pages with their ladders' levels in ascending order."""
    for page in pages:
        if Fidelity.FULL not in page.ladder or not set(page.ladder) <= set(_LEVELS):
            raise SnapshotInvalid(
                f"page {page.id!r} has a ladder without a full level, or with one that is none: "
                f"{list(page.ladder)}"
            )
    return [
        replace(page, ladder={level: page.ladder[level] for level in sorted(page.ladder)})
        for page in pages
    ]


def _check_parts(
    pages: Sequence[Page], masks: Sequence[int], counts: Sequence[int], forms: Sequence[PageForm]
) -> None:
    parts = list(_parts_of_forms(masks, counts))
    if parts == [len(form.texts) for form in forms] == [len(form.part_tokens) for form in forms]:
        return
    for page in pages:
        for form in page.ladder.values():
            if not len(page.texts) == len(form.texts) == len(form.part_tokens):
                raise SnapshotInvalid(
                    f"page {page.id!r} has {len(page.texts)} parts, and a form with "
                    f"{len(form.texts)} texts and {len(form.part_tokens)} token counts; each part "
                    "has one of both"
                )


def _parts_of_forms(masks: Sequence[int], counts: Sequence[int]) -> Iterator[int]:
    """Return for each form of each page how many parts it has."""
    return chain.from_iterable(map(repeat, counts, map(_FORM_COUNTS.__getitem__, masks)))


def pages_of(columns: PageColumns, texts: Sequence[str], where: str) -> list[Page]:
    """Return the pages of columns that hold together.

    Raises
    ------
    SnapshotInvalid
        When their lengths do not, or a text's number is not one.
    """
    count = len(columns.ids)
    full = [_resolved(column, texts, where) for column in (columns.texts, columns.form_texts)]
    form_parts = list(_parts_of_forms(columns.ladders, columns.part_counts))
    if (
        form_parts != list(map(len, columns.form_tokens))
        or sum(columns.part_counts) != len(full[0])
        or sum(form_parts) != len(full[1])
    ):
        raise _damaged(where, "the parts of pages and forms do not agree")
    forms = _made(
        PageForm,
        len(form_parts),
        where,
        texts=_cut(full[1], form_parts),
        part_tokens=columns.form_tokens,
        quality=columns.form_qualities,
    )
    sources = _resolved(columns.sources, texts, where)
    references = _resolved(columns.references, texts, where)
    if "" in sources or "" in references:
        raise _damaged(where, "a provenance needs a source and a reference")
    provenances = _made(
        Provenance, count, where, source=sources, reference=references, turn=columns.turns
    )
    return _made(
        Page,
        count,
        where,
        id=columns.ids,
        type=columns.types,
        provenance=provenances,
        scope=columns.scopes,
        pin=columns.pins,
        floor=columns.floors,
        texts=_cut(full[0], columns.part_counts),
        ladder=_ladders(columns.ladders, forms),
        weight=columns.weights,
        recompute_cost=columns.recompute_costs,
        is_tool=columns.are_tools,
        label=_resolved(columns.labels, texts, where),
        version=columns.versions,
        slot=columns.slots,
        position=columns.positions,
        request=columns.requests,
        call=_calls(columns, count, texts, where),
    )


def _calls(
    columns: PageColumns, count: int, texts: Sequence[str], where: str
) -> list[CallInfo | None]:
    calls: list[CallInfo | None] = [None] * count
    fields = [
        _resolved(column, texts, where)
        for column in (columns.call_ids, columns.signatures, columns.targets)
    ]
    if {len(columns.callers)} != set(map(len, fields)):
        raise _damaged(where, "the fields of calls do not agree")
    for caller, call in zip(columns.callers, map(CallInfo, *fields), strict=True):
        if caller >= count or calls[caller] is not None:
            raise _damaged(where, f"call of page {caller} of {count}, or a second one")
        calls[caller] = call
    return calls


def _ladders(masks: Sequence[int], forms: Sequence[PageForm]) -> list[dict[Fidelity, PageForm]]:
    rest = iter(forms)
    # zip asks for a level first, so it takes no form too many.
    return [dict(zip(_LADDERS[mask], rest, strict=False)) for mask in masks]


def _cut(values: Sequence[_T], counts: Sequence[int]) -> list[tuple[_T, ...]]:
    """Return the values in tuples of these lengths."""
    if set(counts) == {1}:
        return list(zip(values, strict=True))
    rest = iter(values)
    return [tuple(islice(rest, count)) for count in counts]


def _resolved(column: Iterable[Any], texts: Sequence[str], where: str) -> list[Any]:
    """Return a column with the texts in the place of their numbers."""
    try:
        return [texts[item] if type(item) is int else item for item in column]
    except IndexError:
        raise _damaged(where, f"there are {len(texts)} texts and it names another") from None


def _made(kind: type[_T], count: int, where: str, **columns: Sequence[object]) -> list[_T]:
    """Return `count` objects whose slots hold what the columns say.

    Their constructors are not called: the slots are filled column by column, which C code does.
    """
    made = list(map(object.__new__, repeat(kind, count)))
    for name, column in columns.items():
        if len(column) != count:
            raise _damaged(where, f"{count} {kind.__name__} and {len(column)} values of {name}")
        deque(map(vars(kind)[name].__set__, made, column), maxlen=0)
    return made


def _damaged(where: str, what: str) -> SnapshotInvalid:
    return SnapshotInvalid(f"section {where} is damaged: {what}")


def row_columns(rows: dict[int, RowState | None], packer: Packer) -> RowColumns:
    """Return messages as columns, by position."""
    places = sorted(rows)
    states = [rows[place] for place in places]
    return RowColumns(
        to_runs(places),
        [
            None if state is None else packer.tree(state.message, f"message {place}")
            for place, state in zip(places, states, strict=True)
        ],
        [None if state is None else state.owners for state in states],
    )


def rows_of(columns: RowColumns, where: str) -> dict[int, RowState | None]:
    """Return the messages of columns that hold together."""
    messages, owners = columns.messages, columns.owners
    count = count_of(columns.positions)
    if not count == len(messages) == len(owners):
        raise _damaged(where, f"{count} positions and {len(messages)} messages")
    places = from_runs(columns.positions, POSITION_MAX, f"section {where}")
    if places != sorted(set(places)):
        raise _damaged(where, "positions stand twice or out of their order")
    if None not in messages and None not in owners:
        return dict(zip(places, _states(messages, owners), strict=True))
    gone = [place for place, message in zip(places, messages, strict=True) if message is None]
    if gone != [place for place, owner in zip(places, owners, strict=True) if owner is None]:
        raise _damaged(where, "a message without owners, or owners without a message")
    there = [message for message in messages if message is not None]
    states = _states(there, [owner for owner in owners if owner is not None])
    return {
        place: None if message is None else next(states)
        for place, message in zip(places, messages, strict=True)
    }


def _states(messages: Sequence[dict[str, Any]], owners: Sequence[Owners]) -> Iterator[RowState]:
    # What RowState(message, owner) comes to, without a call of Python for each.
    return map(tuple.__new__, repeat(RowState), zip(messages, owners, strict=True))  # type: ignore[arg-type]
