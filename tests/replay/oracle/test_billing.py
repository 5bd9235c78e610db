"""The least bill, by hand: what of a prompt no cache can have."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hand_traces import CHAT, TOOLS, Words, call, result, said, trace, user, words
from hypothesis import given
from hypothesis import strategies as st

from clawvm.pages import Fidelity
from clawvm.replay import Recording
from clawvm.replay.oracle import Ground, Option, billed_bound, grounds
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


def test_a_picture_may_be_one_that_was_there() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    requests = faced(
        user("begin"),
        said("ok"),
        user("look", opaque=(picture,)),
        said("ok"),
        user("look", opaque=(picture,)),
        said("done"),
        budget=10_000,
    )
    assert [ground.new_tokens > 1_000 for ground in requests] == [False, True, False]


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


class TestWithSpansAvailable:
    """Two texts of 34 tokens; the last reply quotes both, its floor is 5 + 5 + 5."""

    REQUESTS = faced(
        user("begin"),
        said("ok"),
        user(words(30, "alpha")),
        said("yes"),
        user(words(30, "beta")),
        said("sure"),
        user("now"),
        said(f"{words(30, 'alpha')} and {words(30, 'beta')}"),
    )

    def test_each_is_sent_once_more_and_read_at_best(self) -> None:
        bare = billed_bound(self.REQUESTS, price)
        assert bare is not None
        assert billed_bound(self.REQUESTS, price, available=1) == bare + 34 * 100
        assert billed_bound(self.REQUESTS, price, available=2) == bare + 68 * 100

    def test_more_than_there_are_no_policy_has(self) -> None:
        assert billed_bound(self.REQUESTS, price, available=3) is None

    def test_nor_more_than_fit(self) -> None:
        tight = [replace(ground, room_tokens=40) for ground in self.REQUESTS]
        assert billed_bound(tight, price, available=1) is not None
        assert billed_bound(tight, price, available=2) is None


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=3),
        max_size=4,
    ),
    st.integers(0, 6),
)
def test_the_least_bill_is_the_least_over_all_ways_to_share_the_spans(
    requests: list[list[tuple[int, int]]], available: int
) -> None:
    """Each request has pages of some tokens that hold spans of their own, apart from each other."""
    grounds = []
    for pages in requests:
        options, spans = [], 0
        for number, (tokens, held) in enumerate(pages):
            if held:
                numbers = tuple(range(spans, spans + held))
                options.append(Option(str(number), Fidelity.FULL, tokens, numbers))
            spans += held
        grounds.append(Ground(len(grounds), 10, 12, 4, spans, tuple(options)))
    bills = []
    for ways in itertools.product(*(subsets(ground.options) for ground in grounds)):
        tokens = [sum(option.more_tokens for option in taken) for taken in ways]
        shown = sum(len(option.spans) for taken in ways for option in taken)
        if shown >= available and max(tokens, default=0) <= 12:
            bills.append(sum(price(10 + more, 6 + more) for more in tokens))
    assert billed_bound(grounds, price, available) == min(bills, default=None)


def subsets(options: tuple[Option, ...]) -> list[tuple[Option, ...]]:
    counts = range(len(options) + 1)
    return [taken for count in counts for taken in itertools.combinations(options, count)]
