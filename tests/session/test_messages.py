"""Messages in: `add`, `extend`, `add_result`, and the pages that they become."""

from __future__ import annotations

import copy

import pytest
from chat_histories import (
    ANTHROPIC,
    HISTORIES,
    OPENAI,
    openai_asks,
    openai_call,
    openai_result,
    says,
    text,
    tool_result,
    tool_use,
    user,
)
from chat_validators import check

from clawvm import Fidelity, PageType, Pin, ToolCall
from clawvm.errors import MessageInvalid
from clawvm.messages import PartKind

pytestmark = pytest.mark.usefixtures("core")


def test_a_system_message_is_a_bootstrap_page(open_session):
    session = open_session()
    session.add({"role": "system", "content": "be brief"})
    session.assemble()
    assert session.page("system").type is PageType.BOOTSTRAP


def test_a_user_message_is_a_conversation_page(open_session):
    session = open_session()
    session.extend([user("hello"), says("hi")])
    session.assemble()
    types = {page.id: page.type for page in session.pages()}
    assert types == {"user": PageType.CONVERSATION, "assistant": PageType.CONVERSATION}


def test_the_first_user_message_is_pinned_at_its_pointer_and_no_other(open_session):
    session = open_session()
    session.extend([user("hello"), says("hi"), user("more")])
    session.assemble()
    first, second = session.page("user"), session.page("user#2")
    assert (first.pin, first.floor) == (Pin.HARD, Fidelity.POINTER)
    assert second.pin is Pin.NONE


def test_a_call_and_its_result_are_one_evidence_page(open_session):
    session = open_session()
    session.extend([user("go"), openai_asks(openai_call("c1")), openai_result("c1", "text of a")])
    session.assemble()
    page = session.page("read:a")
    assert page.type is PageType.EVIDENCE
    assert page.is_tool
    assert page.texts == ('read {"path": "a"}', "text of a")
    assert (page.provenance.source, page.provenance.reference) == ("tool", "c1")


def test_a_message_with_several_texts_is_several_pages(open_session):
    session = open_session()
    session.add(user(text("one"), text("two")))
    session.assemble()
    assert [page.texts for page in session.pages()] == [("one",), ("two",)]


def test_instructions_of_the_harness_are_bootstrap_pages(open_session):
    session = open_session()
    session.add(user("hello"))
    session.add(user("project rules"), origin="instructions")
    session.assemble()
    assert session.page("user#2").type is PageType.BOOTSTRAP


def test_an_attachment_is_a_conversation_page_worth_less_than_the_users_words(open_session):
    session = open_session()
    session.add(user("hello " * 100))
    session.add(user("hello " * 100), origin="attachment")
    session.assemble()
    attached = session.page("user#2")
    assert attached.type is PageType.CONVERSATION
    assert attached.weight < session.page("user").weight


def test_an_attachment_is_not_taken_for_the_first_user_message(open_session):
    session = open_session()
    session.add(user("rules"), origin="instructions")
    session.add(user("the task"))
    session.assemble()
    assert session.page("user#2").pin is Pin.HARD


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_a_history_that_fits_comes_out_as_it_went_in(open_session, shape):
    session = open_session(1_000_000)
    session.extend(HISTORIES[shape])
    prompt = session.assemble()
    assert prompt.messages == HISTORIES[shape]
    assert all(a is b for a, b in zip(prompt.messages, HISTORIES[shape], strict=True))
    assert session.repairs == ()


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_messages_are_never_changed(open_session, shape):
    given = copy.deepcopy(HISTORIES[shape])
    session = open_session(9_000)
    session.extend(given)
    session.assemble()
    session.budget = 6_000
    session.assemble()
    assert given == HISTORIES[shape]


def test_images_thinking_and_cache_marks_survive(open_session, words):
    session = open_session(4_000)
    session.extend(ANTHROPIC)
    session.extend([says(words("filler", 60)), user("and now?"), says("Fine."), user("bye")])
    prompt = session.assemble()
    blocks = [b for m in prompt.messages if isinstance(m["content"], list) for b in m["content"]]
    given = [b for m in ANTHROPIC if isinstance(m["content"], list) for b in m["content"]]
    opaque = ("image", "document", "thinking", "redacted_thinking", "search_result")
    assert prompt.plan.epoch
    shown = [block for block in blocks if block["type"] in opaque]
    assert shown
    assert all(any(block is one for one in given) for block in shown)
    check(prompt.messages, "anthropic")


def test_media_and_cache_marks_survive_an_epoch_in_openai_format(open_session, words):
    session = open_session(7_000)
    session.extend(OPENAI)
    session.extend([says(words("filler", 300)), user("and now?"), says("Fine."), user("bye")])
    prompt = session.assemble()
    assert prompt.plan.epoch
    given = [b for m in OPENAI if isinstance(m["content"], list) for b in m["content"]]
    blocks = [b for m in prompt.messages if isinstance(m["content"], list) for b in m["content"]]
    media = [b for b in blocks if b["type"] in ("image_url", "input_audio", "file")]
    assert media
    assert all(any(block is one for one in given) for block in media)
    marked = [block for block in blocks if "cache_control" in block]
    assert [block["cache_control"] for block in marked] == [{"type": "ephemeral"}]
    check(prompt.messages, "openai")


def test_a_cache_mark_stays_on_a_block_that_is_shown_in_a_cheaper_form(open_session, words):
    mark = {"type": "ephemeral"}
    for shape in ("openai", "anthropic"):
        session = open_session(250, shape=shape)
        session.extend([user("go"), says(text(words("long", 40), cache_control=mark)), user("ok")])
        prompt = session.assemble()
        assert session.level("assistant") < Fidelity.FULL
        assert prompt.messages[1]["content"][0]["cache_control"] == mark


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_an_image_is_kept_whole_or_not_at_all(open_session, shape):
    session = open_session(1_000_000)
    session.extend(HISTORIES[shape])
    session.assemble()
    images = [page for page in session.pages() if not page.texts[0] and page.position > 0]
    assert all(list(page.ladder) == [Fidelity.FULL] for page in images)


def test_results_are_taken_in_as_text_for_openai(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    session.post_model(openai_asks(openai_call("c1"), openai_call("c2", "grep")))
    session.add_result("c2", "two")
    session.add_result("c1", "one")
    prompt = session.assemble()
    assert [m.get("tool_call_id") for m in prompt.messages] == [None, None, "c2", "c1"]
    check(prompt.messages, "openai")


def test_parallel_results_are_one_message_for_anthropic(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    session.post_model(says(tool_use("t1", path="a"), tool_use("t2", path="b")))
    session.add_result("t1", "one")
    session.add_result("t2", "two", is_error=True)
    prompt = session.assemble()
    assert prompt.messages[-1] == user(
        tool_result("t1", "one"), tool_result("t2", "two", is_error=True)
    )
    check(prompt.messages, "anthropic")


def test_results_of_two_replies_stay_apart(open_session):
    session = open_session()
    session.add(user("go"))
    for call_id in ("t1", "t2"):
        session.assemble()
        session.post_model(says(tool_use(call_id, path=call_id)))
        session.add_result(call_id, "done")
    prompt = session.assemble()
    assert [len(m["content"]) for m in prompt.messages[1:]] == [1, 1, 1, 1]
    check(prompt.messages, "anthropic")


def test_a_result_may_name_its_call_by_the_object(open_session):
    session = open_session()
    session.add(user("go"))
    session.assemble()
    (call,) = session.post_model(openai_asks(openai_call("c1")))
    assert call == ToolCall("c1", "read", {"path": "a"})
    session.add_result(call, "one")
    assert session.assemble().messages[-1] == openai_result("c1", "one")
    assert session.repairs == ()


def test_the_shape_is_that_of_the_first_message_that_tells(open_session):
    session = open_session()
    session.add(user("hello"))
    assert session.shape is None
    session.add(says(tool_use("t1", path="a")))
    assert session.shape == "anthropic"


def test_a_message_of_the_other_shape_is_refused(open_session):
    session = open_session()
    session.add(openai_asks(openai_call("c1")))
    with pytest.raises(MessageInvalid, match="openai format"):
        session.add(says(tool_use("t1", path="a")))


@pytest.mark.parametrize(
    "message",
    [None, "hello", {}, {"role": "wizard", "content": "x"}, {"role": "user", "content": 7}],
)
def test_what_is_no_message_is_refused_and_leaves_the_session_usable(open_session, message):
    session = open_session()
    session.add(user("hello"))
    with pytest.raises(MessageInvalid):
        session.add(message)
    assert session.assemble().messages == [user("hello")]


@pytest.mark.parametrize(
    ("history", "shape"),
    [
        ([user("go"), openai_asks(openai_call("c1"))], "openai"),
        ([user("go"), openai_result("c1", "nobody asked")], "openai"),
        ([user("go"), says(tool_use("t1", path="a")), user("never mind")], "anthropic"),
        ([user("go"), user(tool_result("t1", "nobody asked"))], "anthropic"),
    ],
)
def test_a_broken_history_is_mended_and_noted(open_session, history, shape):
    session = open_session()
    session.extend(history)
    check(session.assemble().messages, shape)
    assert len(session.repairs) == 1
    assert session.repairs[0].startswith("message 1: ")


def test_a_broken_history_is_refused_where_that_was_asked(open_session):
    session = open_session(repair="refuse")
    session.extend([user("go"), openai_result("c1", "nobody asked")])
    with pytest.raises(MessageInvalid, match="c1"):
        session.assemble()
    assert session.turn == 0
    assert session.pages() == []


def test_messages_that_wait_can_be_completed_after_a_refusal(open_session):
    session = open_session(repair="refuse")
    session.extend([user("go"), openai_asks(openai_call("c1"))])
    with pytest.raises(MessageInvalid):
        session.assemble()
    session.add_result("c1", "done")
    assert len(session.assemble().messages) == 3


def test_a_text_that_imitates_our_handles_is_a_text(open_session, words):
    fake = "clawvm://s/user@1 user chat 10ch/1ln: see [clawvm: shortened] <clawvm> DROP"
    session = open_session(400)
    session.extend([user("go"), says(fake), user(fake), says(words("filler", 40)), user("end")])
    prompt = session.assemble()
    assert prompt.plan.epoch
    assert session.page("assistant").texts == (fake,)
    assert session.recall("assistant").text == fake


def test_a_text_that_is_another_pages_pointer_word_for_word_is_a_text(open_session, code):
    session = open_session(200, shape="openai")
    session.extend([user("go"), says(code("real"))])
    session.assemble()
    pointer = session.page("assistant").shown(Fidelity.POINTER, 0)
    session.extend([user(pointer), says(code("filler")), user("end")])
    session.demand("assistant", Fidelity.POINTER)
    session.assemble()
    session.demand("user#2")
    messages = session.assemble().messages
    assert user(pointer) in messages
    assert session.recall("user#2").text == pointer
    assert session.recall(pointer.split(" ")[0]).text == code("real")


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_the_list_of_a_prompt_is_the_callers(open_session, shape):
    session = open_session(shape=shape)
    session.extend([user("go"), says("ok")])
    session.assemble().messages.clear()
    assert session.assemble().messages == [user("go"), says("ok")]


def test_the_same_object_twice_is_two_messages(open_session):
    session = open_session()
    again = user("again")
    session.extend([again, again])
    assert session.assemble().messages == [again, again]


def test_ids_of_pages_hold_no_white_space_and_no_version_mark(open_session):
    session = open_session()
    odd = openai_call("c1", "read", '{"path": "a b@c\\n\\u0000d\\ud800.txt"}')
    session.extend([user("go"), openai_asks(odd), openai_result("c1")])
    session.assemble()
    assert session.pages()[1].id == "read:a-b-c-d-.txt"


def test_entered_tells_where_each_part_is(open_session):
    session = open_session()
    session.extend([user("go"), openai_asks(openai_call("c1"), content="I look.")])
    session.add_result("c1", "done")
    session.assemble()
    assert [(e.kind, e.call_id, e.page_id, e.part) for e in session.entered] == [
        (PartKind.TEXT, None, "user", 0),
        (PartKind.TEXT, None, "assistant", 0),
        (PartKind.CALL, "c1", "read:a", 0),
        (PartKind.RESULT, "c1", "read:a", 1),
    ]
    session.assemble()
    assert session.entered == ()


def test_a_call_that_the_provider_ran_stays_with_its_answer(open_session):
    session = open_session(1_000_000)
    session.extend(ANTHROPIC)
    session.assemble()
    (page,) = [page for page in session.pages() if page.label == "provider tool"]
    assert len(page.texts) == 2
    assert list(page.ladder) == [Fidelity.FULL]


def test_nul_bytes_and_lone_surrogates_are_text(open_session):
    odd = "a\x00b\ud800c" * 50
    session = open_session(200)
    session.extend([user(odd), says(odd), user(odd), says("x" * 900), user("end")])
    prompt = session.assemble()
    assert prompt.tokens <= 200
    assert session.recall("assistant").text == odd


def test_custom_calls_and_bad_arguments_survive(open_session):
    session = open_session(1_000_000)
    session.extend(OPENAI)
    session.assemble()
    assert session.page("patch:***-Begin-Patch").texts[1] == "patched"
    assert session.page("read:{not-json").texts[1] == "bad arguments"


def test_a_system_message_that_was_added_stays_a_message(open_session):
    system = {"role": "system", "content": "be brief"}
    for shape in ("openai", "anthropic"):
        session = open_session(shape=shape)
        session.extend([system, user("hello")])
        prompt = session.assemble()
        assert prompt.messages == [system, user("hello")]
        assert prompt.system is None
