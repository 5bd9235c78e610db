"""Every refusal: its class, its sentence, the same on both back ends, and nothing changed."""

from __future__ import annotations

import pytest

from clawvm.errors import (
    BudgetInvalid,
    LadderInvalid,
    LimitExceeded,
    PageInvalid,
    PageNotFound,
)

GOOD = {
    "page_id": "a",
    "tokens": (10, None, 60, 100),
    "quality": (1, None, 3, 1000),
    "weight": 1,
    "page_type": 0,
    "pin": 0,
    "floor": 0,
    "digest": bytes(16),
    "turn": 0,
}

PUTS = [
    ("page_id", 7, PageInvalid, "a page id must be a str, found 7"),
    ("page_id", b"a", PageInvalid, "a page id must be a str, found b'a'"),
    (
        "page_id",
        "",
        PageInvalid,
        "a page id must not be empty; give each page a name of its own",
    ),
    (
        "page_id",
        "ab\udc80",
        PageInvalid,
        "page id 'ab\\udc80' cannot be written as UTF-8: character 2 is a lone surrogate; "
        "replace it before the text becomes an id",
    ),
    (
        "page_id",
        "\u00e9" * 257,
        LimitExceeded,
        "a page id may have 512 bytes in UTF-8, found 514 in 'éééééééééééé...ééééééééééééé'; "
        "use a digest of it as the id",
    ),
    (
        "tokens",
        (1, 2, 3),
        LadderInvalid,
        "a ladder needs 4 token counts (pointer, structured, compressed, full), found 3",
    ),
    (
        "tokens",
        9,
        LadderInvalid,
        "a ladder needs 4 token counts (pointer, structured, compressed, full), found 9",
    ),
    (
        "tokens",
        (1, 2, 3, None),
        LadderInvalid,
        "a ladder needs the token count of level 4 (full), found None; "
        "the full text is what the other levels are forms of",
    ),
    (
        "tokens",
        (10, None, 10, 100),
        LadderInvalid,
        "level 3 (compressed) has 10 tokens and level 1 (pointer) has 10; a cheaper level must be "
        "cheaper: give None for a form that saves nothing",
    ),
    (
        "tokens",
        (0, None, 60, 100),
        LadderInvalid,
        "the token count of level 1 (pointer) must be a whole number of at least 1, found 0",
    ),
    (
        "tokens",
        (10, None, 60, "100"),
        LadderInvalid,
        "the token count of level 4 (full) must be a whole number of at least 1, found '100'",
    ),
    (
        "tokens",
        (10, None, 60, 1 << 32),
        LimitExceeded,
        "the token count of level 4 (full) must be a whole number from 1 to 4294967294, "
        "found 4294967296",
    ),
    (
        "quality",
        (1, 2, 3),
        LadderInvalid,
        "a ladder needs 4 qualities (pointer, structured, compressed, full), found 3",
    ),
    (
        "quality",
        (0, None, 3, 1000),
        PageInvalid,
        "the quality of level 1 (pointer) must be a whole number from 1 to 1000, found 0",
    ),
    (
        "quality",
        (1, None, 3, 999),
        PageInvalid,
        "the quality of level 4 (full) must be a whole number from 1000 to 1000, found 999",
    ),
    ("weight", 0, PageInvalid, "a weight must be a whole number from 1 to 16777216, found 0"),
    ("weight", 1.5, PageInvalid, "a weight must be a whole number from 1 to 16777216, found 1.5"),
    ("weight", True, PageInvalid, "a weight must be a whole number from 1 to 16777216, found True"),
    (
        "weight",
        1 << 20000,
        PageInvalid,
        "a weight must be a whole number from 1 to 16777216, found an integer of 20001 bits",
    ),
    ("page_type", 256, PageInvalid, "a page type must be a whole number from 0 to 255, found 256"),
    ("pin", 3, PageInvalid, "a pin must be a whole number from 0 to 2, found 3"),
    ("floor", -1, PageInvalid, "a floor must be a whole number from 0 to 4, found -1"),
    ("digest", b"short", PageInvalid, "a digest must be 16 bytes, found 5 bytes"),
    ("digest", None, PageInvalid, "a digest must be 16 bytes, found None"),
    ("turn", -1, PageInvalid, "a turn must be a whole number from 0 to 4294967295, found -1"),
    (
        "turn",
        1 << 32,
        PageInvalid,
        "a turn must be a whole number from 0 to 4294967295, found 4294967296",
    ),
]


def refused(call, *args, **kwargs):
    """Return class and sentence of the error that a call raises."""
    with pytest.raises(Exception) as error:  # noqa: PT011 - the class is what is compared
        call(*args, **kwargs)
    return error.type, str(error.value)


def state(table):
    return [table.record(slot) for slot in table.slots()], table.used_tokens, len(table)


@pytest.mark.parametrize(
    ("field", "value", "error", "sentence"), PUTS, ids=[f"{n}-{c[0]}" for n, c in enumerate(PUTS)]
)
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_put_refuses(table, field, value, error, sentence, known):
    if known:
        table.put(**GOOD)
    before = state(table)
    assert refused(table.put, **(GOOD | {field: value})) == (error, sentence)
    assert state(table) == before
    table.check()


def test_the_quality_of_a_missing_level_is_not_looked_at(table):
    slot = table.put(**(GOOD | {"quality": (1, "anything", 3, 1000)}))
    assert table.record(slot)["quality"] == (1, 0, 3, 1000)


@pytest.mark.parametrize("slot", [1, -1, 1 << 24, 1 << 200, None, "0", 0.0, False])
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("page_id", ()),
        ("remove", ()),
        ("touch", (1,)),
        ("advance", (1,)),
        ("reweigh", (1,)),
        ("set_pin", (1,)),
        ("set_floor", (1,)),
        ("demand", (1,)),
        ("level", ()),
        ("set_level", (1,)),
        ("tokens", (1,)),
        ("version", ()),
        ("digest", ()),
        ("value", (1, 1)),
        ("required_level", ()),
        ("record", ()),
    ],
)
def test_a_slot_without_a_page_is_not_found(table, method, rest, slot):
    table.put(**GOOD)
    before = state(table)
    shown = "an integer of 201 bits" if slot == 1 << 200 else repr(slot)
    assert refused(getattr(table, method), slot, *rest) == (
        PageNotFound,
        f"slot {shown} holds no page (the table has 1); find(page_id) tells the slot of a page",
    )
    assert state(table) == before


def test_a_removed_slot_is_not_found(table):
    slot = table.put(**GOOD)
    table.remove(slot)
    assert refused(table.level, slot)[0] is PageNotFound


def test_an_unknown_id_is_not_found(table):
    assert refused(table.slot, "a") == (
        PageNotFound,
        "no page has the id 'a'; put it before it is used",
    )


@pytest.mark.parametrize("method", ["find", "slot", "__contains__"])
@pytest.mark.parametrize("page_id", [None, "", "\ud800", "x" * 513])
def test_an_impossible_id_is_refused_by_every_lookup(table, method, page_id):
    error, _ = refused(getattr(table, method), page_id)
    assert error is (LimitExceeded if page_id and len(page_id) > 512 else PageInvalid)


def test_a_missing_level_is_refused_with_the_ladder_that_is_there(table):
    slot = table.put(**GOOD)
    expected = (
        LadderInvalid,
        "page 'a' has no level 2 (structured); "
        "it has 0 (none), 1 (pointer), 3 (compressed), 4 (full)",
    )
    assert refused(table.set_level, slot, 2) == expected
    assert refused(table.tokens, slot, 2) == expected
    assert refused(table.value, slot, 2, 0) == expected


@pytest.mark.parametrize("level", [5, -1, 1.0, None, True])
@pytest.mark.parametrize("method", ["set_level", "tokens", "demand"])
def test_a_level_that_is_none_is_refused(table, method, level):
    slot = table.put(**GOOD)
    assert refused(getattr(table, method), slot, level) == (
        PageInvalid,
        f"a level must be a whole number from 0 to 4, found {level}",
    )


@pytest.mark.parametrize("budget", [0, -1, 1 << 63, 1.5, "1", None, True])
def test_a_budget_that_is_not_a_positive_whole_number_is_refused(table, budget):
    assert refused(table.select, budget, 0) == (
        BudgetInvalid,
        f"a budget in tokens must be a whole number from 1 to 9223372036854775807, "
        f"found {budget!r}",
    )


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"half_life": 0}, PageInvalid),
        ({"half_life": None}, PageInvalid),
        ({"capacity": 0}, LimitExceeded),
        ({"capacity": (1 << 24) + 1}, LimitExceeded),
    ],
)
def test_a_table_refuses_settings_out_of_range(backends, settings, error):
    (kind, sentence), other = (refused(core.PageTable, **settings) for core in backends)
    assert kind is error
    assert other == (kind, sentence)


def test_an_error_of_the_callers_own_index_passes_through(table):
    class Broken:
        def __index__(self) -> int:
            raise RuntimeError("mine")

    assert refused(table.select, Broken(), 0) == (RuntimeError, "mine")


def test_an_index_that_uses_the_table_does_no_harm(table):
    slot = table.put(**GOOD)

    class Meddler:
        def __index__(self) -> int:
            if slot in table.slots():
                table.remove(slot)
            return 4

    assert refused(table.set_level, slot, Meddler())[0] is PageNotFound
    assert table.used_tokens == 0
    table.check()


def test_a_selection_cannot_be_made_by_hand(core):
    assert refused(core.Selection) == (
        TypeError,
        "a Selection is made by PageTable.select()",
    )
