"""A replay's figures on sessions small enough to work them out by hand.

Tokens are words, and every part of a prompt (a text, a call, a result) costs four more.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hand_traces import CHAT, TOOLS, Replayed, call, result, said, system, trace, user, words

from clawvm.errors import BudgetInvalid, PolicyUnknown
from clawvm.messages import prompt_tokens
from clawvm.replay import Recording, replay
from clawvm.replay.availability import SpanTotals
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.trace import Abort, Event, Reset, Resume, Thinking

ENOUGH = 100_000
BOTH_SHAPES = pytest.mark.parametrize("shape", ["openai", "anthropic"])
ALL_POLICIES = pytest.mark.parametrize("policy", POLICY_NAMES)


class TestTurns:
    def test_a_request_is_a_turn(self) -> None:
        replayed = Replayed("full", ENOUGH, *CHAT)
        assert replayed.result.turns == 3
        assert sorted(replayed.prompts) == [0, 1, 2]

    def test_inputs_that_were_never_answered_are_no_turn(self) -> None:
        replayed = Replayed("full", ENOUGH, *CHAT, user("anybody there?"))
        assert replayed.result.turns == 3
        assert "anybody there?" not in str(replayed.last)

    def test_a_session_without_a_reply_has_no_turn_and_no_figure_fails(self) -> None:
        figures = Replayed("clawvm", ENOUGH, user("anybody there?")).result
        assert (figures.turns, figures.prompt_peak, figures.prompt_mean) == (0, 0, 0.0)
        assert figures.timing() == {"median_us": 0.0, "p99_us": 0.0}

    def test_parallel_calls_of_one_reply_are_one_turn(self) -> None:
        replayed = Replayed(
            "full",
            ENOUGH,
            user("compare"),
            call("1", "read", {"path": "a"}, reply="r"),
            result("1", "alpha"),
            call("2", "read", {"path": "b"}, reply="r"),
            result("2", "beta"),
            said("they differ", reply="s"),
            shape="anthropic",
        )
        assert replayed.result.turns == 2
        assert [message["role"] for message in replayed.last] == ["user", "assistant", "user"]

    def test_thinking_and_life_events_are_in_no_prompt(self) -> None:
        quiet = [CHAT[0], Thinking(text="hmm"), Resume(), *CHAT[1:3], Abort(), *CHAT[3:]]
        noted = Replayed("full", ENOUGH, *quiet)
        assert noted.last == Replayed("full", ENOUGH, *CHAT).last
        assert noted.result.turns == 3


class TestPromptTokens:
    def test_peak_and_mean(self) -> None:
        figures = Replayed("full", ENOUGH, *CHAT).result
        assert figures.prompt_peak == 31
        assert figures.prompt_mean == (7 + 18 + 31) / 3

    @ALL_POLICIES
    @BOTH_SHAPES
    def test_the_plan_says_what_a_recount_of_the_messages_says(
        self, policy: str, shape: Any
    ) -> None:
        replayed = Replayed(policy, 60, *TOOLS, shape=shape)
        assert replayed.prompts
        for prompt in replayed.prompts.values():
            messages = list(prompt.messages)
            if prompt.system is not None:
                messages.insert(0, {"role": "system", "content": prompt.system})
            assert prompt.tokens == prompt_tokens(messages, shape, lambda text: len(text.split()))

    def test_the_whole_history_is_counted_over_a_budget_it_does_not_know(self) -> None:
        figures = Replayed("full", 18, *CHAT).result
        assert (figures.turns_over_budget, figures.budget_tokens) == (1, 18)

    @pytest.mark.parametrize("policy", [name for name in POLICY_NAMES if name != "full"])
    def test_no_other_policy_is_ever_over(self, policy: str) -> None:
        figures = Replayed(policy, 60, *TOOLS).result
        assert figures.turns_over_budget == 0
        assert 0 < figures.prompt_peak <= 60


class TestPages:
    def test_a_call_and_its_result_are_one_page_of_evidence(self) -> None:
        figures = Replayed(
            "clawvm",
            ENOUGH,
            system("be brief"),
            user("rules", origin="instructions"),
            user("what is in a?"),
            call("1", "read", {"path": "a"}),
            result("1", "alpha"),
            said("alpha"),
        ).result
        # The last reply is no page: nothing was asked after it.
        assert figures.pages == {"bootstrap": 2, "conversation": 1, "evidence": 1}


QUOTED = "The heating in the study stays below nineteen degrees at night."


class TestSpanAvailability:
    """The model reads a sentence among other lines and quotes it two requests later."""

    PAGE = "\n".join(
        [
            *(f"rule {number}: {words(8)}" for number in range(10)),
            QUOTED,
            *(f"rule {number}: {words(8)}" for number in range(10, 20)),
        ]
    )
    EVENTS: tuple[Event, ...] = (
        user("read the house rules"),
        call("1", "read", {"path": "rules.txt"}),
        result("1", PAGE),
        said("read"),
        user("and the heating?"),
        said(QUOTED),
    )

    def totals(self, policy: str, budget: int, *events: Event, shape: Any = "openai") -> SpanTotals:
        return Replayed(policy, budget, *(events or self.EVENTS), shape=shape).result.spans

    @BOTH_SHAPES
    def test_what_is_shown_whole_is_available(self, shape: Any) -> None:
        assert self.totals("full", ENOUGH, shape=shape) == SpanTotals(1, 1, 0)

    def test_what_a_window_dropped_is_lost(self) -> None:
        # The page has more than 200 tokens; it fits as the tail of its own request only.
        assert self.totals("sliding-window", 250, *self.long_after()) == SpanTotals(1, 0, 0)

    def test_what_a_pointer_stands_for_is_one_recall_away(self) -> None:
        assert self.totals("lru", 250, *self.long_after()) == SpanTotals(1, 0, 1)

    def long_after(self) -> tuple[Event, ...]:
        return (*self.EVENTS[:4], user(words(60, "a")), said(words(60, "b")), *self.EVENTS[4:])

    def test_what_came_with_the_last_request_is_not_measured(self) -> None:
        events = (*self.EVENTS[:3], said(QUOTED))
        assert self.totals("full", ENOUGH, *events) == SpanTotals(0, 0, 0)

    def test_nobody_can_quote_what_a_reset_threw_away(self) -> None:
        events = (*self.EVENTS[:4], Reset(), *self.EVENTS[4:])
        assert self.totals("full", ENOUGH, *events) == SpanTotals(0, 0, 0)

    @BOTH_SHAPES
    def test_what_the_model_wrote_itself_can_be_quoted(self, shape: Any) -> None:
        wrote = call("1", "write", {"path": "notes.txt", "text": f"Notes\n{QUOTED}\nEnd"})
        events = (user("note it"), wrote, result("1", "ok"), said("noted"), *self.EVENTS[4:])
        assert self.totals("full", ENOUGH, *events, shape=shape) == SpanTotals(1, 1, 0)

    def test_windows_line_ends_do_not_hide_a_source(self) -> None:
        page = f"first {QUOTED[:45]}\r\n{QUOTED} last"
        quoted = f"{QUOTED[:45]}\n{QUOTED}"
        events = (
            *self.EVENTS[:2],
            result("1", page),
            *self.EVENTS[3:5],
            said(quoted),
        )
        assert self.totals("full", ENOUGH, *events) == SpanTotals(1, 1, 0)

    def test_a_turn_without_a_prompt_leaves_its_spans_unavailable(self) -> None:
        events = (system(words(50, "s")), *self.EVENTS)
        replayed = Replayed("clawvm", 20, *events)
        assert replayed.result.turns_infeasible == 3
        assert replayed.result.spans == SpanTotals(1, 0, 0)


class TestPrefixTokensKept:
    def test_an_append_only_prompt_keeps_all_of_the_last_one(self) -> None:
        # Nothing of the first prompt can be kept; then all 7 and all 18 tokens are.
        assert Replayed("full", ENOUGH, *CHAT).result.prefix_tokens_kept == 0 + 7 + 18

    def test_a_window_that_moves_keeps_what_stands_before_the_first_change(self) -> None:
        events = [system("be brief"), *CHAT]
        # Prompts: rules 6 + 7, then + 6 + 5, then + 6 + 7 = 37. Under 32 the last one drops the
        # reply and question in between (they came in with one request; the first question is
        # pinned), so of the 24 tokens before the rules and the question, 13, are kept.
        figures = Replayed("sliding-window", 32, *events).result
        assert figures.prompt_peak == 26
        assert figures.prefix_tokens_kept == 0 + 13 + 13


class TestEpochs:
    def test_a_session_that_fits_has_none(self) -> None:
        assert Replayed("clawvm", 31, *CHAT).result.epochs == 0

    def test_making_room_is_one(self) -> None:
        assert Replayed("clawvm", 30, *CHAT).result.epochs == 1


class TestInfeasible:
    def test_turns_without_a_prompt_are_counted_and_not_averaged(self) -> None:
        # The rules come with the second request; with them no prompt fits.
        events = [CHAT[0], CHAT[1], system(words(50, "s")), *CHAT[2:]]
        replayed = Replayed("clawvm", 40, *events)
        assert replayed.result.turns == 3
        assert replayed.result.turns_infeasible == 2
        assert sorted(replayed.prompts) == [0]
        assert replayed.result.prompt_mean == replayed.result.prompt_peak == 7
        assert replayed.result.faults["pinned-invariant-miss"] >= 2

    def test_a_session_of_nothing_else_has_figures_all_the_same(self) -> None:
        figures = Replayed("clawvm", 3, *CHAT).result
        assert figures.turns_infeasible == figures.turns == 3
        assert figures.prompt_mean == 0.0
        json.loads(figures.to_json())


class TestPlanDigest:
    def digest(self, policy: str, budget: int, *events: Event) -> str:
        return Replayed(policy, budget, *events).result.plan_digest

    @ALL_POLICIES
    def test_the_same_input_gives_the_same_digest(self, policy: str) -> None:
        assert self.digest(policy, 60, *TOOLS) == self.digest(policy, 60, *TOOLS)

    def test_another_decision_changes_it(self) -> None:
        assert self.digest("clawvm", 60, *TOOLS) != self.digest("clawvm", 70, *TOOLS)

    def test_a_budget_that_is_never_reached_does_not(self) -> None:
        assert self.digest("clawvm", 10_000, *TOOLS) == self.digest("clawvm", 20_000, *TOOLS)

    def test_a_request_that_could_not_be_built_changes_it(self) -> None:
        rules = system(words(50, "s"))
        assert self.digest("clawvm", 3, rules, *CHAT) != self.digest("clawvm", 4, rules, *CHAT)


class TestJson:
    def test_the_keys_are_those_that_are_documented(self) -> None:
        line = Replayed("clawvm", 60, *TOOLS).result.to_json()
        assert b"\n" not in line
        figures = json.loads(line)
        assert list(figures) == [
            "trace",
            "policy",
            "backend",
            "tokens",
            "budget_tokens",
            "turns",
            "pages",
            "prompt_tokens",
            "turns_over_budget",
            "turns_infeasible",
            "faults",
            "span_availability",
            "prefix_tokens_kept",
            "epochs",
            "repairs",
            "plan_digest",
            "timing",
            "hits",
            "thrash_index",
            "moves",
            "churn",
            "bills",
            "billed_share_of_full",
        ]
        assert list(figures["prompt_tokens"]) == ["peak", "mean", "total"]
        assert list(figures["span_availability"]) == [
            "spans",
            "available",
            "one_recall_away",
            "gone",
            "by_type",
            "by_kind",
            "by_age",
        ]
        assert list(figures["bills"]) == list(figures["billed_share_of_full"])
        assert list(figures["timing"]) == ["median_us", "p99_us"]
        assert len(figures["plan_digest"]) == 32

    def test_a_decision_of_every_turn_is_timed(self) -> None:
        figures = Replayed("clawvm", 60, *TOOLS).result
        assert len(figures.turn_us) == figures.turns
        assert figures.timing()["p99_us"] >= figures.timing()["median_us"] > 0


class TestRefusals:
    def test_an_unknown_policy(self) -> None:
        with pytest.raises(PolicyUnknown, match="'fifo'"):
            Replayed("fifo", ENOUGH, *CHAT)

    @pytest.mark.parametrize("budget", [0, -5, 1.5, True])
    def test_a_budget_that_is_no_positive_whole_number(self, budget: Any) -> None:
        with pytest.raises(BudgetInvalid, match="above 0"):
            Replayed("clawvm", budget, *CHAT)

    @pytest.mark.parametrize("budget", [0, -5])
    def test_the_same_budget_for_the_policy_that_has_none(self, budget: int) -> None:
        with pytest.raises(BudgetInvalid, match="above 0"):
            Replayed("full", budget, *CHAT)


def test_a_recording_serves_any_number_of_replays() -> None:
    class Characters:
        name = "characters"
        exact = True

        def count(self, text: str) -> int:
            return len(text)

    recording = Recording.of("twice", trace(*TOOLS))
    first, second = (replay(recording, "clawvm", 900, Characters()) for _ in range(2))
    assert first.plan_digest == second.plan_digest
    assert (first.trace, first.tokens) == ("twice", "characters")
