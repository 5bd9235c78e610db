"""The figures that ``docs/metrics.md`` defines, each on a session small enough to do by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hand_traces import CHAT, TOOLS, Replayed, call, result, said, system, user, words

from clawvm.replay.availability import AGE_BUCKETS, SpanTotals
from clawvm.replay.billing import Bill
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.results import ReplayResult, relate_to_full
from clawvm.replay.trace import Event, Reset

ENOUGH = 100_000
ALL_POLICIES = pytest.mark.parametrize("policy", POLICY_NAMES)

HEATING = "The heating in the study stays below nineteen degrees at night."
MUSIC = "No music is played in the garden after ten, not even on Fridays."
RULES = f"House rules\n{HEATING}\nThe door is green.\n{MUSIC}\nThe end."


def read(call_id: str, name: str, text: str) -> tuple[Event, ...]:
    return call(call_id, "read", {"path": name}), result(call_id, text)


# The rules are read; they are quoted when they have left the tail.
READ: tuple[Event, ...] = (
    user("read the house rules"),
    *read("1", "rules.txt", RULES),
    said("read"),
    user("what do they say?"),
)
# Ten files of 300 tokens are read, then the first again, with the same result.
AGAIN: tuple[Event, ...] = (
    user("look at all of them"),
    *(
        event
        for number in range(10)
        for event in read(str(number), f"file-{number}", words(300, f"f{number}-"))
    ),
    *read("again", "file-0", words(300, "f0-")),
    said("seen"),
)


def figures(policy: str, budget: int, *events: Event, **options: Any) -> ReplayResult:
    return Replayed(policy, budget, *events, **options).result


class TestFaults:
    def test_a_repetition_of_what_is_there_is_an_alert(self) -> None:
        """The whole history still shows what file-0 held."""
        faults = figures("full", ENOUGH, *AGAIN).faults
        assert {kind: count for kind, count in faults.items() if count} == {
            "duplicate-signature": 1
        }

    def test_a_repetition_of_what_is_gone_is_a_refetch(self) -> None:
        """A window of 1,000 tokens shows three results of 300, and file-0's was the first."""
        faults = figures("sliding-window", 1_000, *AGAIN).faults
        assert {kind: count for kind, count in faults.items() if count} == {"refetch": 1}

    def test_one_of_what_a_line_points_to_is_neither(self) -> None:
        assert sum(figures("lru", 1_000, *AGAIN).faults.values()) == 0


class TestHits:
    def test_a_quotation_from_the_prompt_is_one(self) -> None:
        assert figures("full", ENOUGH, *READ, said(HEATING)).hits == 1

    def test_two_of_the_same_page_in_one_request_are_one(self) -> None:
        result = figures("full", ENOUGH, *READ, said(f"{HEATING}\n--\n{MUSIC}"))
        assert (result.spans.available, result.hits) == (2, 1)

    def test_two_in_two_requests_are_two(self) -> None:
        asked = said(HEATING), user("go on"), said("let me see"), user("yes?"), said(MUSIC)
        assert figures("full", ENOUGH, *READ, *asked).hits == 2

    def test_a_quotation_of_what_is_gone_is_none(self) -> None:
        long = said(words(60, "a")), user(words(60, "b")), said(HEATING)
        result = figures("sliding-window", 150, *READ, *long)
        assert (result.spans, result.hits) == (SpanTotals(1, 0, 0), 0)

    def test_an_alert_is_one(self) -> None:
        assert figures("full", ENOUGH, *AGAIN).hits == 1


class TestThrashIndex:
    def test_faults_and_alerts_are_over_hits_and_one(self) -> None:
        """One refetch and no hit: 1 / (0 + 1)."""
        assert figures("sliding-window", 1_000, *AGAIN).thrash_index == 1.0

    def test_an_alert_counts_on_both_sides(self) -> None:
        """One alert, which is a hit: 1 / (1 + 1)."""
        assert figures("full", ENOUGH, *AGAIN).thrash_index == 0.5

    def test_with_a_quotation_besides(self) -> None:
        """One alert, and two hits by the alert and the quotation: 1 / (2 + 1)."""
        events = (*READ, said(HEATING), *AGAIN)
        assert figures("full", ENOUGH, *events).thrash_index == 1 / 3

    def test_a_session_without_either_has_none(self) -> None:
        assert figures("clawvm", ENOUGH, *CHAT).thrash_index == 0.0


class TestOverflowAndInsufficiency:
    def test_a_prompt_over_the_budget_is_counted_for_the_whole_history(self) -> None:
        """Prompts of 7, 18 and 31 tokens against 17."""
        result = figures("full", 17, *CHAT)
        assert (result.turns_over_budget, result.turns_infeasible) == (2, 0)

    def test_a_floor_over_the_budget_is_an_insufficiency(self) -> None:
        """The rules have 50 words and come with the second of three requests."""
        result = figures("clawvm", 40, *CHAT[:2], system(words(50, "s")), *CHAT[2:])
        assert (result.turns_over_budget, result.turns_infeasible, result.built) == (0, 2, 1)


class TestSpanAvailability:
    def test_a_span_is_told_by_type_kind_and_age(self) -> None:
        result = figures("full", ENOUGH, *READ, said(HEATING))
        one, none = SpanTotals(1, 1, 0), SpanTotals(0, 0, 0)
        assert result.spans == one
        assert result.spans_by_type == {"evidence": one}
        assert result.spans_by_kind == {"result": one}
        assert result.spans_by_age == {**dict.fromkeys(AGE_BUCKETS, none), "0-8k": one}

    def test_what_the_model_wrote_in_a_call_is_evidence_of_another_kind(self) -> None:
        wrote = call("1", "write", {"path": "rules.txt", "text": RULES})
        events = (user("write rules"), wrote, result("1", "ok"), said("done"), user("and?"))
        replayed = figures("full", ENOUGH, *events, said(HEATING))
        assert list(replayed.spans_by_type) == ["evidence"]
        assert list(replayed.spans_by_kind) == ["call"]

    def test_what_was_said_is_conversation(self) -> None:
        said_before = user(HEATING), said("noted"), user("and?"), said(HEATING)
        replayed = figures("full", ENOUGH, *said_before)
        assert list(replayed.spans_by_type) == ["conversation"]
        assert list(replayed.spans_by_kind) == ["user"]

    def test_what_instructions_say_is_bootstrap(self) -> None:
        events = (user("go"), said("yes"), user(RULES, origin="instructions"), said("noted"))
        replayed = figures("full", ENOUGH, *events, user("and?"), said(HEATING))
        assert list(replayed.spans_by_type) == ["bootstrap"]

    def test_what_a_reset_archived_before_any_prompt_has_a_type_all_the_same(self) -> None:
        before = user("go"), call("1", "read", {"path": "a"}), result("1", RULES), Reset()
        replayed = figures("full", ENOUGH, *before, user("and?"), said("?"), user("!"), said(MUSIC))
        assert set(replayed.spans_by_type) <= {"evidence"}
        assert replayed.spans.available == 0

    @ALL_POLICIES
    @pytest.mark.parametrize("budget", [60, 120, 250, 1_000])
    def test_the_groups_add_up(self, policy: str, budget: int) -> None:
        asked = said(HEATING), user(words(60, "a")), said(words(60, "b")), user("?"), said(MUSIC)
        result = figures(policy, budget, *READ, *asked)
        assert result.spans.spans == 2
        for groups in (result.spans_by_type, result.spans_by_kind, result.spans_by_age):
            parts = [totals.counts() for totals in groups.values()]
            whole = {name: sum(part[name] for part in parts) for name in result.spans.counts()}
            assert whole == result.spans.counts()
            assert all(min(part.values()) >= 0 for part in parts)


class TestTokensSent:
    def test_it_is_the_sum_of_the_prompts(self) -> None:
        """Prompts of 7, 18 and 31 tokens."""
        line = json.loads(figures("full", ENOUGH, *CHAT).to_json())
        assert line["prompt_tokens"] == {"peak": 31, "mean": 18.7, "total": 56}


class TestChurn:
    def test_what_has_just_arrived_has_not_moved(self) -> None:
        assert (figures("full", ENOUGH, *CHAT).moves, figures("full", ENOUGH, *TOOLS).churn) == (
            0,
            0,
        )

    def test_what_leaves_has(self) -> None:
        """The third prompt would have 31 tokens. In 30 there is no room for the request before.

        So its reply and its question leave: 2 moves in 3 prompts.
        """
        result = figures("sliding-window", 30, *CHAT)
        assert (result.moves, result.churn) == (2, 2 / 3)
        assert json.loads(result.to_json())["churn"] == 0.667

    def test_what_waited_for_a_prompt_has_not_moved_when_it_gets_one(self) -> None:
        """Nothing fits beside the question of 40 words; the reset takes it and leaves the rule."""
        events = (system("be brief"), user(words(40)), said("hm"), Reset(), *CHAT)
        result = figures("clawvm", 40, *events)
        assert (result.turns_infeasible, result.moves) == (1, 0)

    def test_nothing_is_moved_where_there_was_no_prompt(self) -> None:
        assert (figures("clawvm", 3, *CHAT).moves, figures("clawvm", 3, *CHAT).churn) == (0, 0.0)


class TestCostAgainstFullHistory:
    def results(self, *bills: tuple[str, int]) -> list[ReplayResult]:
        return [
            ReplayResult("s", policy, "b", "t", 9, bills={"openai": Bill(billed_millitokens=cost)})
            for policy, cost in bills
        ]

    def test_it_is_a_bill_over_that_of_the_whole_history(self) -> None:
        """300 against 400."""
        results = self.results(("lru", 300), ("full", 400))
        relate_to_full(results)
        assert [result.billed_share("openai") for result in results] == [0.75, 1.0]

    def test_it_is_unknown_without_the_whole_history(self) -> None:
        results = self.results(("lru", 300), ("clawvm", 400))
        relate_to_full(results)
        assert [result.billed_share("openai") for result in results] == [None, None]
        assert json.loads(results[0].to_json())["billed_share_of_full"] == {"openai": None}

    def test_it_is_none_where_nothing_was_sent(self) -> None:
        results = self.results(("full", 0))
        relate_to_full(results)
        assert results[0].billed_share("openai") is None


class TestWholeHistory:
    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_it_has_every_span_and_no_fault_break_or_move_of_its_own(self, shape: Any) -> None:
        events = (*READ, said(HEATING), *AGAIN, user("and the music?"), said(MUSIC))
        result = figures("full", 100, *events, shape=shape)
        assert result.spans.available == result.spans.spans == 2
        assert result.faults["refetch"] == result.faults["duplicate-tool"] == 0
        assert result.moves == result.turns_infeasible == 0
        assert {bill.breaks for bill in result.bills.values()} == {0}
