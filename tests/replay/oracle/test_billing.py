"""The least bill, by hand: what of a prompt no cache can have."""

from __future__ import annotations

from typing import Any

from hand_traces import CHAT, TOOLS, Words, call, result, said, trace, user, words

from clawvm.replay import Recording
from clawvm.replay.oracle import Ground, billed_bound, grounds
from clawvm.replay.trace import Event


def price(sent: int, read: int) -> int:
    return 100 * read + 1250 * (sent - read)


def faced(*events: Event, budget: int = 1_000, shape: Any = "openai") -> list[Ground]:
    return grounds(Recording.of("by hand", trace(*events, shape=shape)), budget, Words())


def test_of_the_first_prompt_nothing_can_be_read() -> None:
    assert (faced(*CHAT)[0].floor_tokens, faced(*CHAT)[0].new_tokens) == (7, 7)


def test_the_tail_of_a_chat_is_new() -> None:
    """Floors: the first message; it and the tail of 6 + 5 tokens; of 6 + 7.

    "seven eight" begins as "six" does, and what is alike costs a part's 4 tokens and one a byte.
    """
    requests = faced(*CHAT)
    assert [ground.floor_tokens for ground in requests] == [7, 18, 20]
    assert [ground.new_tokens for ground in requests] == [7, 11, 13 - 5]
    new, read = 7 + 11 + 8, 7 + 12
    assert billed_bound(requests, price) == 1250 * new + 100 * read


def test_a_text_that_an_older_one_equals_may_be_read_in_its_stead() -> None:
    """A policy may have dropped the first "go on" and what it was an answer to."""
    requests = faced(
        user("begin"),
        said("go on?"),
        user("go on"),
        said("go on?"),
        user("go on"),
        said("done"),
    )
    assert [ground.new_tokens for ground in requests] == [5, 6 + 6, 0]


def test_a_text_that_begins_as_an_older_one_is_new_behind_that() -> None:
    long = words(60)
    requests = faced(
        user(long),
        said("x"),
        user("a"),
        said(f"{words(2)} {words(60, 'other')}"),
        user("go"),
        said("y"),
    )
    alike = len(f"{words(2)} ".encode())
    assert requests[2].new_tokens == (62 + 4) - (alike + 4) + (1 + 4)


def test_a_call_is_new_whatever_it_says() -> None:
    same = {"path": "a"}
    requests = faced(
        user("begin"),
        call("1", "read", same),
        result("1", "alpha"),
        call("2", "read", same),
        result("2", "alpha"),
        said("done"),
    )
    assert requests[2].new_tokens == requests[2].floor_tokens - 5


def test_a_prompt_that_cannot_be_built_is_not_billed() -> None:
    requests = faced(*CHAT, budget=17)
    assert [ground.room_tokens >= 0 for ground in requests] == [True, True, True]
    short = faced(user(words(50)), said("ok"), user("go"), said("done"), budget=20)
    assert all(ground.room_tokens < 0 for ground in short)
    assert billed_bound(short, price) == 0


def test_both_formats_face_the_same_floor() -> None:
    floors = [
        [ground.floor_tokens for ground in faced(*TOOLS, shape=shape)]
        for shape in ("openai", "anthropic")
    ]
    assert floors[0] == floors[1]
