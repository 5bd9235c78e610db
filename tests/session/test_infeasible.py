"""Physical insufficiency: what must be there does not fit."""

from __future__ import annotations

import pickle

import pytest
from chat_histories import openai_asks, openai_call, openai_result, says, user
from chat_validators import check

from clawvm import BudgetInfeasible, Fidelity, PageType, Pin
from clawvm.pages import RULES

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture(params=["clawvm", "paper"])
def policy(request):
    return request.param


@pytest.fixture
def pressed(open_session, policy):
    """A session with 104 + 204 tokens of rules and a budget of 300."""
    session = open_session(1_000, policy=policy)
    session.add(user("hi"))
    session.assemble()
    session.put("small", PageType.CONSTRAINT, "a" * 400, forms={})
    session.put("large", PageType.CONSTRAINT, "b" * 800, forms={})
    session.budget = 300
    return session


def test_the_error_names_pages_and_missing_tokens(pressed):
    with pytest.raises(BudgetInfeasible) as caught:
        pressed.assemble()
    error = caught.value
    assert set(error.page_ids) & {"small", "large"}
    assert error.floor_tokens >= 104 + 204
    assert error.budget_tokens == 300
    assert error.missing_tokens == error.floor_tokens - 300
    assert f"{error.missing_tokens} tokens are missing for '{error.page_ids[0]}'" in str(error)


def test_clawvm_names_the_whole_floor_dearest_first(open_session):
    session = open_session(300)
    session.put("small", PageType.CONSTRAINT, "a" * 400, forms={})
    session.put("large", PageType.CONSTRAINT, "b" * 800, forms={})
    with pytest.raises(BudgetInfeasible) as caught:
        session.assemble()
    assert caught.value.page_ids == ("large", "small")
    assert caught.value.missing_tokens == 8


def test_nothing_has_moved(pressed):
    before = {page.id: pressed.level(page.id) for page in pressed.pages()}
    used, turn, plan = pressed._book.table.used_tokens, pressed.turn, pressed.plan
    with pytest.raises(BudgetInfeasible):
        pressed.assemble()
    assert {page.id: pressed.level(page.id) for page in pressed.pages()} == before
    assert (pressed._book.table.used_tokens, pressed.turn, pressed.plan) == (used, turn, plan)
    pressed._book.table.check()


def test_a_second_try_with_more_budget_works(pressed):
    with pytest.raises(BudgetInfeasible):
        pressed.assemble()
    pressed.budget = 1_000
    prompt = pressed.assemble()
    assert [m["content"][0] for m in prompt.messages] == ["h", "a", "b"]
    assert prompt.plan.turn == 2


def test_messages_that_came_before_the_failure_are_in_the_next_prompt_once(open_session):
    session = open_session(100)
    session.add(user("hi"))
    session.put("rule", PageType.CONSTRAINT, "a" * 800, forms={})
    for _ in range(2):
        with pytest.raises(BudgetInfeasible):
            session.assemble()
    session.budget = 1_000
    assert len(session.assemble().messages) == 2


def test_a_demand_that_does_not_fit_is_infeasible_and_remembered(open_session, policy):
    session = open_session(200, policy=policy)
    session.add(user("hi"))
    session.put("p", PageType.EVIDENCE, "a" * 2_000)
    session.assemble()
    session.demand("p")
    with pytest.raises(BudgetInfeasible) as caught:
        session.assemble()
    assert "p" in caught.value.page_ids
    session.budget = 1_000
    session.assemble()
    assert session.level("p") is Fidelity.FULL


def test_a_report_is_given_where_it_was_asked_for(open_session, policy):
    session = open_session(100, on_infeasible="report", policy=policy)
    session.put("rule", PageType.CONSTRAINT, "a" * 800, forms={})
    prompt = session.assemble()
    assert prompt.messages == []
    assert not prompt.plan.feasible
    assert (prompt.plan.missing_tokens, prompt.plan.required) == (104, ("rule",))
    assert prompt.tokens == 0
    session.budget = 1_000
    assert session.assemble().plan.feasible


def test_each_hard_pin_of_an_infeasible_floor_is_a_fault(open_session):
    session = open_session(100, on_infeasible="report")
    session.put("rule", PageType.CONSTRAINT, "a" * 800, forms={})
    session.put("p", PageType.EVIDENCE, "a" * 800, forms={})
    session.demand("p")
    session.assemble()
    assert session.faults.counts["pinned-invariant-miss"] == 1
    (event,) = session.faults.events
    assert (event.page_id, event.turn) == ("rule", 1)
    assert "tokens are missing" in event.reason


def test_a_page_larger_than_the_budget_is_shown_cheaper(open_session, code, policy):
    session = open_session(300, policy=policy)
    session.add(user("hi"))
    page = session.put("p", PageType.EVIDENCE, code("p", 60))
    assert page.tokens(Fidelity.FULL) > 300
    assert session.assemble().tokens <= 300
    assert session.level("p") < Fidelity.FULL


@pytest.mark.parametrize("size", [1_000, 40_000])
def test_a_huge_tail_degrades_instead_of_failing(open_session, code, policy, size):
    session = open_session(400, policy=policy)
    calls = [openai_call(f"c{n}", "read", f'{{"path": "f{n}.py"}}') for n in range(3)]
    session.extend([user("go"), openai_asks(*calls)])
    for n in range(3):
        session.add(openai_result(f"c{n}", code(f"f{n}", size // 40)))
    prompt = session.assemble()
    assert prompt.tokens <= 400
    check(prompt.messages, "openai")


def test_older_parts_of_a_tail_give_way_to_the_newest(open_session, code):
    session = open_session(500)
    calls = [openai_call(f"c{n}", "read", f'{{"path": "f{n}.py"}}') for n in range(3)]
    session.extend([user("go"), openai_asks(*calls)])
    for n in range(3):
        session.add(openai_result(f"c{n}", code(f"f{n}", 18)))
    session.assemble()
    levels = [session.level(f"read:f{n}.py") for n in range(3)]
    assert levels[2] is Fidelity.FULL
    assert levels[0] < Fidelity.FULL


def test_a_newest_message_of_which_not_a_line_fits_is_infeasible(open_session, policy):
    session = open_session(100, policy=policy)
    session.add(user("hi"))
    session.assemble()
    session.extend([says("ok"), user({"type": "image", "source": {}})])
    with pytest.raises(BudgetInfeasible) as caught:
        session.assemble()
    assert "user-content" in caught.value.page_ids


def test_the_error_survives_a_trip_to_another_process(pressed):
    with pytest.raises(BudgetInfeasible) as caught:
        pressed.assemble()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.page_ids) == (str(caught.value), caught.value.page_ids)


def test_unpinning_is_a_way_out(pressed, policy):
    with pytest.raises(BudgetInfeasible):
        pressed.assemble()
    pressed.pin("large", Pin.NONE)
    prompt = pressed.assemble()
    assert prompt.tokens <= 300
    assert pressed.level("small") >= RULES[PageType.CONSTRAINT].floor
