"""What a replay makes of a recording: repeated calls, resets, broken histories, images.

Tokens are words, and every part of a prompt (a text, a call, a result) costs four more.
"""

from __future__ import annotations

from typing import Any

import pytest
from chat_validators import check
from hand_traces import CHAT, TOOLS, Replayed, call, result, said, system, user, words

from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.trace import Clear, Compaction, Event, Reset

ENOUGH = 100_000
BOTH_SHAPES = pytest.mark.parametrize("shape", ["openai", "anthropic"])
ALL_POLICIES = pytest.mark.parametrize("policy", POLICY_NAMES)


def asking_twice(
    name: str, first: str, second: str, headers: tuple[int, int] = (0, 0)
) -> list[Event]:
    """The same call twice, with enough in between to push the first out of a window."""
    return [
        user("go"),
        call("1", name, {"path": "a"}),
        result("1", first, header=headers[0]),
        said(words(30)),
        user("again"),
        call("2", name, {"path": "a"}),
        result("2", second, header=headers[1]),
        said("done"),
    ]


class TestRepeatedCalls:
    """Under 60 tokens a window has dropped the first exchange when the second call is made."""

    SAME = words(15, "same")

    def faults(self, policy: str, budget: int, *events: Event) -> dict[str, int]:
        counts = Replayed(policy, budget, *events).result.faults
        return {name: count for name, count in counts.items() if count}

    def test_fetching_what_was_dropped_is_a_refetch(self) -> None:
        events = asking_twice("read", self.SAME, self.SAME)
        assert self.faults("sliding-window", 60, *events) == {"refetch": 1}

    def test_doing_again_what_was_dropped_is_a_duplicate_tool_call(self) -> None:
        events = asking_twice("book_flight", self.SAME, self.SAME)
        assert self.faults("sliding-window", 60, *events) == {"duplicate-tool": 1}

    def test_another_result_is_news(self) -> None:
        events = asking_twice("read", self.SAME, words(15, "other"))
        assert self.faults("sliding-window", 60, *events) == {}

    def test_other_arguments_are_another_call(self) -> None:
        events = asking_twice("read", self.SAME, self.SAME)
        events[5] = call("2", "read", {"path": "b"})
        assert self.faults("sliding-window", 60, *events) == {}

    def test_what_is_in_the_prompt_is_an_alert_and_no_fault(self) -> None:
        events = asking_twice("read", self.SAME, self.SAME)
        assert self.faults("sliding-window", 200, *events) == {"duplicate-signature": 1}

    def test_what_is_one_recall_away_is_neither(self) -> None:
        lines = "\n".join(f"row {number}: {words(6)}" for number in range(40))
        between: list[Event] = []
        for number in range(4):
            between += [
                call(f"b{number}", "read", {"path": f"b{number}"}),
                result(f"b{number}", "beta"),
            ]
        events = asking_twice("read", lines, lines)
        events[4:4] = between
        # Four results later the first one is a pointer: there, and one recall away.
        replayed = Replayed("tool-clearing", ENOUGH, *events)
        before = max(replayed.levels) - 1
        assert replayed.levels[before]["read:a"] == "pointer"
        assert not any(replayed.result.faults.values())

    def test_recorded_headers_are_skipped_in_the_comparison(self) -> None:
        first, second = f"Wall time: 0.1 s\n{self.SAME}", f"Wall time: 12 s\n{self.SAME}"
        assert self.faults("sliding-window", 60, *asking_twice("read", first, second)) == {}
        headers = first.index("same0"), second.index("same0")
        events = asking_twice("read", first, second, headers)
        assert self.faults("sliding-window", 60, *events) == {"refetch": 1}


class TestLifecycle:
    def test_a_reset_leaves_the_rules_and_what_came_after(self) -> None:
        replayed = Replayed(
            "full", ENOUGH, system("be brief"), *CHAT[:4], Reset(), user("new topic"), said("yes")
        )
        assert [message["content"] for message in replayed.last] == ["be brief", "new topic"]
        assert replayed.result.pages == {"bootstrap": 1, "conversation": 1}

    def test_what_arrived_before_a_reset_in_the_same_turn_goes_with_it(self) -> None:
        replayed = Replayed("full", ENOUGH, *CHAT[:2], user("old"), Reset(), user("new"), said("y"))
        assert [message["content"] for message in replayed.last] == ["new"]

    def test_a_call_that_a_reset_cut_off_breaks_nothing(self) -> None:
        replayed = Replayed(
            "clawvm",
            ENOUGH,
            user("go"),
            call("1", "read", {"path": "a"}),
            Reset(),
            result("1", "too late"),
            user("new topic"),
            said("yes"),
        )
        check(replayed.last, "openai")
        # Its call is gone, so what it said is shown as a message.
        assert [message["role"] for message in replayed.last] == ["user", "user"]

    @pytest.mark.parametrize(("trigger", "epochs"), [("manual", 1), ("auto", 0), (None, 0)])
    def test_only_a_compaction_that_the_user_asked_for_is_done(
        self, trigger: Any, epochs: int
    ) -> None:
        compacted = [*CHAT[:4], Compaction(trigger=trigger, summary="they counted"), *CHAT[4:]]
        replayed = Replayed("clawvm", ENOUGH, *compacted)
        assert replayed.result.epochs == epochs
        assert "they counted" not in str(replayed.last)

    def test_recorded_clearings_are_the_recording_harness_s_own(self) -> None:
        cleared = [*TOOLS[:-2], Clear(call_ids=("0",)), *TOOLS[-2:]]
        assert Replayed("full", ENOUGH, *cleared).last == Replayed("full", ENOUGH, *TOOLS).last


class TestBrokenRecordings:
    @BOTH_SHAPES
    @ALL_POLICIES
    def test_a_call_without_a_result_is_mended(self, policy: str, shape: Any) -> None:
        events = [
            user("go"),
            call("1", "read", {"path": "a"}),
            call("2", "read", {"path": "b"}),
            result("2", "beta"),
            said("only b came"),
            user("and now?"),
            said("still"),
        ]
        replayed = Replayed(policy, ENOUGH, *events, shape=shape)
        assert replayed.result.repairs == 1
        check(replayed.last, shape)

    @BOTH_SHAPES
    @ALL_POLICIES
    def test_a_result_without_a_call_is_shown_as_a_message(self, policy: str, shape: Any) -> None:
        events = [user("go"), result("lost", "what a lost call found"), said("fine")]
        replayed = Replayed(policy, ENOUGH, *events, shape=shape)
        assert replayed.result.repairs == 0
        assert "what a lost call found" in str(replayed.last)
        check(replayed.last, shape)

    @BOTH_SHAPES
    def test_a_result_that_comes_a_request_late_is_shown_as_a_message(self, shape: Any) -> None:
        events = [
            user("go"),
            call("1", "read", {"path": "a"}),
            user("never mind"),
            said("all right"),
            result("1", "alpha at last"),
            said("thanks"),
        ]
        replayed = Replayed("full", ENOUGH, *events, shape=shape)
        check(replayed.last, shape)
        assert "alpha at last" in str(replayed.last)

    @BOTH_SHAPES
    def test_blank_texts_are_left_out(self, shape: Any) -> None:
        events = [user("go"), user(" \n"), said(""), call("1", "read", {}), result("1", "")]
        replayed = Replayed("full", ENOUGH, *events, said("done"), shape=shape)
        check(replayed.last, shape)


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aA=="}}
LINK = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}


class TestContentThatIsNoText:
    def test_an_image_reaches_the_prompt_as_it_was(self) -> None:
        replayed = Replayed(
            "clawvm",
            ENOUGH,
            user("look", opaque=(IMAGE,)),
            call("1", "screenshot", {}),
            result("1", "taken", opaque=(IMAGE,)),
            said("a cat"),
            shape="anthropic",
        )
        check(replayed.last, "anthropic")
        asked, _, answered = replayed.last
        assert asked["content"] == [{"type": "text", "text": "look"}, IMAGE]
        assert answered["content"][0]["content"][1] == IMAGE

    def test_an_image_alone_is_a_message(self) -> None:
        replayed = Replayed("clawvm", ENOUGH, user("", opaque=(LINK,)), said("a cat"))
        check(replayed.last, "openai")
        assert replayed.last == [{"role": "user", "content": [LINK]}]

    def test_free_text_arguments_are_a_custom_call_for_openai(self) -> None:
        patch = "*** Begin Patch\n*** End Patch"
        events = [user("go"), call("1", "apply_patch", patch), result("1", "ok"), said("done")]
        replayed = Replayed("full", ENOUGH, *events)
        check(replayed.last, "openai")
        assert replayed.last[1]["tool_calls"] == [
            {"id": "1", "type": "custom", "custom": {"name": "apply_patch", "input": patch}}
        ]

    def test_free_text_arguments_are_the_only_field_for_anthropic(self) -> None:
        patch = "*** Begin Patch\n*** End Patch"
        events = [user("go"), call("1", "apply_patch", patch), result("1", "ok"), said("done")]
        replayed = Replayed("full", ENOUGH, *events, shape="anthropic")
        check(replayed.last, "anthropic")
        assert replayed.last[1]["content"][0]["input"] == {"input": patch}
