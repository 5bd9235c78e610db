"""The checker of the other tests does refuse what the services refuse."""

from __future__ import annotations

import pytest
from chat_histories import (
    HISTORIES,
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
from pydantic import ValidationError

THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_healthy_histories_pass(shape):
    check(HISTORIES[shape], shape)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("openai", {"role": "user"}),
        ("openai", user({"type": "text"})),
        ("openai", user({"type": "tool_use"})),
        ("openai", openai_asks({"id": "a", "type": "function"})),
        ("openai", openai_asks(openai_call(7))),
        ("openai", {"role": "tool", "content": "x"}),
        ("anthropic", user({"type": "text"})),
        ("anthropic", user(tool_result("a", [{"type": "text"}]))),
        ("anthropic", says(tool_use("a") | {"input": "x"})),
        ("anthropic", says(text("x", cache_control=3))),
    ],
)
def test_wrong_types_are_refused_at_any_depth(shape, message):
    with pytest.raises(ValidationError):
        check([message], shape)


@pytest.mark.parametrize(
    ("shape", "history", "words"),
    [
        ("openai", [openai_asks(openai_call("a"))], "have no result"),
        ("openai", [openai_asks(openai_call("a")), user("x"), openai_result("a")], "no result"),
        ("openai", [openai_result("a")], "without its call"),
        ("openai", [openai_asks(openai_call("a"), openai_call("a"))], "used twice"),
        ("openai", [openai_asks()], "is empty"),
        ("openai", [says("x") | {"content": None}], "empty"),
        ("anthropic", [says(tool_use("a"))], "have no result"),
        ("anthropic", [says(tool_use("a")), user("x")], "for \\['a'\\]"),
        ("anthropic", [user(tool_result("a"))], "results \\['a'\\]"),
        ("anthropic", [says(tool_use("a")), user(text("x"), tool_result("a"))], "come first"),
        ("anthropic", [user(tool_use("a"))], "calls in role user"),
        ("anthropic", [says(text("x"), THINKING)], "final block"),
        ("anthropic", [user(" ")], "blank"),
        ("anthropic", [user()], "no content"),
    ],
)
def test_broken_rules_are_refused(shape, history, words):
    with pytest.raises(AssertionError, match=words):
        check(history, shape)
