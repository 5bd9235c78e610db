"""Writing messages back: what changes, and all that does not."""

from __future__ import annotations

import copy
import json

import pytest
from chat_histories import (
    ANTHROPIC,
    HISTORIES,
    MARK,
    OPENAI,
    PNG,
    custom_call,
    histories,
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
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.errors import MessageInvalid
from clawvm.messages import (
    DROP,
    PartKind,
    form_tokens,
    pairs,
    parse,
    parse_all,
    prompt_tokens,
    render,
    repair,
)

SHAPES = ["openai", "anthropic"]


def rewrite(message, shape, *forms):
    return render(parse(message, shape), forms)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_unchanged_message_is_the_original_object(shape):
    for envelope in parse_all(HISTORIES[shape], shape):
        assert render(envelope, [None] * len(envelope.parts)) is envelope.message


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_without_parts_left_is_no_message(shape):
    for envelope in parse_all(HISTORIES[shape], shape):
        assert render(envelope, [DROP] * len(envelope.parts)) is None


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("content", ["hello", "", []])
def test_a_whole_content_is_replaced_by_a_string(shape, content):
    message = {"role": "user", "content": content, "name": "ann"}
    new = rewrite(message, shape, "short")
    assert list(new.items()) == [("role", "user"), ("content", "short"), ("name", "ann")]
    assert message["content"] == content


@pytest.mark.parametrize("shape", SHAPES)
def test_a_replaced_text_block_keeps_its_mark_and_its_neighbours(shape):
    before, after = text("before"), text("after")
    message = user(before, text("long", cache_control=MARK), after)
    new = rewrite(message, shape, None, "short", None)
    assert new["content"] == [before, text("short", cache_control=MARK), after]
    assert new["content"][0] is before


@pytest.mark.parametrize("shape", SHAPES)
def test_a_replaced_opaque_block_is_a_text_with_the_same_mark(shape):
    message = user({"type": "new", "body": "x", "cache_control": MARK})
    new = rewrite(message, shape, "short")
    assert new["content"] == [text("short", cache_control=MARK)]


def test_citations_do_not_outlive_the_text_they_quote_for():
    message = says({"type": "text", "citations": [], "text": "long"}, text("more"))
    assert rewrite(message, "anthropic", "short", None)["content"][0] == text("short")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_number_of_forms_must_fit(shape):
    with pytest.raises(MessageInvalid, match="expected 2 forms, one per part, found 1"):
        rewrite(user(text("a"), text("b")), shape, None)


# OpenAI


def test_openai_call_gets_new_arguments_and_nothing_else_changes():
    message = OPENAI[3]
    new = rewrite(message, "openai", None, None, '{"path": "~"}', "short", None)
    assert list(new) == list(message)
    assert new["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"path": "~"}'}
    assert new["tool_calls"][1] == custom_call("call_2", "short")
    assert new["tool_calls"][2] is message["tool_calls"][2]


def test_openai_text_of_a_message_with_calls_becomes_null():
    new = rewrite(openai_asks(openai_call("a"), content="I look."), "openai", DROP, None)
    assert new == openai_asks(openai_call("a"), content=None)


def test_openai_message_that_loses_all_its_calls_loses_the_key():
    message = openai_asks(openai_call("a"), openai_call("b"), content="I look.")
    assert rewrite(message, "openai", None, DROP, DROP) == says("I look.")
    one_left = rewrite(message, "openai", None, DROP, None)
    assert [call["id"] for call in one_left["tool_calls"]] == ["b"]


def test_openai_message_with_nothing_beside_its_reasoning_gets_an_empty_text():
    message = openai_asks(openai_call("a")) | {"reasoning_content": "hm"}
    new = rewrite(message, "openai", None, DROP)
    assert new == says("") | {"reasoning_content": "hm"}


def test_openai_side_fields_go_when_dropped():
    message = says("No.") | {"refusal": "I will not.", "audio": {"id": "a"}}
    assert rewrite(message, "openai", None, DROP, DROP) == says("No.")


def test_openai_function_call_is_rewritten_or_goes():
    message = says("Let me see.") | {"function_call": {"name": "now", "arguments": '{"a": 1}'}}
    new = rewrite(message, "openai", None, "{}")
    assert new["function_call"] == {"name": "now", "arguments": "{}"}
    assert rewrite(message, "openai", None, DROP) == says("Let me see.")


def test_openai_result_of_text_parts_stays_a_list():
    message = openai_result("a") | {"content": [text("one"), text("two")]}
    assert rewrite(message, "openai", "short")["content"] == [text("short")]


def test_openai_reasoning_and_refusals_cannot_be_rewritten():
    with pytest.raises(MessageInvalid, match="cannot be rewritten"):
        rewrite(OPENAI[3], "openai", "short", None, None, None, None)


# Anthropic


def test_anthropic_call_gets_a_new_input():
    message = says(tool_use("a", path="/long") | {"cache_control": MARK})
    new = rewrite(message, "anthropic", '{"path": "~"}')
    assert new["content"] == [tool_use("a", path="~") | {"cache_control": MARK}]


@pytest.mark.parametrize("bad", ["no json", "[1]", '"text"', ""])
def test_anthropic_input_must_be_an_object(bad):
    with pytest.raises(MessageInvalid, match=r"the call of 'read': expected a JSON object, found"):
        rewrite(says(tool_use("a")), "anthropic", bad)


def test_anthropic_result_keeps_id_error_and_mark():
    block = tool_result("a", "long", is_error=True, cache_control=MARK)
    new = rewrite(user(block), "anthropic", "short")
    assert new["content"] == [block | {"content": "short"}]


def test_anthropic_result_without_content_gets_some():
    message = user({"type": "tool_result", "tool_use_id": "a"})
    assert rewrite(message, "anthropic", "short") == user(tool_result("a", "short"))


def test_a_text_takes_the_place_of_a_results_texts_and_images():
    image = {"type": "image", "source": PNG}
    message = user(tool_result("a", [image, text("one"), text("two", cache_control=MARK)]))
    new = rewrite(message, "anthropic", "short")
    assert new == user(tool_result("a", [text("short", cache_control=MARK)]))
    assert render(parse(message, "anthropic"), [None]) is message


def test_thinking_goes_with_what_it_led_to():
    thinking = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    message = says(text("I look."), thinking, tool_use("a"))
    assert rewrite(message, "anthropic", None, None, DROP) == says(text("I look."))
    assert rewrite(says(thinking, tool_use("a")), "anthropic", None, DROP) is None
    assert rewrite(message, "anthropic", DROP, None, None) == says(thinking, tool_use("a"))


def test_thinking_and_provider_run_calls_cannot_be_rewritten():
    for index in (0, 1, 3, 4):
        forms = [None] * 7
        forms[index] = "short"
        with pytest.raises(MessageInvalid, match="cannot be rewritten"):
            rewrite(ANTHROPIC[1], "anthropic", *forms)


# Any history, any forms


def draw_forms(data, envelopes, shape):
    """Draw a form for every part: a call and its result are dropped together."""
    forms = [[None] * len(envelope.parts) for envelope in envelopes]
    call_of = pairs(envelopes).call_of
    for at, envelope in enumerate(envelopes):
        for index, part in enumerate(envelope.parts):
            if (at, index) in call_of:
                call = call_of[at, index]
                dropped = forms[call.message][call.part] is DROP
                choices = [DROP] if dropped else [None, "shorter"]
            else:
                arguments = '{"path": "~"}' if part.kind is PartKind.CALL else "shorter"
                choices = [None, DROP, arguments] if part.replaceable else [None, DROP]
                if part.call_id and part.kind is PartKind.OPAQUE:
                    choices = [None]
            forms[at][index] = data.draw(st.sampled_from(choices))
    return forms


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", ["written", "generated"])
@settings(deadline=None, max_examples=120)
@given(data=st.data())
def test_any_forms_give_a_prompt_that_the_service_accepts_at_the_counted_cost(shape, source, data):
    history = HISTORIES[shape] if source == "written" else data.draw(histories(shape))
    history, _ = repair(history, shape)
    before = copy.deepcopy(history)
    envelopes = parse_all(history, shape)
    forms = draw_forms(data, envelopes, shape)
    rendered = [render(envelope, form) for envelope, form in zip(envelopes, forms, strict=True)]
    prompt = [message for message in rendered if message is not None]

    check(prompt, shape)
    assert history == before
    assert json.dumps(history) == json.dumps(before), "key order"
    cost = sum(
        form_tokens(part, form, shape, len)
        for envelope, chosen in zip(envelopes, forms, strict=True)
        for part, form in zip(envelope.parts, chosen, strict=True)
    )
    assert prompt_tokens(prompt, shape, len) <= cost
    if shape == "openai":
        assert prompt_tokens(prompt, shape, len) == cost
