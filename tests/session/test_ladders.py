"""What the levels of a page show, and what they are worth."""

from __future__ import annotations

import json

import pytest
from chat_histories import openai_asks, openai_call, openai_result, user

from clawvm import Fidelity, PageType
from clawvm.representations import Form

POINTER, STRUCTURED, COMPRESSED, FULL = list(Fidelity)[1:]


@pytest.fixture
def exchange(open_session):
    """``exchange(tool, result, **arguments)``: the page of one call with its result."""

    def call(tool, result, **arguments):
        session = open_session(1_000_000)
        asks = openai_asks(openai_call("c1", tool, json.dumps(arguments)))
        session.extend([user("go"), asks, openai_result("c1", result)])
        session.assemble()
        return session.pages()[1]

    return call


def test_levels_cost_and_are_worth_strictly_more_from_one_to_the_next(exchange, code):
    for tool in ("read", "grep", "bash", "edit", "book_flight"):
        forms = list(exchange(tool, code("f"), path="f.py", text=code("g")).ladder.values())
        assert len(forms) > 1
        costs = [form.tokens for form in forms]
        worths = [form.quality for form in forms]
        assert costs == sorted(set(costs))
        assert worths == sorted(worths)
        assert worths[-1] == 1000


def test_a_call_is_whole_above_the_pointer_and_cut_at_it(exchange, code):
    page = exchange("read", code("f"), path="f.py", note=code("g"))
    call = page.texts[0]
    assert [page.shown(level, 0) == call for level in page.ladder] == [False, True, True, True]
    short = json.loads(page.shown(POINTER, 0))
    assert short["path"] == "f.py"
    assert len(short["note"]) < 300


def test_an_own_edit_is_whole_or_a_pointer(exchange, code):
    page = exchange("edit", "Edited.\n" + code("f"), path="f.py", new=code("g"))
    assert list(page.ladder) == [POINTER, COMPRESSED, FULL]
    assert page.shown(COMPRESSED, 0) == page.texts[0]
    assert page.shown(COMPRESSED, 1) == page.shown(POINTER, 1)
    assert page.shown(COMPRESSED, 1).startswith("clawvm://")


def test_what_an_edit_took_away_goes_first(exchange, code):
    page = exchange("edit", "Edited.", path="f.py", old_string=code("f"), new_string=code("g"))
    assert list(page.ladder) == [POINTER, COMPRESSED, FULL]
    shown = json.loads(page.shown(COMPRESSED, 0))
    assert shown["new_string"] == code("g")
    assert shown["old_string"] == f"[{len(code('f')):,} characters]"
    assert page.shown(COMPRESSED, 1).startswith("clawvm://")


@pytest.mark.parametrize("said", ["Error: old_string not found in f.py", "fatal: no such file"])
def test_an_edit_that_failed_took_nothing_away(exchange, code, said):
    page = exchange("edit", said, path="f.py", old_string=code("f"), new_string=code("g"))
    assert list(page.ladder) == [POINTER, FULL]
    assert page.shown(POINTER, 1) == said


def test_a_short_result_stays_beside_a_call_that_is_cut(exchange, code):
    page = exchange("book_flight", "ok", path="f.py", new=code("g"))
    assert list(page.ladder) == [POINTER, FULL]
    assert page.shown(POINTER, 1) == "ok"
    assert page.shown(POINTER, 0) != page.texts[0]


def test_a_confirmation_gives_way_to_the_handle(exchange, code):
    page = exchange("edit", "ok", path="f.py", new=code("g"))
    assert list(page.ladder) == [POINTER, FULL]
    assert page.shown(POINTER, 1).startswith("clawvm://")
    assert "clawvm://" not in page.shown(POINTER, 0)


def test_an_edit_that_is_cut_has_lost_nearly_all_its_worth(exchange, code):
    page = exchange("edit", "ok", path="f.py", new=code("g"))
    # 6 % for what is left of the call, and of the rest 35 %: it is one recall away.
    assert page.ladder[POINTER].quality == pytest.approx(60 + 940 * 0.35, abs=5)


def test_a_short_call_with_a_short_result_has_one_level(exchange):
    assert list(exchange("read", "ok", path="f.py").ladder) == [FULL]


def test_a_form_is_worth_what_it_keeps_and_the_rest_being_one_recall_away(open_session):
    forms = {
        POINTER: Form("see", 1),
        STRUCTURED: Form("s" * 20, 400),
        COMPRESSED: Form("c" * 80, 900),
    }
    page = open_session().put("p", PageType.EVIDENCE, "x" * 400, forms=forms)
    worths = [form.quality for form in page.ladder.values()]
    assert worths == [350, 400 + 210, 900 + 35, 1000]


def test_a_form_that_costs_less_yet_is_worth_more_than_a_dearer_one_is_left_out(open_session):
    forms = {STRUCTURED: Form("s" * 20, 950), COMPRESSED: Form("c" * 80, 900)}
    page = open_session().put("p", PageType.EVIDENCE, "x" * 400, forms=forms)
    assert list(page.ladder) == [COMPRESSED, FULL]
