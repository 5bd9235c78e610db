"""Messages that cannot be read: one typed error that names index, expected and found."""

from __future__ import annotations

import re

import pytest
from chat_histories import openai_asks, openai_call, says, text, tool_result, tool_use, user

from clawvm.errors import MessageInvalid
from clawvm.messages import parse, prompt_tokens, repair

OPENAI = [
    ("hello", "message 1: expected a dict, found str"),
    ({"content": "x"}, "message 1: expected a role (system, developer"),
    ({"role": "narrator", "content": "x"}, "found 'narrator'"),
    ({"role": ["user"], "content": "x"}, "found ['user']"),
    ({"role": "user"}, "as 'content', found nothing"),
    ({"role": "user", "content": None}, "as 'content', found None"),
    ({"role": "user", "content": 5}, "as 'content', found int"),
    ({"role": "user", "content": ["x"]}, "message 1, block 0: expected a dict, found str"),
    ({"role": "user", "content": [{"text": "x"}]}, "block 0: expected a block with a string"),
    (user(text("x"), {"type": "text"}), "block 1: expected a string as 'text', found nothing"),
    (user({"type": "new", "body": {1, 2}}), "block 0: expected a value that can be written as"),
    (says("x") | {"tool_calls": "f()"}, "expected a list as 'tool_calls', found str"),
    (says("x") | {"tool_calls": ["f()"]}, "message 1, tool call 0: expected a dict, found str"),
    (openai_asks({"type": "magic"}), "tool call 0: expected type 'function' or 'custom'"),
    (openai_asks({"type": "function"}), "expected a dict as 'function', found None"),
    (openai_asks(openai_call("a", arguments={})), "a string as 'arguments', found dict"),
    (says("x") | {"function_call": "f()"}, "message 1, function_call: expected a dict"),
    (user("x") | {"tool_calls": [openai_call("a")]}, "in an assistant message only, found role"),
    ({"role": "tool", "tool_call_id": "a"}, "as 'content', found nothing"),
    ({"role": "function", "content": "x"}, "expected a string as 'name', found nothing"),
    (says("x") | {"refusal": 3}, "expected a string as 'refusal', found int"),
]

ANTHROPIC = [
    ({"role": "tool", "content": "x"}, "expected a role (user, assistant, system), found 'tool'"),
    ({"role": "assistant", "content": None}, "as 'content', found None"),
    (user(tool_use("a")), "expected a tool_use block in role 'assistant' only, found role 'user'"),
    (says(tool_result("a")), "expected a tool_result block in role 'user' only"),
    (says(tool_use("a") | {"input": "{}"}), "expected a dict as 'input', found str"),
    (says(tool_use("a", size={1})), "block 0: expected a value that can be written as JSON"),
    (user(tool_result("a", 5)), "as 'content', found int"),
    (user(tool_result("a", ["x"])), "block 0, inner block 0: expected a dict, found str"),
    (user(tool_result("a", [{"type": "text"}])), "inner block 0: expected a string as 'text'"),
    (user({"type": "document"}), "expected a dict as 'source', found None"),
    (user({"type": "document", "source": {"type": "content"}}), "as 'content', found None"),
]

CASES = [("openai", *case) for case in OPENAI] + [("anthropic", *case) for case in ANTHROPIC]


@pytest.mark.parametrize(("shape", "message", "words"), CASES)
def test_a_message_of_no_known_form_is_named(shape, message, words):
    with pytest.raises(MessageInvalid, match=re.escape(words)):
        parse(message, shape, 1)


@pytest.mark.parametrize("mode", ["repair", "refuse"])
@pytest.mark.parametrize(("shape", "message", "words"), CASES)
def test_no_repair_guesses_what_an_unreadable_message_meant(shape, message, words, mode):
    with pytest.raises(MessageInvalid, match=re.escape(words)):
        repair([user("hello"), message], shape, mode)


def test_the_index_is_optional():
    with pytest.raises(MessageInvalid, match=r"^the message: expected a dict, found None"):
        parse(None, "openai")


def test_an_sdk_object_is_told_how_to_become_a_dict():
    with pytest.raises(MessageInvalid, match=r"found object; convert .* model_dump"):
        parse(object(), "anthropic", 0)


def test_an_unknown_shape_is_named():
    with pytest.raises(MessageInvalid, match="expected shape 'openai' or 'anthropic', found 'x'"):
        parse(user("hello"), "x")


def test_counting_reads_with_the_same_care():
    with pytest.raises(MessageInvalid, match="message 1: expected a dict, found int"):
        prompt_tokens([user("hello"), 5], "openai", len)
