"""Telling the two formats apart."""

from __future__ import annotations

import pytest
from chat_histories import ANTHROPIC, OPENAI, openai_result, says, text, tool_use, user

from clawvm.errors import MessageInvalid
from clawvm.messages import detect_shape, shape_of


def test_each_history_is_recognised():
    assert detect_shape(OPENAI) == "openai"
    assert detect_shape(ANTHROPIC) == "anthropic"


@pytest.mark.parametrize("index", [1, 2, 3, 4, 7, 9, 10, 11, 12])
def test_a_single_openai_message_is_recognised(index):
    assert shape_of(OPENAI[index]) == "openai"


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_single_anthropic_message_is_recognised(index):
    assert shape_of(ANTHROPIC[index]) == "anthropic"


def test_plain_text_is_of_either_shape_and_counts_as_openai():
    plain = [{"role": "system", "content": "s"}, user("q"), says(text("a"))]
    assert [shape_of(message) for message in plain] == [None, None, None]
    assert detect_shape(plain) == "openai"
    assert detect_shape([]) == "openai"


def test_one_decisive_message_at_the_end_decides():
    assert detect_shape([user("q"), says(tool_use("a"))]) == "anthropic"


def test_a_mix_of_both_formats_is_refused_with_both_places():
    mix = [user("q"), says(tool_use("a")), openai_result("a")]
    with pytest.raises(
        MessageInvalid, match=r"message 2: .* anthropic .* message 1, found .*openai"
    ):
        detect_shape(mix)


def test_nonsense_does_not_confuse_the_detection():
    odd = [None, 5, {"role": []}, {"content": [7, {"type": 3}]}, says({"type": "thinking"})]
    assert detect_shape(odd) == "anthropic"
