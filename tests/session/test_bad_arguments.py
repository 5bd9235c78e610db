"""Arguments out of their range: a typed error that names them, and nothing has changed."""

from __future__ import annotations

import pytest
from chat_histories import says, user
from chat_validators import check

from clawvm import Fidelity, PageType, Pin, Scope
from clawvm.errors import BudgetInvalid, MessageInvalid, OptionUnknown, PageInvalid
from clawvm.representations import Form

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture
def session(open_session):
    """A session with one page."""
    session = open_session(300)
    session.put("p", PageType.EVIDENCE, "x" * 100)
    session.assemble()
    return session


def terms(page):
    return page.pin, page.floor, page.scope, page.weight, page.version, page.texts


@pytest.mark.parametrize("option", ["shape", "repair", "on_infeasible"])
@pytest.mark.parametrize("word", ["rasie", "", 1])
def test_an_option_that_is_none_of_the_known_words(open_session, option, word):
    with pytest.raises(OptionUnknown, match=f"{option} is one of .*, found {word!r}"):
        open_session(**{option: word})


@pytest.mark.parametrize("level", [-1, 5, "full", None])
def test_a_demand_for_a_level_that_there_is_not(session, level):
    with pytest.raises(PageInvalid, match="'p': a demanded level"):
        session.demand("p", level)
    session.compaction()
    assert session.assemble().plan.feasible


def test_a_demand_for_nothing_asks_nothing(open_session):
    session = open_session(100)
    session.put("p", PageType.EVIDENCE, "x" * 900, forms={})
    session.add(user("hi"))
    session.assemble()
    session.demand("p", Fidelity.NONE)
    session.compaction()
    session.assemble()
    assert session.level("p") is Fidelity.NONE


@pytest.mark.parametrize(("pin", "floor"), [(7, None), (-1, None), (Pin.HARD, 5), (Pin.HARD, -1)])
def test_a_pin_or_floor_that_there_is_not(session, pin, floor):
    before = terms(session.page("p")), session._book.table.record(session.page("p").slot)
    with pytest.raises(PageInvalid, match="from 0 to"):
        session.pin("p", pin, floor)
    page = session.page("p")
    assert (terms(page), session._book.table.record(page.slot)) == before


def test_a_hard_pin_with_no_floor_holds_nothing(open_session):
    session = open_session(100)
    session.put("p", PageType.EVIDENCE, "x" * 900, forms={}, pin=Pin.HARD, floor=Fidelity.NONE)
    session.add(user("hi"))
    assert session.assemble().messages == [user("hi")]


@pytest.mark.parametrize(
    "bad", [{"pin": 9}, {"floor": 9}, {"utility": 0}, {"utility": 7, "pin": 9}, {"floor": -1}]
)
@pytest.mark.parametrize("text", ["x" * 100, "another text"])
def test_one_wrong_term_of_a_put_leaves_all_the_others(session, bad, text):
    before = terms(session.page("p")), session._book.table.record(session.page("p").slot)
    given = {"scope": Scope.PROJECT, "pin": Pin.HARD, "floor": Fidelity.FULL, "utility": 5} | bad
    with pytest.raises(PageInvalid):
        session.put("p", PageType.EVIDENCE, text, **given)
    page = session.page("p")
    assert (terms(page), session._book.table.record(page.slot)) == before
    assert session.assemble().plan.moves == ()


@pytest.mark.parametrize("text", [None, b"bytes", 7, ["a"]])
def test_a_text_that_is_none(session, text):
    with pytest.raises(PageInvalid, match="'q': expected a page type and a text"):
        session.put("q", PageType.EVIDENCE, text)
    assert [page.id for page in session.pages()] == ["p"]


@pytest.mark.parametrize("page_type", [-1, 6, "plan", None])
def test_a_page_type_that_there_is_not(session, page_type):
    with pytest.raises(PageInvalid, match="'q': expected a page type"):
        session.put("q", page_type, "text")
    assert [page.id for page in session.pages()] == ["p"]


def test_a_budget_above_what_can_be_counted(open_session):
    session = open_session((1 << 63) - 1)
    session.add(user("hi"))
    session.compaction()
    assert session.assemble().messages == [user("hi")]
    with pytest.raises(BudgetInvalid, match=str(1 << 63)):
        session.budget = 1 << 63


def test_a_result_that_is_no_text(open_session):
    session = open_session()
    with pytest.raises(MessageInvalid):
        session.add_result("c1", None)
    assert session.assemble().messages == []


# Blank texts: Anthropic refuses them ---


@pytest.mark.parametrize("text", ["", " \n"])
@pytest.mark.parametrize("shape", ["openai", "anthropic"])
@pytest.mark.parametrize("page_type", PageType)
def test_a_blank_page_shows_nothing_until_it_has_a_text(open_session, shape, page_type, text):
    session = open_session(shape=shape)
    session.put("before", page_type, text)
    session.extend([user("go"), says("ok")])
    session.assemble()
    session.put("behind", page_type, text)
    prompt = session.assemble()
    assert (prompt.messages, prompt.system) == ([user("go"), says("ok")], None)
    for page_id in ("before", "behind"):
        session.put(page_id, page_type, f"text {page_id}")
    prompt = session.assemble()
    check(prompt.messages, shape)
    assert "text before" in f"{prompt.system}{prompt.messages}"
    assert "text behind" in f"{prompt.messages}"


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_a_page_that_becomes_blank_goes_from_the_prompt(open_session, shape):
    session = open_session(shape=shape)
    session.put("rule", PageType.BOOTSTRAP, "a rule")
    session.add(user("go"))
    session.put("state", PageType.PLAN, "a state")
    session.assemble()
    for page_id, page_type in (("rule", PageType.BOOTSTRAP), ("state", PageType.PLAN)):
        session.put(page_id, page_type, "")
    prompt = session.assemble()
    assert (prompt.messages, prompt.system) == ([user("go")], None)
    session._book.table.check()


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_form_is_left_out_of_the_ladder(open_session, blank):
    forms = {Fidelity.POINTER: Form(blank, 1), Fidelity.STRUCTURED: Form("short", 2)}
    page = open_session().put("p", PageType.EVIDENCE, "x" * 200, forms=forms)
    assert list(page.ladder) == [Fidelity.STRUCTURED, Fidelity.FULL]
