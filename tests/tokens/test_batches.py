"""Many texts are counted at once: the same counts, in their order, on all cores."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawvm.tokens import (
    ApproximateCounter,
    CallableCounter,
    CountMemo,
    TiktokenCounter,
    ToktokCounter,
    exact,
)
from clawvm.tokens.batches import in_threads, threads_for
from clawvm.tokens.exact import EncodingCounter


class Halls(EncodingCounter):
    """Counts characters, and notes in what company a text was counted."""

    name = "characters"

    def __init__(self) -> None:
        self.alone: list[str] = []
        self.together: list[list[str]] = []

    def count(self, text: str) -> int:
        self.alone.append(text)
        return len(text)

    def count_many(self, texts: Sequence[str]) -> list[int]:
        self.together.append(list(texts))
        return [len(text) for text in texts]


@given(st.lists(st.text(max_size=30), max_size=40), st.integers(0, 6))
def test_counts_come_in_the_order_of_the_texts(texts: list[str], threads: int) -> None:
    assert in_threads(len, texts, threads) == [len(text) for text in texts]


def test_each_thread_gets_its_share() -> None:
    """Both halves have to be counted at the same time for either to end."""
    meeting = threading.Barrier(2, timeout=60)

    def count(text: str) -> int:
        return len(text) + meeting.wait() * 0

    assert in_threads(count, ["a" * 10, "b" * 10], 2) == [10, 10]


def test_what_a_count_raises_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda text: 1 // len(text), ["a", ""], 2)


def test_threads_are_for_who_has_enough_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert threads_for([], 10) == 1
    assert threads_for(["x" * 19], 10) == 1
    assert threads_for(["x" * 10] * 2, 10) == 2
    assert threads_for(["x" * 10] * 50, 10) == 4


@pytest.fixture(params=[TiktokenCounter, ToktokCounter])
def counter(request: pytest.FixtureRequest, at_hand: Path) -> EncodingCounter:
    found: EncodingCounter = request.param("o200k_base")
    return found


@pytest.mark.parametrize("chars_per_thread", [1, 1 << 40])
def test_a_batch_counts_as_its_texts_do(
    counter: EncodingCounter, chars_per_thread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    monkeypatch.setattr(exact, "_TIKTOKEN_CHARS_PER_THREAD", chars_per_thread)
    monkeypatch.setattr(exact, "_TOKTOK_CHARS_PER_THREAD", chars_per_thread)
    texts = ["hello world", "", "lone \ud800", "<|endoftext|>", " " * 200_000, "caf\u00e9 " * 50]
    assert counter.count_many(texts) == [counter.count(text) for text in texts]
    assert counter.count_many(texts[:1] * 3) == [2, 2, 2]
    assert counter.count_many([]) == []


def test_a_memo_counts_ahead_what_it_does_not_know() -> None:
    halls = Halls()
    memo = CountMemo(halls)
    long, longer = "a" * 60_000, "b" * 60_000
    memo.count(long)
    memo.count_ahead(iter([long, longer, "c", longer]))
    assert halls.together == [[longer, "c"]]
    assert [memo.count(text) for text in (long, longer, "c")] == [60_000, 60_000, 1]
    assert halls.alone == [long]


def test_a_memo_counts_little_when_it_is_asked() -> None:
    halls = Halls()
    CountMemo(halls).count_ahead(["a", "b"])
    assert (halls.alone, halls.together) == ([], [])


def test_a_memo_counts_no_more_ahead_than_it_can_keep() -> None:
    halls = Halls()
    memo = CountMemo(halls, capacity=4)
    texts = [letter * 40_000 for letter in "abcd"]
    memo.count_ahead(texts)
    assert halls.together == [texts[:2]]


@pytest.mark.parametrize("plain", [ApproximateCounter(), CallableCounter(len)])
def test_a_counter_that_holds_the_gil_is_not_asked_ahead(
    plain: ApproximateCounter | CallableCounter,
) -> None:
    memo = CountMemo(plain)
    memo.count_ahead(["a" * 100_000, "b" * 100_000])
    assert (len(memo), memo.misses) == (0, 0)
