"""A recorded request as chat messages of either format, and where its blocks are found again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hand_traces import call, result, said, system, trace, user

from clawvm.messages import PartKind
from clawvm.replay.blocks import Turn, turns_of
from clawvm.replay.messages import Place, input_messages, places_of, reply_message
from clawvm.replay.trace import Abort, Event
from clawvm.session import Entry

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aA=="}}


def turn(*events: Event) -> Turn:
    """The first request of a session."""
    return turns_of(trace(*events))[0]


def wrote(*events: Event, shape: Any) -> Any:
    return reply_message(turn(user("go"), *events).outputs, shape)


def arrived(*events: Event, shape: Any, open_calls: tuple[str, ...] = ()) -> list[Any]:
    steps = turn(*events, said("done")).inputs
    return [message for message, _ in input_messages(steps, set(open_calls), shape)]


class TestReply:
    def test_one_text(self) -> None:
        assert wrote(said("hello"), shape="openai") == {"role": "assistant", "content": "hello"}
        assert wrote(said("hello"), shape="anthropic") == {
            "role": "assistant",
            "content": [{"type": "text", "text": "hello"}],
        }

    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_several_texts_stay_apart(self, shape: Any) -> None:
        content = wrote(said("a", reply="r"), said("b", reply="r"), shape=shape)["content"]
        assert content == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    def test_calls_for_openai(self) -> None:
        message = wrote(call("1", "read", {"path": "ä"}), call("2", "patch", "***"), shape="openai")
        assert message["content"] is None
        first, second = message["tool_calls"]
        assert json.loads(first["function"].pop("arguments")) == {"path": "ä"}
        assert first == {"id": "1", "type": "function", "function": {"name": "read"}}
        assert second == {"id": "2", "type": "custom", "custom": {"name": "patch", "input": "***"}}

    def test_calls_for_anthropic_follow_the_texts(self) -> None:
        message = wrote(call("1", "read", {"path": "a"}), said("I look."), shape="anthropic")
        assert message["content"] == [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "1", "name": "read", "input": {"path": "a"}},
        ]

    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_nothing_but_blanks_is_no_message(self, shape: Any) -> None:
        assert wrote(said(" \n"), shape=shape) is None
        assert reply_message([], shape) is None


class TestInputs:
    def test_roles_are_kept(self) -> None:
        messages = arrived(system("be brief"), user("hello"), shape="openai")
        assert messages == [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
        ]

    def test_the_origin_comes_with_the_message(self) -> None:
        steps = turn(user("rules", origin="instructions"), user("hello"), said("yes")).inputs
        assert [origin for _, origin in input_messages(steps, set(), "openai")] == [
            "instructions",
            None,
        ]

    def test_results_for_openai_are_a_message_each(self) -> None:
        messages = arrived(
            result("1", "a"), result("2", "b"), shape="openai", open_calls=("1", "2")
        )
        assert messages == [
            {"role": "tool", "tool_call_id": "1", "content": "a"},
            {"role": "tool", "tool_call_id": "2", "content": "b"},
        ]

    def test_results_for_anthropic_are_blocks_of_one_message(self) -> None:
        events = [result("1", "a"), result("2", "b", is_error=True), user("go on")]
        messages = arrived(*events, shape="anthropic", open_calls=("1", "2"))
        assert messages == [
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "a"},
                    {"type": "tool_result", "tool_use_id": "2", "content": "b", "is_error": True},
                ],
            },
            {"role": "user", "content": "go on"},
        ]

    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_a_second_result_of_a_call_is_a_user_message(self, shape: Any) -> None:
        events = [result("1", "first"), result("1", "second")]
        messages = arrived(*events, shape=shape, open_calls=("1",))
        assert messages[1] == {"role": "user", "content": "second"}

    def test_an_image_follows_its_text(self) -> None:
        messages = arrived(user("look", opaque=(IMAGE,)), shape="anthropic")
        assert messages == [{"role": "user", "content": [{"type": "text", "text": "look"}, IMAGE]}]

    def test_openai_s_tool_messages_hold_text_only(self) -> None:
        messages = arrived(result("1", "a", opaque=(IMAGE,)), shape="openai", open_calls=("1",))
        assert messages == [{"role": "tool", "tool_call_id": "1", "content": "a"}]

    def test_blanks_are_no_message(self) -> None:
        assert arrived(user("\t"), shape="openai") == []

    def test_life_events_are_no_message(self) -> None:
        steps = turn(user("a"), Abort(), user("b"), said("done")).before
        messages = [message["content"] for message, _ in input_messages(steps, set(), "openai")]
        assert messages == ["a", "b"]


class TestPlaces:
    def test_calls_and_results_are_found_by_their_ids_and_texts_by_their_order(self) -> None:
        turns = turns_of(
            trace(
                user("go"),
                said("I look.", reply="r"),
                call("1", "read", {"path": "a"}, reply="r"),
                call("2", "read", {"path": "b"}, reply="r"),
                result("2", "beta"),
                result("1", "alpha"),
                user("and?"),
                said("done"),
            )
        )
        entries = [
            Entry(PartKind.TEXT, None, "assistant", 0),
            Entry(PartKind.CALL, "1", "read:a", 0),
            Entry(PartKind.CALL, "2", "read:b", 0),
            Entry(PartKind.RESULT, "2", "read:b", 1),
            Entry(PartKind.RESULT, "1", "read:a", 1),
            Entry(PartKind.TEXT, None, "user#2", 0),
        ]
        steps = [*turns[0].outputs, *turns[1].inputs]
        assert places_of(steps, entries) == {
            1: Place("assistant", 0),
            2: Place("read:a", 0),
            3: Place("read:b", 0),
            4: Place("read:b", 1),
            5: Place("read:a", 1),
            6: Place("user#2", 0),
        }

    def test_what_a_repair_added_belongs_to_no_block(self) -> None:
        steps = [*turn(user("go"), call("1", "read", {}), user("stop"), said("ok")).outputs]
        entries = [
            Entry(PartKind.CALL, "1", "read:", 0),
            Entry(PartKind.RESULT, "1", "read:", 1),
        ]
        assert places_of(steps, entries) == {1: Place("read:", 0)}

    def test_a_result_without_its_call_is_a_text(self) -> None:
        steps = turn(user("go"), result("lost", "found"), said("ok")).inputs
        entries = [
            Entry(PartKind.TEXT, None, "user", 0),
            Entry(PartKind.TEXT, None, "user#2", 0),
        ]
        assert places_of(steps, entries) == {0: Place("user", 0), 1: Place("user#2", 0)}

    def test_a_blank_text_has_no_place(self) -> None:
        steps = turn(user(" "), user("go"), said("ok")).inputs
        assert places_of(steps, [Entry(PartKind.TEXT, None, "user", 0)]) == {1: Place("user", 0)}
