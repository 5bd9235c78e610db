"""Counts are made once per content, within a bound, from any thread."""

from __future__ import annotations

import threading

import pytest

from clawvm.errors import LimitExceeded, TokenCountInvalid
from clawvm.tokens import CallableCounter, CountMemo, digest
from clawvm.tokens import memo as memo_module


class Tally:
    """Counts characters, and how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, text: str) -> int:
        self.calls += 1
        return len(text)


@pytest.fixture
def tally() -> Tally:
    return Tally()


def test_a_digest_is_the_canonical_xxh3_128_of_the_utf_8() -> None:
    assert digest("").hex() == "99aa06d3014798d86001c324468d497f"
    assert digest("caf\u00e9") != digest("cafe\u0301")


def test_a_digest_tells_lone_surrogates_apart() -> None:
    assert digest("\ud800") != digest("\ud801")
    assert len(digest("\ud800")) == 16


def test_a_content_is_counted_once(tally: Tally) -> None:
    memo = CountMemo(CallableCounter(tally, name="tally"))
    assert [memo.count("abc"), memo.count("ab" + "c"), memo.count("abcd")] == [3, 3, 4]
    assert (tally.calls, memo.hits, memo.misses) == (2, 1, 2)


def test_contents_of_one_digest_are_told_apart(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo_module, "digest", lambda text: bytes(16))
    memo = CountMemo(CallableCounter(tally))
    assert [memo.count("a"), memo.count("a" * 1000), memo.count("a")] == [1, 1000, 1]
    assert memo.count_appended("a", "ab") == 2


def test_the_digest_of_a_text_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def note(text: str) -> bytes:
        hashed.append(text)
        return digest(text)

    monkeypatch.setattr(memo_module, "digest", note)
    memo = CountMemo(CallableCounter(len))
    text = "abc" * 100
    memo.count(text)
    assert memo.digest(text) == digest(text)
    memo.count(text)
    assert hashed == [text]


def test_a_text_that_takes_the_place_of_another_has_its_own_digest() -> None:
    memo = CountMemo(CallableCounter(len))
    for number in range(1000):
        text = str(number) * 10  # freed at once, so that the next one may have its address
        assert memo.digest(text) == digest(text)


def test_a_memo_is_a_counter_under_its_counters_name(tally: Tally) -> None:
    memo = CountMemo(CallableCounter(tally, name="tally", exact=False), capacity=8)
    assert (memo.name, memo.exact) == ("tally", False)
    assert repr(memo) == "CountMemo(CallableCounter('tally'), capacity=8)"


def test_a_memo_never_holds_more_than_its_capacity(tally: Tally) -> None:
    memo = CountMemo(CallableCounter(tally), capacity=10)
    for number in range(100):
        memo.count(str(number))
        assert len(memo) <= 10


def test_what_is_asked_for_again_and_again_stays(tally: Tally) -> None:
    memo = CountMemo(CallableCounter(tally), capacity=10)
    for number in range(100):
        memo.count("kept")
        memo.count(str(number))
    assert tally.calls == 101


def test_a_count_that_is_refused_is_not_remembered() -> None:
    answers = iter([-1, 7])
    memo = CountMemo(CallableCounter(lambda text: next(answers)))
    with pytest.raises(TokenCountInvalid):
        memo.count("x")
    assert memo.count("x") == 7


def test_a_capacity_of_nothing_is_refused(tally: Tally) -> None:
    with pytest.raises(LimitExceeded, match="at least 2 counts, found 1"):
        CountMemo(CallableCounter(tally), capacity=1)


def test_threads_share_a_memo(tally: Tally) -> None:
    memo = CountMemo(CallableCounter(tally), capacity=64)
    wrong: list[str] = []

    def work(seed: int) -> None:
        for number in range(500):
            text = "x" * ((number * seed) % 97)
            if memo.count(text) != len(text) or memo.digest(text) != digest(text):
                wrong.append(text)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 5, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert memo.hits + memo.misses == 2000
    assert len(memo) <= 64
