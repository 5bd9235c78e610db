"""What harnesses do today: compaction at a fill level, and what a recording harness kept.

Tokens are words, and every part of a prompt costs four more.
"""

from __future__ import annotations

from hand_traces import Words, call, result, said, system, trace, user, words

from clawvm.replay import Recording
from clawvm.replay.compactions import CLEARED, Item, compacted, recorded
from clawvm.replay.trace import Clear, Compaction, Event, Reset


def recording(*events: Event) -> Recording:
    return Recording.of("by hand", trace(*events))


def recorded_texts(*events: Event) -> list[list[str]]:
    return [[item.text for item in items] for _, items in recorded(recording(*events), Words())]


def compacted_prompts(budget: int, *events: Event) -> list[list[Item]]:
    return [items for _, items in compacted(recording(*events), budget, Words())]


def texts(items: list[Item]) -> list[str]:
    return [item.text for item in items]


def tokens(items: list[Item]) -> int:
    return sum(item.tokens for item in items)


class TestRecorded:
    def test_without_a_compaction_everything_stays(self) -> None:
        prompts = recorded_texts(
            system("rules"), user("one"), said("two"), user("three"), said(".")
        )
        assert prompts == [["rules", "one"], ["rules", "one", "two", "three"]]

    def test_a_compaction_leaves_the_rules_its_summary_and_what_came_after(self) -> None:
        prompts = recorded_texts(
            *(system("rules"), user("one"), said("two")),
            *(Compaction(trigger="auto", summary="so far"), user("three"), said(".")),
        )
        assert prompts[1] == ["rules", "so far", "three"]

    def test_a_compaction_whose_summary_was_not_recorded_leaves_none(self) -> None:
        prompts = recorded_texts(user("one"), said("two"), Compaction(), user("three"), said("."))
        assert prompts[1] == ["three"]

    def test_a_cleared_result_leaves_a_line(self) -> None:
        prompts = recorded_texts(
            *(user("look"), call("1", "read", {"path": "a"}), result("1", words(20))),
            *(said("seen"), Clear(call_ids=("1",)), user("and?"), said(".")),
        )
        assert prompts[1][2] == words(20)
        assert prompts[2][2:] == [CLEARED, "seen", "and?"]

    def test_a_result_that_is_shorter_than_the_line_is_left(self) -> None:
        prompts = recorded_texts(
            *(user("look"), call("1", "read", {"path": "a"}), result("1", "no")),
            *(said("seen"), Clear(call_ids=("1",)), user("and?"), said(".")),
        )
        assert "no" in prompts[2]

    def test_a_reset_leaves_the_rules(self) -> None:
        prompts = recorded_texts(
            system("rules"), user("one"), said("two"), Reset(), user("three"), said(".")
        )
        assert prompts[1] == ["rules", "three"]


# Prompts of 14, 14 + 14 + 14 = 42 and 70 tokens.
LONG = (user(words(10)), said(words(10, "a")), user(words(10, "b")), said(words(10, "c")))
LONGER = (*LONG, user(words(10, "d")), said("."))


class TestCompacted:
    def test_below_nine_tenths_of_the_budget_everything_stays(self) -> None:
        assert tokens(compacted_prompts(78, *LONGER)[-1]) == 70

    def test_above_it_the_first_lines_of_what_is_dropped_stand_for_it(self) -> None:
        # The newest line of 10 words and its end cost 11 of the 15 that a twentieth of 300 is.
        events = (*LONG, user(words(250, "d")), said("."))
        prompts = compacted_prompts(300, *events)
        assert texts(prompts[-1]) == [words(10, "b"), words(10, "c"), words(250, "d")]

    def test_a_summary_that_the_recording_harness_had_made_stands_for_it(self) -> None:
        events = (*LONG, Compaction(summary="in short"), user(words(10, "d")), said("."))
        assert texts(compacted_prompts(77, *events)[-1]) == [
            "in short",
            words(10, "c"),
            words(10, "d"),
        ]

    def test_a_summary_that_is_made_later_is_not_known_yet(self) -> None:
        events = (*LONGER, Compaction(summary="in short"), user("e"), said("."))
        assert all("in short" not in texts(items) for items in compacted_prompts(77, *events)[:3])

    def test_a_tail_that_is_too_large_is_cleared_and_the_budget_holds(self) -> None:
        events = (user("look"), call("1", "read", {"path": "a"}), result("1", words(99)), said("."))
        prompts = compacted_prompts(50, *events)
        assert CLEARED in texts(prompts[-1])
        assert all(tokens(items) <= 50 for items in prompts)

    def test_the_rules_stay(self) -> None:
        prompts = compacted_prompts(60, system("rules"), *LONGER)
        assert all(items[0].text == "rules" for items in prompts)
