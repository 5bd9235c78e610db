"""Which result answers which call."""

from __future__ import annotations

from chat_histories import (
    ANTHROPIC,
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

from clawvm.messages import FindingKind, pairs, parse_all


def paired(messages, shape="openai", **more):
    return pairs(parse_all(messages, shape), **more)


def kinds(found):
    return [finding.kind for finding in found.findings]


def test_parallel_results_pair_in_any_order():
    found = paired(OPENAI)
    assert found.result_of == {(3, 2): (5, 0), (3, 3): (4, 0), (3, 4): (6, 0), (9, 0): (10, 0)}
    assert found.call_of == {result: call for call, result in found.result_of.items()}
    assert found.findings == []


def test_anthropic_results_pair_in_the_next_message():
    found = paired(ANTHROPIC, "anthropic")
    assert found.result_of == {(1, 5): (2, 1), (1, 6): (2, 0)}
    assert found.findings == []


def test_an_id_used_twice_pairs_with_its_neighbour():
    ask, answer = openai_asks(openai_call("a")), openai_result("a")
    found = paired([ask, answer, user("again"), ask, answer])
    assert found.result_of == {(0, 0): (1, 0), (3, 0): (4, 0)}
    assert kinds(found) == [FindingKind.DUPLICATE_ID]


def test_a_retry_keeps_its_result_from_the_call_that_was_cut_off():
    found = paired(
        [openai_asks(openai_call("a")), openai_asks(openai_call("a")), openai_result("a")]
    )
    assert found.result_of == {(1, 0): (2, 0)}
    assert found.unanswered == [(0, 0)]


def test_a_stray_result_does_not_steal_a_well_placed_ones_call():
    found = paired([openai_result("a"), openai_asks(openai_call("a")), openai_result("a")])
    assert found.call_of == {(2, 0): (1, 0)}
    assert found.extra == {(0, 0): (1, 0)}


def test_a_result_without_an_id_pairs_when_there_is_no_choice():
    ask = openai_asks(openai_call("a"), openai_call("b"))
    found = paired([ask, openai_result("b"), openai_result(None)])
    assert found.call_of[2, 0] == (0, 0)
    assert found.new_ids == {(2, 0): "a"}


def test_a_result_without_an_id_is_not_guessed_when_there_is_a_choice():
    found = paired([openai_asks(openai_call("a"), openai_call("b")), openai_result(None)])
    assert found.call_of == {}
    assert found.orphans == [(1, 0)]


def test_numbers_as_ids_pair_by_value():
    ask = openai_asks(openai_call(1), openai_call(2))
    found = paired([ask, openai_result(2), openai_result(1)])
    assert found.result_of == {(0, 0): (2, 0), (0, 1): (1, 0)}


def test_open_calls_are_those_of_the_last_assistant_message_only():
    ask = [openai_asks(openai_call("a")), user("hm"), openai_asks(openai_call("b"))]
    assert paired(ask).unanswered == [(0, 0), (2, 0)]
    assert paired(ask, open_calls=True).unanswered == [(0, 0)]


def test_an_anthropic_result_behind_a_text_is_displaced():
    found = paired([says(tool_use("a")), user(text("here:"), tool_result("a"))], "anthropic")
    assert found.result_of == {(0, 0): (1, 1)}
    assert kinds(found) == [FindingKind.DISPLACED_RESULT]


def test_a_function_result_pairs_by_name_with_the_call_right_before():
    ask = says("") | {"function_call": {"name": "now", "arguments": "{}"}}
    answer = {"role": "function", "name": "now", "content": "noon"}
    assert paired([ask, answer, ask, answer]).result_of == {(0, 0): (1, 0), (2, 0): (3, 0)}
    assert kinds(paired([ask, answer | {"name": "f"}])) == [
        FindingKind.ORPHAN_CALL,
        FindingKind.ORPHAN_RESULT,
    ]
