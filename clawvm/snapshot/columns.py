"""Pages and messages as columns: one list for each field.

Columns are read in a few passes of C code each, where pages one by one would be a thousand times a
dozen steps of Python.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Annotated, Any, Final, NoReturn, TypeVar

import msgspec

from ..errors import SnapshotInvalid
from ..pages import CallInfo, Fidelity, Page, PageForm, PageType, Pin, Provenance, Scope
from .runs import count_of, from_runs, to_runs
from .state import RowState
from .texts import TextPool
from .trees import Packer

__all__ = ["PageColumns", "RowColumns", "page_columns", "pages_of", "row_columns", "rows_of"]

Count = Annotated[int, msgspec.Meta(ge=0)]
Place = Annotated[int, msgspec.Meta(ge=-1)]
Number = Annotated[int, msgspec.Meta(ge=1)]
"""The number of a text."""
Text = str | Number
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


class PageColumns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Pages of one number of parts, field by field.

    What belongs to a part, a form or a call stands in one list for all pages.
    """

    parts: Count
    ids: list[str]
    types: list[PageType]
    sources: list[Number]
    references: list[Text]
    turns: list[int]
    scopes: list[Scope]
    pins: list[Pin]
    floors: list[Fidelity]
    texts: list[Number]
    ladders: list[Annotated[int, msgspec.Meta(ge=_FULL, le=15)]]
    form_texts: list[Count]
    form_tokens: list[Count]
    form_qualities: list[Count]
    weights: list[Count]
    recompute_costs: list[Count]
    are_tools: list[bool]
    labels: list[Number]
    versions: list[Count]
    slots: list[Place]
    positions: list[Place]
    requests: list[int]
    are_given: list[bool]
    serials: list[Count]
    inherited: list[Count]
    grants: list[Number]
    # Which of the pages have a call, and its fields.
    callers: list[Count]
    call_ids: list[Text | None]
    signatures: list[Text]
    targets: list[Text | None]


class RowColumns(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Where messages stand (runs) and whom their parts belong to; None where one is gone."""

    positions: list[Count]
    owners: list[Owners | None]


def page_columns(pages: Sequence[Page], pool: TextPool, packer: Packer) -> list[PageColumns]:
    """Return pages as columns, those with the same number of parts together."""
    groups: dict[int, list[Page]] = {}
    for page in pages:
        groups.setdefault(len(page.texts), []).append(page)
    return [_columns(parts, groups[parts], pool, packer) for parts in sorted(groups)]


def _columns(parts: int, pages: Sequence[Page], pool: TextPool, packer: Packer) -> PageColumns:
    masks = [_MASKS.get(tuple(page.ladder), 0) for page in pages]
    if 0 in masks:
        pages = _in_order(pages)
        masks = [_MASKS[tuple(page.ladder)] for page in pages]
    forms = [form for page in pages for form in page.ladder.values()]
    form_texts = [form.texts for form in forms]
    form_tokens = [form.part_tokens for form in forms]
    if forms and not {parts} == set(map(len, form_texts)) == set(map(len, form_tokens)):
        _refuse_parts(pages)
    calls = [(place, page.call) for place, page in enumerate(pages) if page.call is not None]
    return PageColumns(
        parts=parts,
        ids=[page.id for page in pages],
        types=[page.type for page in pages],
        sources=pool.numbers([page.provenance.source for page in pages]),
        references=packer.references([page.provenance.reference for page in pages]),  # type: ignore[arg-type]
        turns=[page.provenance.turn for page in pages],
        scopes=[page.scope for page in pages],
        pins=[page.pin for page in pages],
        floors=[page.floor for page in pages],
        texts=pool.numbers(chain.from_iterable([page.texts for page in pages])),
        ladders=masks,
        form_texts=pool.numbers(chain.from_iterable(form_texts)),
        form_tokens=list(chain.from_iterable(form_tokens)),
        form_qualities=[form.quality for form in forms],
        weights=[page.weight for page in pages],
        recompute_costs=[page.recompute_cost for page in pages],
        are_tools=[page.is_tool for page in pages],
        labels=pool.numbers([page.label for page in pages]),
        versions=[page.version for page in pages],
        slots=[page.slot for page in pages],
        positions=[page.position for page in pages],
        requests=[page.request for page in pages],
        are_given=[page.is_given for page in pages],
        serials=[page.serial for page in pages],
        inherited=[page.inherited for page in pages],
        grants=pool.numbers([page.granted_by for page in pages]),
        callers=[place for place, _ in calls],
        call_ids=packer.references([call.call_id for _, call in calls]),
        signatures=packer.references([call.signature for _, call in calls]),  # type: ignore[arg-type]
        targets=packer.references([call.target for _, call in calls]),
    )


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


def _refuse_parts(pages: Sequence[Page]) -> NoReturn:
    for page in pages:
        for form in page.ladder.values():
            if not len(page.texts) == len(form.texts) == len(form.part_tokens):
                raise SnapshotInvalid(
                    f"page {page.id!r} has {len(page.texts)} parts, and a form with "
                    f"{len(form.texts)} texts and {len(form.part_tokens)} token counts; each part "
                    "has one of both"
                )
    raise AssertionError("some form of these pages has another number of parts than its page")


def pages_of(groups: Sequence[PageColumns], texts: Sequence[str | None], where: str) -> list[Page]:
    """Return the pages of columns that hold together, group after group.

    Raises
    ------
    SnapshotInvalid
        When their lengths do not agree, or a text's number is not one.
    """
    if len({columns.parts for columns in groups}) != len(groups):
        raise _damaged(where, "pages with the same number of parts stand apart")
    return list(chain.from_iterable(_pages(columns, texts, where) for columns in groups))


def _pages(columns: PageColumns, texts: Sequence[str | None], where: str) -> list[Page]:
    count = len(columns.ids)
    form_count = sum(map(_FORM_COUNTS.__getitem__, columns.ladders))
    numbers = (
        columns.texts,
        columns.form_texts,
        columns.sources,
        columns.labels,
        columns.grants,
    )
    if max(max(column, default=0) for column in numbers) >= len(texts):
        raise _damaged(where, f"there are {len(texts) - 1} texts and it names another")
    text_of: Callable[[int], Any] = texts.__getitem__
    forms = _made(
        PageForm,
        form_count,
        where,
        texts=_cut(map(text_of, columns.form_texts), columns.parts, form_count, where),
        part_tokens=_cut(columns.form_tokens, columns.parts, form_count, where),
        quality=columns.form_qualities,
    )
    references = _resolved(columns.references, texts, where)
    sources = list(map(text_of, columns.sources))
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
        texts=_cut(map(text_of, columns.texts), columns.parts, count, where),
        ladder=_ladders(columns.ladders, forms),
        weight=columns.weights,
        recompute_cost=columns.recompute_costs,
        is_tool=columns.are_tools,
        label=list(map(text_of, columns.labels)),
        version=columns.versions,
        slot=columns.slots,
        position=columns.positions,
        request=columns.requests,
        is_given=columns.are_given,
        serial=columns.serials,
        inherited=columns.inherited,
        granted_by=list(map(text_of, columns.grants)),
        call=_calls(columns, count, texts, where),
    )


def _calls(
    columns: PageColumns, count: int, texts: Sequence[str | None], where: str
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


def _cut(values: Iterable[_T], size: int, count: int, where: str) -> Sequence[tuple[_T, ...]]:
    """Return `count` tuples of `size` of the values each."""
    if not size:
        tuples: list[tuple[_T, ...]] = [()] * count
        rest = list(values)
    else:
        rest = []
        iterator = iter(values)
        tuples = list(zip(*[iterator] * size, strict=False))
        rest = list(iterator)
    if rest or len(tuples) != count:
        raise _damaged(where, f"{count} times {size} values were expected")
    return tuples


def _resolved(column: Sequence[Any], texts: Sequence[str | None], where: str) -> list[Any]:
    """Return a column with the texts in the place of their numbers."""
    if int not in set(map(type, column)):
        return list(column)
    try:
        return [texts[item] if type(item) is int else item for item in column]
    except IndexError:
        raise _damaged(where, f"there are {len(texts) - 1} texts and it names another") from None


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


def row_columns(
    rows: Mapping[int, RowState | None], packer: Packer
) -> tuple[RowColumns, list[Any]]:
    """Return where messages stand, and the messages themselves."""
    places = sorted(rows)
    states = [rows[place] for place in places]
    messages = [
        None if state is None else packer.tree(state.message, f"message {place}")
        for place, state in zip(places, states, strict=True)
    ]
    owners = [None if state is None else state.owners for state in states]
    return RowColumns(to_runs(places), owners), messages


def rows_of(columns: RowColumns, messages: Sequence[Any], where: str) -> dict[int, RowState | None]:
    """Return the messages of columns that hold together."""
    owners = columns.owners
    count = count_of(columns.positions)
    if not count == len(messages) == len(owners):
        raise _damaged(where, f"{count} positions, {len(messages)} messages, {len(owners)} owners")
    places = from_runs(columns.positions, POSITION_MAX, f"section {where}")
    if places != sorted(set(places)):
        raise _damaged(where, "positions stand twice or out of their order")
    if not {dict, type(None)}.issuperset(map(type, messages)):
        raise _damaged(where, "a message is no dict")
    rows: dict[int, Any] = dict(zip(places, zip(messages, owners, strict=True), strict=True))
    if None in messages or None in owners:
        for place, (message, owner) in rows.items():
            if (message is None) != (owner is None):
                raise _damaged(where, f"message {place} has no owners, or they have no message")
        there = {place: pair for place, pair in rows.items() if pair[0] is not None}
        return {**dict.fromkeys(places), **_states(there)}
    return _states(rows)


def _states(rows: Mapping[int, tuple[dict[str, Any], Owners]]) -> dict[int, RowState | None]:
    # What RowState(*pair) comes to, without a call of Python for each.
    return dict(zip(rows, map(tuple.__new__, repeat(RowState), rows.values()), strict=True))
