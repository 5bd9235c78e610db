"""What a harness calls beside putting and adding: using, boundaries, replies, looking."""

from __future__ import annotations

import pytest
from chat_histories import openai_asks, openai_call, openai_result, says, text, tool_use, user

from clawvm import Fidelity, PageType, Pin, RecallOutcome, Session, ToolCall
from clawvm.errors import (
    BudgetInvalid,
    MessageInvalid,
    PageInvalid,
    PageNotFound,
    PolicyUnknown,
    SessionClosed,
    TokenizerUnavailable,
)
from clawvm.representations import Form
from clawvm.residency import ClawVMPolicy, last_turn

pytestmark = pytest.mark.usefixtures("core")


# Opening ---


def test_open_is_the_papers_name_for_the_constructor():
    session = Session.open("mine", budget=100, counter="approximate")
    assert (session.session_id, session.budget) == ("mine", 100)
    assert session.counter.name.startswith("approximate")


@pytest.mark.parametrize("session_id", ["", "a/b", "a@1", "my session", "a\nb"])
def test_a_session_id_must_fit_into_a_handle(session_id):
    with pytest.raises(PageInvalid, match="session id"):
        Session(session_id, budget=100, counter=len)


@pytest.mark.parametrize("budget", [0, -1, True, 1.5, "100", None])
def test_a_budget_is_a_whole_number_above_zero(budget, open_session):
    with pytest.raises(BudgetInvalid, match=repr(budget)):
        Session(budget=budget, counter=len)
    session = open_session(100)
    with pytest.raises(BudgetInvalid):
        session.budget = budget
    assert session.budget == 100


def test_an_unknown_policy_is_refused():
    with pytest.raises(PolicyUnknown, match="'clawvm', 'paper'"):
        Session(budget=100, counter=len, policy="magic")


def test_an_unknown_counter_is_refused():
    with pytest.raises(TokenizerUnavailable):
        Session(budget=100, counter="no-such-encoding")


def test_a_policy_object_may_be_given(open_session):
    policy = ClawVMPolicy(low_water_percent=50)
    assert open_session(policy=policy).policy is policy


def test_a_new_session_has_nothing(open_session):
    session = open_session()
    assert session.assemble().messages == []
    fresh = open_session()
    assert (fresh.plan, fresh.turn, fresh.repairs, fresh.shape) == (None, 0, (), None)
    assert (fresh.pages(), fresh.entered) == ([], ())


# Touch, pin, demand ---


def test_touch_makes_a_page_recent(open_session):
    session = open_session()
    page = session.put("p", PageType.EVIDENCE, "text")
    for _ in range(3):
        session.assemble()
    session.touch("p")
    assert last_turn(session._book.table, page.slot) == 3


def test_touching_a_resident_page_is_a_hit(open_session):
    session = open_session()
    session.put("p", PageType.EVIDENCE, "text")
    session.touch("p")
    assert session.faults.hits == 0
    session.assemble()
    session.touch("p")
    assert session.faults.hits == 1


@pytest.fixture
def crowded(open_session, words):
    """A session in which an epoch has taken page ``p`` out of the prompt."""
    session = open_session(300)
    session.put("p", PageType.EVIDENCE, words("p", 18), utility=1, forms={})
    session.put("q", PageType.EVIDENCE, words("q", 8), utility=1 << 24, forms={})
    session.compaction()
    session.assemble()
    assert session.level("p") is Fidelity.NONE
    return session


def test_a_demand_is_met_in_the_next_prompt(crowded):
    crowded.demand("p")
    crowded.assemble()
    assert crowded.level("p") is Fidelity.FULL


def test_a_demand_holds_for_one_prompt(crowded):
    crowded.demand("p")
    crowded.assemble()
    crowded.compaction()
    crowded.assemble()
    assert crowded.level("p") is Fidelity.NONE


def test_a_demand_is_met_at_the_next_rung_that_there_is(open_session, words):
    session = open_session(400)
    forms = {Fidelity.POINTER: Form("see p", 1), Fidelity.COMPRESSED: Form("p " * 200, 2)}
    session.put("p", PageType.EVIDENCE, words("p", 20), utility=1, forms=forms)
    session.put("q", PageType.EVIDENCE, words("q", 18), utility=1 << 24, forms={})
    session.assemble()
    assert session.level("p") is Fidelity.POINTER
    session.demand("p", Fidelity.STRUCTURED)
    session.assemble()
    assert session.level("p") is Fidelity.COMPRESSED


def test_the_higher_of_two_demands_counts(crowded):
    crowded.demand("p", Fidelity.FULL)
    crowded.demand("p", Fidelity.POINTER)
    crowded.assemble()
    assert crowded.level("p") is Fidelity.FULL


def test_a_demand_that_is_met_already_is_a_hit(crowded):
    crowded.demand("q")
    assert crowded.faults.hits == 1
    crowded.demand("p")
    assert crowded.faults.hits == 1


def test_a_hard_pin_holds_at_every_epoch(crowded):
    crowded.pin("p", Pin.HARD, Fidelity.FULL)
    for _ in range(2):
        crowded.compaction()
        crowded.assemble()
        assert crowded.level("p") is Fidelity.FULL


def test_a_hard_pin_holds_from_the_next_prompt_on(crowded):
    crowded.pin("p")
    prompt = crowded.assemble()
    assert crowded.level("p") >= crowded.page("p").floor
    assert prompt.tokens <= 300


def test_a_floor_that_is_raised_holds_from_the_next_prompt_on(open_session, words):
    session = open_session(400)
    session.put("rule", PageType.CONSTRAINT, words("rules", 20), utility=1)
    session.put("q", PageType.EVIDENCE, words("q", 8), utility=1 << 24, forms={})
    session.compaction()
    session.assemble()
    assert session.level("rule") is Fidelity.STRUCTURED
    session.pin("rule", Pin.HARD, Fidelity.FULL)
    session.assemble()
    assert session.level("rule") is Fidelity.FULL


def test_a_pin_keeps_the_floor_unless_one_is_given(open_session):
    session = open_session()
    session.put("p", PageType.EVIDENCE, "text", floor=Fidelity.COMPRESSED)
    session.pin("p", Pin.SOFT)
    assert (session.page("p").pin, session.page("p").floor) == (Pin.SOFT, Fidelity.COMPRESSED)
    session.pin("p", Pin.HARD, Fidelity.FULL)
    assert (session.page("p").pin, session.page("p").floor) == (Pin.HARD, Fidelity.FULL)


def test_a_pin_can_be_taken_back(crowded):
    crowded.pin("p", Pin.HARD, Fidelity.FULL)
    crowded.pin("p", Pin.NONE)
    crowded.compaction()
    crowded.assemble()
    assert crowded.level("p") is Fidelity.NONE


@pytest.mark.parametrize("operation", ["touch", "pin", "demand", "explain", "page"])
def test_an_unknown_page_is_an_error_that_names_it(open_session, operation):
    session = open_session()
    with pytest.raises(PageNotFound, match="'nowhere' is not known"):
        getattr(session, operation)("nowhere")


@pytest.mark.parametrize("operation", ["touch", "pin", "demand", "explain", "page"])
def test_an_archived_page_is_an_error_that_says_so(open_session, operation):
    session = open_session()
    session.put("p", PageType.EVIDENCE, "text")
    session.reset()
    with pytest.raises(PageNotFound, match="archived by a reset"):
        getattr(session, operation)("p")


# Recall ---


@pytest.fixture
def stored(open_session):
    session = open_session()
    session.put("p", PageType.PLAN, "step one")
    session.put("p", PageType.PLAN, "step two")
    return session


def test_recall_finds_the_newest_text(stored):
    found = stored.recall("p")
    assert (found.outcome, found.text, found.version) == (RecallOutcome.FOUND, "step two", 2)
    assert found.found


def test_recall_finds_an_old_version(stored):
    found = stored.recall("p", 1)
    assert (found.outcome, found.text, found.version) == (RecallOutcome.FOUND, "step one", 1)


def test_recall_reads_handles(stored):
    assert stored.recall("clawvm://s/p@1").text == "step one"


def test_recall_of_an_unknown_page_is_no_match(stored):
    answer = stored.recall("q")
    assert (answer.outcome, answer.text) == (RecallOutcome.NO_MATCH, None)
    assert "'q'" in answer.reason


@pytest.mark.parametrize("version", [3, 0, -1])
def test_recall_of_a_version_that_never_was_is_no_match(stored, version):
    assert stored.recall("p", version).outcome is RecallOutcome.NO_MATCH


def test_recall_of_a_version_that_is_gone_gives_the_newest_as_stale(stored):
    del stored._book.history["p", 1]
    answer = stored.recall("p", 1)
    assert (answer.outcome, answer.version) == (RecallOutcome.STALE, 2)
    assert answer.text == "step two"
    assert not answer.found


def test_recall_of_another_sessions_handle_is_denied(stored):
    answer = stored.recall("clawvm://other/p@1")
    assert (answer.outcome, answer.text) == (RecallOutcome.DENIED, None)
    assert "'other'" in answer.reason


def test_recall_touches_the_page(stored):
    for _ in range(2):
        stored.assemble()
    stored.recall("p")
    assert last_turn(stored._book.table, stored.page("p").slot) == 2


def test_every_pointer_resolves(open_session, code):
    session = open_session()
    session.put("my notes", PageType.EVIDENCE, code("notes"))
    session.put("é:€/x@7", PageType.EVIDENCE, code("signs"))
    session.add(user(code("task")))
    session.extend([says(code("answer")), user("end")])
    session.put("100%25", PageType.EVIDENCE, code("percent"))
    session.assemble()
    pages = [page for page in session.pages() if Fidelity.POINTER in page.ladder]
    assert len(pages) >= 4
    for page in pages:
        handle = page.shown(Fidelity.POINTER, 0).split(" ")[0]
        assert session.recall(handle).text == page.texts[0]


# Replies ---


def test_a_reply_as_a_message_dict(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    calls = session.post_model(openai_asks(openai_call("c1"), openai_call("c2", "ls", "no json")))
    assert calls == [ToolCall("c1", "read", {"path": "a"}), ToolCall("c2", "ls", "no json")]


def test_a_reply_as_a_response_dict_of_openai(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    message = {"role": "assistant", "content": "done"}
    assert session.post_model({"id": "r", "choices": [{"index": 0, "message": message}]}) == []
    assert session.assemble().messages[-1] == message


def test_a_reply_as_a_response_dict_of_anthropic(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    content = [text("I look."), tool_use("t1", path="a")]
    response = {"id": "m", "type": "message", "role": "assistant", "content": content, "usage": {}}
    assert session.post_model(response) == [ToolCall("t1", "read", {"path": "a"})]
    session.add_result("t1", "done")
    assert session.assemble().messages[1] == {"role": "assistant", "content": content}


def test_a_reply_as_an_object_of_the_openai_sdk(open_session):
    from chat_validators import check
    from openai.types.chat import ChatCompletion

    session = open_session(shape="openai")
    session.add(user("go"))
    session.assemble()
    message = openai_asks(openai_call("c1", arguments='{"path": null}'))
    response = ChatCompletion.model_validate(
        {
            "id": "r",
            "created": 0,
            "model": "m",
            "object": "chat.completion",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        }
    )
    assert session.post_model(response) == [ToolCall("c1", "read", {"path": None})]
    session.add_result("c1", "done")
    prompt = session.assemble()
    assert prompt.messages[1]["tool_calls"] == message["tool_calls"]
    check(prompt.messages, "openai")


def test_a_reply_as_an_object_of_the_anthropic_sdk(open_session):
    from anthropic.types import Message
    from chat_validators import check

    session = open_session(shape="anthropic")
    session.add(user("go"))
    session.assemble()
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        text("I look."),
        tool_use("t1", path="a", limit=None, deep={"x": [None, 1]}),
    ]
    response = Message.model_validate(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": content,
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    )
    arguments = {"path": "a", "limit": None, "deep": {"x": [None, 1]}}
    assert session.post_model(response) == [ToolCall("t1", "read", arguments)]
    session.add_result("t1", "done")
    prompt = session.assemble()
    assert prompt.messages[1]["content"] == content
    check(prompt.messages, "anthropic")


@pytest.mark.parametrize(
    "reply",
    [None, 7, "words", {"choices": []}, {"choices": [{}]}, user("I am not the model")],
)
def test_what_is_no_reply_is_refused(open_session, reply):
    with pytest.raises(MessageInvalid):
        open_session().post_model(reply)


def test_every_call_is_to_be_run(open_session):
    assert open_session().tool_execute(ToolCall("c1", "read", {"path": "a"})) is None


# Boundaries ---


def test_a_compaction_demotes_to_the_low_water_mark(open_session, words):
    session = open_session(1_000)
    session.extend([user("go"), says(words("a", 70)), says("b"), user("c"), says("d"), user("e")])
    assert session.assemble().tokens > 700
    session.compaction()
    prompt = session.assemble()
    assert prompt.plan.epoch
    assert prompt.tokens <= 700
    assert not session.assemble().plan.epoch


def test_a_reset_keeps_rules_and_preferences_and_archives_the_rest(open_session):
    session = open_session()
    for page_type in PageType:
        session.put(page_type.name, page_type, f"text of {page_type.name}")
    session.extend([user("hello"), openai_asks(openai_call("c1")), openai_result("c1")])
    session.assemble()
    session.reset()
    kept = ["BOOTSTRAP", "CONSTRAINT", "PREFERENCE"]
    assert [page.id for page in session.pages()] == kept
    contents = [message["content"] for message in session.assemble().messages]
    assert contents == [f"text of {name}" for name in kept]


def test_what_a_reset_archived_can_still_be_recalled(open_session):
    session = open_session()
    session.extend([user("hello"), openai_asks(openai_call("c1")), openai_result("c1", "A")])
    session.assemble()
    session.reset()
    assert session.recall("user").text == "hello"
    assert session.recall("clawvm://s/read:a@2").found
    assert session.level("user") is Fidelity.NONE


def test_messages_that_wait_at_a_reset_belong_to_what_is_over(open_session):
    session = open_session()
    session.add(user("hello"))
    session.reset()
    assert session.assemble().messages == []
    assert session.recall("user").found


def test_ids_are_never_used_again(open_session):
    session = open_session()
    for _ in range(3):
        session.add(user("hello"))
        session.assemble()
        session.reset()
    session.add(user("again"))
    session.assemble()
    assert [page.id for page in session.pages()] == ["user#4"]
    assert session.page("user#4").pin is Pin.HARD


def test_closing_twice_changes_nothing(open_session):
    session = open_session()
    session.close()
    session.close()
    with pytest.raises(SessionClosed):
        session.assemble()


def test_a_with_block_closes(open_session):
    with open_session() as session:
        session.add(user("hello"))
    with pytest.raises(SessionClosed):
        session.assemble()


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("put", ("p", PageType.PLAN, "text")),
        ("add", (user("x"),)),
        ("extend", ([user("x")],)),
        ("add_result", ("c1", "x")),
        ("touch", ("p",)),
        ("pin", ("p",)),
        ("demand", ("p",)),
        ("recall", ("p",)),
        ("assemble", ()),
        ("post_model", (says("x"),)),
        ("tool_execute", (ToolCall("c1", "read", {}),)),
        ("compaction", ()),
        ("reset", ()),
    ],
)
def test_nothing_works_after_close(open_session, operation, arguments):
    session = open_session()
    session.close()
    with pytest.raises(SessionClosed, match="'s' is closed"):
        getattr(session, operation)(*arguments)


def test_looking_still_works_after_close(open_session):
    session = open_session()
    session.put("p", PageType.PLAN, "text")
    session.assemble()
    session.close()
    assert "p (plan page, version 1) is at full" in session.explain("p")
    assert session.pages() == [session.page("p")]
    assert session.level("p") is Fidelity.FULL


# Looking ---


def test_explain_before_the_first_plan(open_session):
    session = open_session()
    session.put("p", PageType.PLAN, "text")
    assert session.explain("p").startswith("p (version 1) has not been in a plan yet")


def test_explain_a_page_that_came_after_the_last_plan(open_session):
    session = open_session()
    session.assemble()
    session.put("p", PageType.PLAN, "text")
    assert session.explain("p").startswith("p (version 1) has not been in a plan yet")


def test_explain_a_page_in_full(open_session):
    session = open_session(100)
    session.put("p", PageType.PLAN, "text")
    used = session.assemble().tokens
    assert session.explain("p") == (
        "p (plan page, version 1) is at full in the plan of turn 1: all of it fits; "
        f"{100 - used} of 100 tokens are left. Its levels cost (full 5) tokens; "
        "it was last touched 0 turns ago; its pin is soft."
    )


def test_explain_a_page_that_is_not_there(crowded):
    said = crowded.explain("p")
    assert "p (evidence page, version 1) is not in the prompt in the plan of turn 1" in said
    assert "the budget was spent on pages worth more per token" in said
    cost = crowded.page("p").tokens(Fidelity.FULL)
    assert f"full would cost {cost} tokens more" in said
    assert f"{300 - crowded.plan.used_tokens} tokens are left" in said


def test_explain_a_pointer(open_session, words):
    session = open_session(120)
    session.put("p", PageType.EVIDENCE, words("p"), forms={Fidelity.POINTER: Form("see p", 30)})
    session.assemble()
    assert session.level("p") is Fidelity.POINTER
    assert "p (evidence page, version 1) is at pointer" in session.explain("p")


def test_explain_a_page_that_is_held_at_its_floor(open_session, words):
    session = open_session(400)
    session.put("rule", PageType.CONSTRAINT, words("rules", 40), utility=1)
    session.assemble()
    assert session.level("rule") is Fidelity.STRUCTURED
    assert "it is held at its floor (structured); full would cost" in session.explain("rule")


def test_explain_changes_nothing(crowded):
    before = crowded.assemble()
    for page in crowded.pages():
        crowded.explain(page.id)
    after = crowded.assemble()
    assert (after.messages, after.plan.moves) == (before.messages, ())


def test_pages_are_listed_in_the_order_in_which_they_were_made(open_session):
    session = open_session()
    for page_id in ("b", "a", "c"):
        session.put(page_id, PageType.PLAN, page_id)
    session.put("b", PageType.PLAN, "changed")
    assert [page.id for page in session.pages()] == ["b", "a", "c"]


def test_the_level_of_an_unknown_page_is_none(open_session):
    assert open_session().level("nowhere") is Fidelity.NONE


def test_turn_counts_prompts(open_session):
    session = open_session()
    for turn in (1, 2, 3):
        assert session.assemble().plan.turn == turn
        assert session.turn == turn


def test_the_plan_is_that_of_the_last_prompt(open_session):
    session = open_session()
    session.put("p", PageType.PLAN, "text")
    prompt = session.assemble()
    assert session.plan is prompt.plan
    assert prompt.tokens == prompt.plan.used_tokens == session.page("p").tokens(Fidelity.FULL)
    assert prompt.plan.moves == (("p", Fidelity.NONE, Fidelity.FULL),)
