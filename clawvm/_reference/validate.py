"""Checks of what a caller hands in, and the sentences that refuse it.

The compiled core checks the same rules in C and comes here when one is broken, so that both back
ends refuse with the same class and the same sentence. A check has no side effect.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from operator import index
from typing import NamedTuple, NoReturn

from ..errors import (
    BudgetInvalid,
    ClawVMError,
    LadderInvalid,
    LimitExceeded,
    PageInvalid,
    PageNotFound,
    TableInUse,
)
from .dirty import MAX_VERSION
from .layout import (
    LEVELS,
    MAX_BUDGET,
    MAX_ID_BYTES,
    MAX_PAGES,
    MAX_POSITION,
    MAX_QUALITY,
    MAX_SHOWN_TOKENS,
    MAX_STATES,
    MAX_TOKENS,
    MAX_TURN,
    MAX_WEIGHT,
    MISSING_LEVEL,
)

__all__ = [
    "Page",
    "budget",
    "capacity",
    "content",
    "floor",
    "half_life",
    "identifier",
    "level",
    "page",
    "pin",
    "place_slot",
    "position",
    "refuse_arena",
    "refuse_held",
    "refuse_id",
    "refuse_missing_level",
    "refuse_pages",
    "refuse_slot",
    "refuse_table",
    "refuse_version",
    "same_kind",
    "same_lengths",
    "shown",
    "slot",
    "states",
    "tokens_shown",
    "turn",
    "weight",
]


class Page(NamedTuple):
    """The arguments of ``put``, checked and as plain Python values."""

    page_id: str
    id_bytes: int
    tokens: tuple[int, ...]
    quality: tuple[int, ...]
    weight: int
    page_type: int
    pin: int
    floor: int
    digest: bytes
    turn: int


def page(
    page_id: object,
    tokens: object,
    quality: object,
    weight_: object,
    page_type: object,
    pin_: object,
    floor_: object,
    digest: object,
    turn_: object,
) -> Page:
    """Check the arguments of ``put`` in the order in which it takes them."""
    text, length = identifier(page_id)
    ladder = _ladder(tokens)
    return Page(
        text,
        length,
        ladder,
        _quality(quality, ladder),
        weight(weight_),
        _whole(page_type, 0, 255, "a page type"),
        pin(pin_),
        floor(floor_),
        _digest(digest),
        turn(turn_),
    )


def content(given: object) -> tuple[object, bytes, tuple[int, ...], tuple[int, ...]]:
    """Return a new content's slot, still unchecked, its text in UTF-8, its ladder and qualities."""
    if not isinstance(given, (tuple, list)) or len(given) != 4:
        raise PageInvalid(f"a content must be (slot, text, tokens, quality), found {shown(given)}")
    text = given[1]
    if not isinstance(text, str):
        raise PageInvalid(f"a content's text must be a str, found {shown(text)}")
    try:
        encoded = str.encode(text)
    except UnicodeEncodeError as error:
        raise PageInvalid(
            f"a content cannot be written as UTF-8: character {error.start} is a lone surrogate; "
            "replace it first"
        ) from None
    ladder = _ladder(given[2])
    return given[0], encoded, ladder, _quality(given[3], ladder)


def same_lengths(tables: int, *counts: int) -> None:
    """Check that a batch gives each table its arguments."""
    if any(count != tables for count in counts):
        contents, budgets, turns, touched = counts
        raise PageInvalid(
            f"a batch of {tables} page tables needs as many of everything, found {budgets} "
            f"budgets, {turns} turns, {touched} of slots touched and {contents} of contents"
        )


def same_kind(tables: Sequence[object], kind: type) -> None:
    """Check that a batch is of page tables."""
    for number, table in enumerate(tables):
        if not isinstance(table, kind):
            raise PageInvalid(f"item {number} of a batch must be a PageTable, found {shown(table)}")


def identifier(page_id: object) -> tuple[str, int]:
    """Return the id as an exact ``str`` and its length in bytes of UTF-8."""
    if not isinstance(page_id, str):
        raise PageInvalid(f"a page id must be a str, found {shown(page_id)}")
    # A subclass may hash or compare in its own way; the text alone is the identity.
    text = page_id if type(page_id) is str else str.__str__(page_id)
    if not text:
        raise PageInvalid("a page id must not be empty; give each page a name of its own")
    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise PageInvalid(
            f"page id {shown(text)} cannot be written as UTF-8: character {error.start} is a "
            "lone surrogate; replace it before the text becomes an id"
        ) from None
    if length > MAX_ID_BYTES:
        raise LimitExceeded(
            f"a page id may have {MAX_ID_BYTES} bytes in UTF-8, found {length} in {shown(text)}; "
            "use a digest of it as the id"
        )
    return text, length


def weight(value: object) -> int:
    return _whole(value, 1, MAX_WEIGHT, "a weight")


def version(value: object) -> int:
    return _whole(value, 1, MAX_VERSION, "a version")


def turn(value: object) -> int:
    return _whole(value, 0, MAX_TURN, "a turn")


def pin(value: object) -> int:
    return _whole(value, 0, 2, "a pin")


def floor(value: object) -> int:
    return _whole(value, 0, 4, "a floor")


def level(value: object) -> int:
    return _whole(value, 0, 4, "a level")


def budget(value: object) -> int:
    return _whole(value, 1, MAX_BUDGET, "a budget in tokens", BudgetInvalid)


def states(value: object) -> int:
    return _whole(value, 1, MAX_STATES, "a number of states", LimitExceeded)


def half_life(value: object) -> int:
    return _whole(value, 1, MAX_TURN, "a half life in turns")


def capacity(value: object) -> int:
    return _whole(value, 1, MAX_PAGES, "a capacity in pages", LimitExceeded)


def place_slot(value: object) -> int:
    return _whole(value, 0, MAX_PAGES - 1, "a slot")


def position(value: object, last: int) -> int:
    what = "a position" if last < 0 else f"a position after {last}"
    return _whole(value, last + 1, MAX_POSITION, what)


def tokens_shown(value: object) -> int:
    return _whole(value, 0, MAX_SHOWN_TOKENS, "the tokens of a value")


def slot(value: object, end: int) -> int:
    """Return `value` as a slot below `end`, -1 if it cannot be one."""
    try:
        number = -1 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        return -1
    return number if 0 <= number < end else -1


def refuse_id(page_id: str) -> NoReturn:
    raise PageNotFound(f"no page has the id {shown(page_id)}; put it before it is used")


def refuse_slot(slot: object, live: int) -> NoReturn:
    raise PageNotFound(
        f"slot {shown(slot)} holds no page (the table has {live}); "
        "find(page_id) tells the slot of a page"
    )


def refuse_missing_level(page_id: str, wanted: int, tokens: Sequence[int]) -> NoReturn:
    ladder = ", ".join(
        f"{number} ({LEVELS[number]})"
        for number in range(1, 5)
        if tokens[number - 1] != MISSING_LEVEL
    )
    raise LadderInvalid(
        f"page {shown(page_id)} has no level {wanted} ({LEVELS[wanted]}); it has 0 (none), {ladder}"
    )


def refuse_held() -> NoReturn:
    raise TableInUse(
        "the page table is in use by a batch of turns in another thread; wait until turn_many has "
        "returned"
    )


def refuse_table(number: int) -> NoReturn:
    raise TableInUse(
        f"page table {number} of the batch is in use: it is in the batch twice, or another thread "
        "has it in one; give each table once, and wait for the other batch"
    )


def refuse_version() -> NoReturn:
    raise PageInvalid("a version can only be read of what it was a version of")


def refuse_pages(limit: int) -> NoReturn:
    raise LimitExceeded(
        f"a page table holds at most {limit} pages and this one is full; remove pages first"
    )


def refuse_arena(limit: int) -> NoReturn:
    raise LimitExceeded(
        f"the page ids of one table may take {limit} bytes in all and this id would pass that; "
        "remove pages first, or use shorter ids"
    )


def _ladder(tokens: object) -> tuple[int, ...]:
    given = _four(tokens, "a ladder", "token counts")
    ladder = tuple(_tokens(count, number) for number, count in enumerate(given, 1))
    if ladder[3] == MISSING_LEVEL:
        raise LadderInvalid(
            "a ladder needs the token count of level 4 (full), found None; "
            "the full text is what the other levels are forms of"
        )
    cheaper = 0
    for number, count in enumerate(ladder, 1):
        if count == MISSING_LEVEL:
            continue
        if cheaper and count <= ladder[cheaper - 1]:
            raise LadderInvalid(
                f"level {number} ({LEVELS[number]}) has {count} tokens and level {cheaper} "
                f"({LEVELS[cheaper]}) has {ladder[cheaper - 1]}; a cheaper level must be cheaper: "
                "give None for a form that saves nothing"
            )
        cheaper = number
    return ladder


def _tokens(count: object, number: int) -> int:
    if count is None:
        return MISSING_LEVEL
    what = f"the token count of level {number} ({LEVELS[number]})"
    least = _whole(count, 1, None, what, LadderInvalid)
    return _whole(least, 1, MAX_TOKENS, what, LimitExceeded)


def _quality(quality: object, ladder: tuple[int, ...]) -> tuple[int, ...]:
    given = _four(quality, "a ladder", "qualities")
    known = []
    for number, (value, count) in enumerate(zip(given, ladder, strict=True), 1):
        least = MAX_QUALITY if number == 4 else 1
        what = f"the quality of level {number} ({LEVELS[number]})"
        known.append(0 if count == MISSING_LEVEL else _whole(value, least, MAX_QUALITY, what))
    return tuple(known)


def _four(values: object, owner: str, what: str) -> tuple[object, ...]:
    given: tuple[object, ...] | None
    try:
        given = tuple(values)  # type: ignore[arg-type]
    except TypeError:
        given = None
    if given is None or len(given) != 4:
        found = shown(values) if given is None else str(len(given))
        raise LadderInvalid(
            f"{owner} needs 4 {what} (pointer, structured, compressed, full), found {found}"
        )
    return given


def _digest(digest: object) -> bytes:
    if not isinstance(digest, bytes):
        raise PageInvalid(f"a digest must be 16 bytes, found {shown(digest)}")
    if len(digest) != 16:
        raise PageInvalid(f"a digest must be 16 bytes, found {len(digest)} bytes")
    return digest


def _whole(
    value: object,
    low: int,
    high: int | None,
    what: str,
    error: type[ClawVMError] = PageInvalid,
) -> int:
    """Return `value` as a plain int; bools are refused, anything else with ``__index__`` is not."""
    number: int | None
    try:
        number = None if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise error(f"{what} must be a whole number {limits}, found {shown(value)}")
    return number


def shown(value: object) -> str:
    """Return a short text for `value`; a huge int by its size, since it may not be printable."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    return reprlib.repr(value)
