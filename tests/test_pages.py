"""Pages: Table 1 of the paper, and what a page shows at a level."""

from __future__ import annotations

import pytest

from clawvm.errors import PageInvalid
from clawvm.pages import (
    RULES,
    Fidelity,
    Page,
    PageForm,
    PageType,
    Pin,
    Provenance,
    Scope,
)

P, S, C, F = Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED, Fidelity.FULL


@pytest.mark.parametrize(
    ("page_type", "levels", "floor", "pin", "scope"),
    [
        (PageType.BOOTSTRAP, (S, F), S, Pin.HARD, Scope.PROJECT),
        (PageType.CONSTRAINT, (S, F), S, Pin.HARD, Scope.SESSION),
        (PageType.PLAN, (P, S, F), P, Pin.SOFT, Scope.SESSION),
        (PageType.PREFERENCE, (P, S, C, F), P, Pin.NONE, Scope.PROJECT),
        (PageType.EVIDENCE, (P, S, C, F), P, Pin.NONE, Scope.SESSION),
        (PageType.CONVERSATION, (P, S, C, F), P, Pin.NONE, Scope.SESSION),
    ],
)
def test_the_rules_of_a_type_are_those_of_table_1(page_type, levels, floor, pin, scope):
    rules = RULES[page_type]
    assert (rules.levels, rules.floor, rules.pin, rules.scope) == (levels, floor, pin, scope)


def test_every_type_has_rules():
    assert list(RULES) == list(PageType)


def test_levels_are_ordered_from_nothing_to_full():
    assert list(Fidelity) == [Fidelity.NONE, P, S, C, F]
    assert [int(level) for level in Fidelity] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("source", "reference"), [("", "x"), ("x", ""), ("", "")])
def test_a_provenance_without_an_event_is_refused(source, reference):
    with pytest.raises(PageInvalid, match="name the event"):
        Provenance(source, reference)


def test_a_provenance_cannot_be_changed():
    with pytest.raises(AttributeError):
        Provenance("user", "message 1").source = "model"


@pytest.fixture
def page():
    """A tool exchange of two parts with two levels."""
    return Page(
        id="read:a",
        type=PageType.EVIDENCE,
        provenance=Provenance("tool", "c1"),
        scope=Scope.SESSION,
        pin=Pin.NONE,
        floor=P,
        texts=("the call", "the result"),
        ladder={
            P: PageForm((None, "a line"), (6, 3), 100),
            F: PageForm((None, None), (6, 7), 1000),
        },
        weight=1,
    )


def test_a_level_costs_what_its_parts_cost(page):
    assert [page.tokens(level) for level in (Fidelity.NONE, P, F)] == [0, 9, 13]


def test_a_part_without_a_text_of_its_own_is_shown_as_it_was(page):
    assert [page.shown(P, part) for part in (0, 1)] == ["the call", "a line"]
    assert [page.shown(F, part) for part in (0, 1)] == ["the call", "the result"]


def test_nothing_is_shown_at_none(page):
    assert page.shown(Fidelity.NONE, 0) is None


def test_a_level_that_the_ladder_lacks_is_an_error(page):
    with pytest.raises(KeyError):
        page.tokens(C)
