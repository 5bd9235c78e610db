"""The cost of a prompt, as it is defined."""

from __future__ import annotations

import pytest
from chat_histories import HISTORIES, openai_asks, openai_call, says, text, tool_use, user

from clawvm.messages import (
    DROP,
    PART_OVERHEAD,
    form_tokens,
    parse,
    parse_all,
    prompt_tokens,
    render,
)


def words(text):
    return len(text.split())


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_a_prompt_costs_the_text_the_extras_and_an_overhead_for_each_part(shape):
    parts = [part for envelope in parse_all(HISTORIES[shape], shape) for part in envelope.parts]
    expected = sum(words(part.text) + part.extra_tokens + PART_OVERHEAD for part in parts)
    assert prompt_tokens(HISTORIES[shape], shape, words) == expected


def test_plain_texts_cost_the_same_in_both_formats():
    history = [user("one two three"), says(text("four"))]
    assert prompt_tokens(history, "openai", words) == 4 + 2 * PART_OVERHEAD
    assert prompt_tokens(history, "anthropic", words) == 4 + 2 * PART_OVERHEAD


def test_an_empty_message_costs_its_overhead():
    assert prompt_tokens([user("")], "openai", words) == PART_OVERHEAD


def test_a_dropped_part_costs_nothing():
    (part,) = parse(user("hello"), "openai").parts
    assert form_tokens(part, DROP, "openai", words) == 0


@pytest.mark.parametrize(
    ("shape", "message"),
    [("openai", openai_asks(openai_call("a"))), ("anthropic", says(tool_use("a", path="a")))],
)
def test_new_arguments_cost_what_they_cost_once_rendered(shape, message):
    form = '{ "path" :  "~" }'
    envelope = parse(message, shape)
    new = render(envelope, [form])
    assert form_tokens(envelope.parts[0], form, shape, len) == prompt_tokens([new], shape, len)
