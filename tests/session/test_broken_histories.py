"""Histories that no service would take, whole or arriving piece by piece."""

from __future__ import annotations

import pytest
from chat_histories import (
    histories,
    openai_asks,
    openai_call,
    openai_result,
    says,
    tool_result,
    tool_use,
    user,
)
from chat_validators import check
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm import BudgetInfeasible, Fidelity, Session, fit
from clawvm.errors import MessageInvalid
from clawvm.messages import prompt_tokens


def count(text: str) -> int:
    return (len(text) + 3) // 4


def legacy_call(name: str = "now") -> dict:
    return says("") | {"function_call": {"name": name, "arguments": "{}"}}


def legacy_result(name: str = "now", text: str = "noon") -> dict:
    return {"role": "function", "name": name, "content": text}


def exchange(shape: str, call_id: str, path: str = "a", result: str = "done") -> list[dict]:
    if shape == "anthropic":
        return [says(tool_use(call_id, path=path)), user(tool_result(call_id, result))]
    call = openai_call(call_id, "read", f'{{"path": "{path}"}}')
    return [openai_asks(call), openai_result(call_id, result)]


@pytest.mark.usefixtures("core")
class TestIdsAcrossPrompts:
    """Models behind some servers count their calls from nought in every reply."""

    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_a_call_with_the_id_of_one_in_an_earlier_prompt_gets_its_own(self, open_session, shape):
        session = open_session(shape=shape)
        session.add(user("go"))
        for path in "abc":
            session.assemble()
            session.extend(exchange(shape, "call_0", path, f"text of {path}"))
        prompt = session.assemble()
        check(prompt.messages, shape)
        assert [session.page(f"read:{path}").texts[1] for path in "abc"] == [
            f"text of {path}" for path in "abc"
        ]
        assert "'call_0_3'" in repr(prompt.messages)

    def test_a_result_as_text_goes_to_the_newest_call_of_that_id(self, open_session):
        session = open_session()
        session.add(user("go"))
        for answer in ("one", "two"):
            session.assemble()
            (call,) = session.post_model(openai_asks(openai_call("call_0")))
            session.add_result(call, answer)
        prompt = session.assemble()
        check(prompt.messages, "openai")
        assert [m["content"] for m in prompt.messages if m["role"] == "tool"] == ["one", "two"]

    def test_a_call_without_an_id_gets_one_that_no_earlier_call_has(self, open_session):
        session = open_session(shape="openai")
        for _ in range(3):
            session.add(openai_asks(openai_call(None)))
            session.add(openai_result("", "done"))
            prompt = session.assemble()
        check(prompt.messages, "openai")

    def test_a_refusing_session_refuses_an_id_that_was_used(self, open_session):
        session = open_session(repair="refuse")
        session.extend([user("go"), *exchange("openai", "c1")])
        session.assemble()
        session.extend(exchange("openai", "c1"))
        with pytest.raises(MessageInvalid, match="has the id of an earlier call"):
            session.assemble()

    def test_ids_are_free_again_after_a_reset(self, open_session):
        session = open_session(repair="refuse")
        for _ in range(2):
            session.extend([user("go"), *exchange("openai", "c1")])
            assert len(session.assemble().messages) == 3
            session.reset()


@pytest.mark.usefixtures("core")
class TestFunctionCallsOfTheOldFormat:
    """They have no ids: a result belongs to the call of its name right before it."""

    def test_call_and_result_are_one_page(self, open_session):
        session = open_session()
        session.extend([user("go"), legacy_call(), legacy_result(), says("It is noon.")])
        session.assemble()
        page = session.page("now:")
        assert page.texts == ("now {}", "noon")
        assert page.is_tool

    def test_call_and_result_leave_the_prompt_together(self, open_session):
        session = open_session(60)
        for name in ("now", "then", "now"):
            session.extend([user("go"), legacy_call(name), legacy_result(name, "x" * 60)])
            prompt = session.assemble()
            check(prompt.messages, "openai")
        assert session.level("now:") is Fidelity.NONE
        assert session.level("now:#2") is Fidelity.FULL

    def test_an_id_that_reads_like_the_name_is_another_call(self, open_session):
        session = open_session()
        session.extend([user("go"), *exchange("openai", "now"), legacy_call(), legacy_result()])
        check(session.assemble().messages, "openai")
        assert session.page("read:a").texts[1] == "done"
        assert session.page("now:").texts[1] == "noon"

    def test_a_repetition_is_noticed(self, open_session):
        session = open_session()
        for _ in range(2):
            session.extend([user("go"), legacy_call(), legacy_result()])
            session.assemble()
        assert session.faults.counts["duplicate-signature"] == 1


@pytest.mark.usefixtures("core")
def test_a_repair_names_the_message_by_its_place_in_the_whole_history(open_session):
    session = open_session()
    session.extend([user("go"), openai_asks(openai_call("c1"))])
    session.assemble()
    session.add(openai_result("c1", "too late"))
    messages = session.assemble().messages
    check(messages, "openai")
    assert [note.split(":")[0] for note in session.repairs] == ["message 1", "message 2"]
    assert "too late" in messages[-1]["content"]


@pytest.mark.usefixtures("core")
def test_a_second_result_of_a_call_is_kept_as_a_text(open_session):
    session = open_session()
    session.extend([user("go"), *exchange("openai", "c1"), openai_result("c1", "again")])
    messages = session.assemble().messages
    check(messages, "openai")
    assert messages[-1]["role"] == "user"
    assert messages[-1]["content"].endswith("again")


SHAPES = st.sampled_from(["openai", "anthropic"])
BUDGETS = st.integers(1, 220)


def history_in(shape: str) -> st.SearchStrategy[tuple[str, list[dict]]]:
    return st.tuples(st.just(shape), histories(shape))


HISTORIES = SHAPES.flatmap(history_in)


@settings(max_examples=600)
@given(HISTORIES, BUDGETS)
def test_any_history_fits_or_is_refused_by_name(history, budget):
    shape, messages = history
    try:
        fitted = fit(messages, budget, counter=count, shape=shape)
    except (BudgetInfeasible, MessageInvalid):
        return
    assert prompt_tokens(fitted, shape, count) <= budget
    check(fitted, shape)


@settings(max_examples=600)
@given(HISTORIES, BUDGETS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_any_history_in_any_pieces_is_a_valid_prompt_at_every_turn(history, budget, ends):
    shape, messages = history
    session = Session(budget=budget, counter=count, shape=shape)
    for message, end in zip(messages, ends, strict=False):
        try:
            session.add(message)
        except MessageInvalid:
            continue
        if not end:
            continue
        try:
            prompt = session.assemble()
        except BudgetInfeasible as error:
            session.budget += error.missing_tokens
            prompt = session.assemble()
        assert prompt_tokens(prompt.messages, shape, count) <= prompt.tokens <= session.budget
        check(prompt.messages, shape)
