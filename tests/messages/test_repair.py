"""Broken histories made valid, with a report, or refused."""

from __future__ import annotations

import copy

import pytest
from chat_histories import (
    HISTORIES,
    MARK,
    PNG,
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

from clawvm.errors import MessageInvalid
from clawvm.messages import FindingKind, parse_all, repair

SHAPES = ["openai", "anthropic"]
NO_RESULT = "Error: no result was recorded for this call."


def repaired(messages, shape, *kinds, **more):
    """Repair, check what a repair promises of any history, and answer the new history."""
    before = copy.deepcopy(messages)
    result, report = repair(messages, shape, **more)
    assert messages == before, "the input was mutated"
    assert [finding.kind for finding in report.findings] == list(kinds)
    if not more:
        check(result, shape)
    return result


# Healthy histories


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["repair", "refuse"])
def test_a_healthy_history_comes_back_as_it_was(shape, mode):
    history, report = repair(HISTORIES[shape], mode=mode)
    assert all(new is old for new, old in zip(history, HISTORIES[shape], strict=True))
    assert not report
    assert str(report) == "nothing to repair"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_empty_history_is_healthy(shape):
    assert repaired([], shape) == []


def test_only_what_is_broken_is_rebuilt():
    history = [user("a"), says(tool_use("x")), user("b"), says("c"), user("d")]
    result = repaired(history, "anthropic", FindingKind.ORPHAN_CALL)
    assert [result[at] is history[at] for at in range(5)] == [True, True, False, True, True]


# Orphan calls


def test_openai_call_without_a_result_gets_an_error_result():
    history = [openai_asks(openai_call("a"), openai_call("b")), openai_result("b"), user("go on")]
    assert repaired(history, "openai", FindingKind.ORPHAN_CALL) == [
        history[0],
        history[1],
        openai_result("a", NO_RESULT),
        history[2],
    ]


def test_openai_function_call_without_a_result_gets_one():
    ask = says("") | {"function_call": {"name": "now", "arguments": "{}"}}
    result = repaired([ask], "openai", FindingKind.ORPHAN_CALL)
    assert result[1] == {"role": "function", "name": "now", "content": NO_RESULT}


def test_anthropic_call_without_a_result_gets_one_in_the_next_user_message():
    error = tool_result("a", NO_RESULT, is_error=True)
    history = [user("q"), says(tool_use("a")), user("go on")]
    result = repaired(history, "anthropic", FindingKind.ORPHAN_CALL)
    assert result == [*history[:2], user(error, text("go on"))]
    result = repaired(history[:2], "anthropic", FindingKind.ORPHAN_CALL)
    assert result == [*history[:2], user(error)]


def test_a_call_that_is_about_to_run_stays_open():
    history = [openai_asks(openai_call("a"), openai_call("b")), openai_result("a")]
    assert repaired(history, "openai", open_calls=True) == history
    history = [user("q"), says(tool_use("a"))]
    assert repaired(history, "anthropic", open_calls=True) == history


# Orphan and extra results


def test_openai_result_without_a_call_is_kept_as_a_user_text():
    history = [user("q"), openai_result("x", "42") | {"name": "read"}]
    assert repaired(history, "openai", FindingKind.ORPHAN_RESULT) == [
        user("q"),
        user("[Result of tool call x (read), which is not in this history]\n42"),
    ]


def test_anthropic_result_without_a_call_is_kept_with_its_images_and_its_mark():
    image = {"type": "image", "source": PNG}
    stray = tool_result("x", [text("shot"), image], is_error=True, cache_control=MARK)
    head = "[Error result of tool call x, which is not in this history]\nshot"
    result = repaired([user(stray)], "anthropic", FindingKind.ORPHAN_RESULT)
    assert result == [user(text(head, cache_control=MARK), image)]


def test_openai_result_without_a_call_is_kept_with_its_images():
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    stray = openai_result("x") | {"content": [text("shot"), image]}
    (message,) = repaired([stray], "openai", FindingKind.ORPHAN_RESULT)
    assert message["role"] == "user"
    assert message["content"][1] is image


def test_a_stray_result_between_two_results_stands_behind_both():
    ask = openai_asks(openai_call("a"), openai_call("b"))
    history = [ask, openai_result("a"), openai_result("x", "42"), openai_result("b")]
    result = repaired(history, "openai", FindingKind.ORPHAN_RESULT)
    assert [message["role"] for message in result] == ["assistant", "tool", "tool", "user"]


def test_a_second_result_is_kept_as_a_user_text():
    history = [openai_asks(openai_call("a")), openai_result("a", "one"), openai_result("a", "two")]
    result = repaired(history, "openai", FindingKind.EXTRA_RESULT)
    assert result[:2] == history[:2]
    assert result[2] == user("[Result of tool call a (read), which has another result]\ntwo")
    history = [says(tool_use("a")), user(tool_result("a", "one"), tool_result("a", "two"))]
    result = repaired(history, "anthropic", FindingKind.EXTRA_RESULT)
    assert result[1]["content"][0] == tool_result("a", "one")
    assert result[1]["content"][1]["text"].endswith("which has another result]\ntwo")


# Displaced and early results


def test_a_displaced_result_is_moved_right_behind_its_call():
    history = [openai_asks(openai_call("a")), user("wait"), openai_result("a")]
    result = repaired(history, "openai", FindingKind.DISPLACED_RESULT)
    assert result == [history[0], history[2], history[1]]


def test_an_anthropic_result_is_moved_to_the_front_of_the_next_message():
    history = [says(tool_use("a")), user(text("here:"), tool_result("a"))]
    result = repaired(history, "anthropic", FindingKind.DISPLACED_RESULT)
    assert result[1] == user(tool_result("a"), text("here:"))
    history = [says(tool_use("a")), says("hm"), user(tool_result("a"))]
    result = repaired(history, "anthropic", FindingKind.DISPLACED_RESULT)
    assert result == [history[0], history[2], history[1]]


def test_a_result_before_its_call_is_moved_behind_it():
    history = [openai_result("a"), user("q"), openai_asks(openai_call("a"))]
    result = repaired(history, "openai", FindingKind.EARLY_RESULT)
    assert result == [history[1], history[2], history[0]]


def test_results_of_a_split_parallel_call_go_each_behind_its_own():
    history = [
        says(tool_use("a")),
        says(tool_use("b")),
        user(tool_result("a", "one")),
        user(tool_result("b", "two")),
    ]
    moved = [FindingKind.DISPLACED_RESULT] * 2
    assert repaired(history, "anthropic", *moved) == [
        says(tool_use("a")),
        user(tool_result("a", "one")),
        says(tool_use("b")),
        user(tool_result("b", "two")),
    ]


# Ids


@pytest.mark.parametrize("shape", SHAPES)
def test_the_later_pair_with_a_used_id_is_renamed(shape):
    if shape == "openai":
        turn = [openai_asks(openai_call("a")), openai_result("a")]
        other = [openai_asks(openai_call("a_2")), openai_result("a_2")]
    else:
        turn = [says(tool_use("a")), user(tool_result("a"))]
        other = [says(tool_use("a_2")), user(tool_result("a_2"))]
    result = repaired([*turn, *other, *turn], shape, FindingKind.DUPLICATE_ID)
    assert result[:4] == [*turn, *other]
    calls = [part.call_id for envelope in parse_all(result[4:], shape) for part in envelope.parts]
    assert calls == ["a_3", "a_3"]


def test_a_tool_message_without_an_id_gets_its_calls():
    result = openai_result(None, "42")
    del result["tool_call_id"]
    history = [openai_asks(openai_call("a")), result]
    new = repaired(history, "openai", FindingKind.BAD_ID)
    assert new[1] == openai_result("a", "42")


@pytest.mark.parametrize("bad", [None, "", 7, 1.5, True, ["a"]])
def test_an_id_that_is_no_id_is_replaced_on_both_sides(bad):
    history = [openai_asks(openai_call(bad)), openai_result(bad, "42")]
    new = repaired(history, "openai", FindingKind.BAD_ID, FindingKind.BAD_ID)
    assert new[1]["tool_call_id"] == new[0]["tool_calls"][0]["id"]
    history = [says(tool_use(bad)), user(tool_result(bad, "42"))]
    new = repaired(history, "anthropic", FindingKind.BAD_ID, FindingKind.BAD_ID)
    assert new[1]["content"][0]["tool_use_id"] == new[0]["content"][0]["id"]


def test_new_ids_stay_within_the_length_that_services_accept():
    long = "x" * 40
    turn = [openai_asks(openai_call(long)), openai_result(long)]
    new = repaired(turn * 3, "openai", *[FindingKind.DUPLICATE_ID] * 2)
    assert all(len(message["tool_call_id"]) <= 40 for message in new[1::2])


# What a service refuses as empty


def test_openai_empty_call_lists_and_null_contents_go():
    history = [says("x") | {"tool_calls": []}, says("y") | {"content": None}, user()]
    assert repaired(history, "openai", *[FindingKind.EMPTY] * 3) == [says("x"), says(""), user("")]


def test_anthropic_blank_texts_go_and_so_does_a_message_of_nothing_else():
    history = [user("q"), says(" "), user(), says(text(""), text("y")), user(text("z"))]
    result = repaired(history, "anthropic", *[FindingKind.EMPTY] * 3)
    assert result == [user("q"), says(text("y")), user(text("z"))]


def test_anthropic_blank_texts_inside_a_result_go():
    history = [says(tool_use("a")), user(tool_result("a", [text(""), text("y")]))]
    result = repaired(history, "anthropic", FindingKind.EMPTY)
    assert result[1] == user(tool_result("a", [text("y")]))


def test_anthropic_thinking_that_ends_a_message_goes():
    thinking = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    history = [user("q"), says(text("x"), thinking), user("r"), says(thinking)]
    result = repaired(history, "anthropic", *[FindingKind.TRAILING_THINKING] * 2)
    assert result == [user("q"), says(text("x")), user("r")]


# Refusing, reporting


def test_refusing_lists_every_finding_with_its_message():
    history = [user("q"), openai_result("x"), openai_asks(openai_call("a"))]
    with pytest.raises(MessageInvalid) as caught:
        repair(history, mode="refuse")
    assert str(caught.value) == (
        "expected a history that a service accepts, found message 1: a result without a call, for "
        "call 'x'; message 2: call 'a' (read) has no result; repair it with mode='repair'"
    )


def test_a_refusal_stays_readable_when_everything_is_broken():
    with pytest.raises(MessageInvalid, match=r"message 49: .*; and 950 more; repair it") as caught:
        repair([openai_result("x")] * 1_000, mode="refuse")
    assert "message 50:" not in str(caught.value)


def test_a_report_names_message_call_and_what_was_done():
    _, report = repair([user("q"), openai_asks(openai_call("a"))])
    assert report
    assert str(report) == (
        "1 finding\n  message 1: call 'a' (read) has no result; "
        "an error result is added right behind it"
    )
    (finding,) = report.findings
    assert (finding.message, finding.call_id) == (1, "a")


def test_findings_name_the_messages_as_they_were_given():
    history = [user(" "), user("q"), says(tool_use("a"))]
    _, report = repair(history, "anthropic")
    assert [finding.message for finding in report.findings] == [0, 2]


def test_an_unknown_mode_is_named():
    with pytest.raises(MessageInvalid, match="expected mode 'repair' or 'refuse', found 'fix'"):
        repair([], mode="fix")


# Any history


@settings(deadline=None, max_examples=300)
@given(history=histories("openai"))
def test_any_openai_history_is_valid_after_one_repair(history):
    assert_repairs(history, "openai")


@settings(deadline=None, max_examples=300)
@given(history=histories("anthropic"))
def test_any_anthropic_history_is_valid_after_one_repair(history):
    assert_repairs(history, "anthropic")


def assert_repairs(history, shape):
    before = copy.deepcopy(history)
    result, report = repair(history, shape)
    assert history == before
    check(result, shape)
    again, nothing = repair(result, shape, mode="refuse")
    assert again == result
    assert not nothing
    if not report:
        assert result == history
    said = "\n".join(part.text for envelope in parse_all(result, shape) for part in envelope.parts)
    for envelope in parse_all(history, shape):
        for part in envelope.parts:
            if part.kind == "result":
                assert part.text.strip() in said, "a result was lost"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_id_of_an_earlier_part_of_the_history_is_not_used_again(shape):
    if shape == "openai":
        rest = [openai_asks(openai_call("a"), openai_call("b"))]
        rest += [openai_result("b", "two"), openai_result("a", "one")]
    else:
        rest = [says(tool_use("a"), tool_use("b"))]
        rest += [user(tool_result("b", "two"), tool_result("a", "one"))]
    result = repaired(rest, shape, FindingKind.DUPLICATE_ID, taken={"a", "a_2"})
    check(result, shape)
    shown = repr(result)
    assert [shown.count(f"'{name}'") for name in ("a", "a_2", "a_3", "b")] == [0, 0, 2, 2]


def test_a_call_without_an_id_gets_none_of_an_earlier_part():
    history = [openai_asks(openai_call(None)), openai_result(None, "done")]
    kinds = FindingKind.BAD_ID, FindingKind.BAD_ID
    result = repaired(history, "openai", *kinds, taken={"call_0_0"})
    assert result[1]["tool_call_id"] == "call_0_0_2"
