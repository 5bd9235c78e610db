"""`counter` and `best_counter`: what is asked for, or a typed error."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawvm.errors import ClawVMError, TokenCountInvalid, TokenizerUnavailable
from clawvm.tokens import (
    ApproximateCounter,
    CallableCounter,
    CountMemo,
    TiktokenCounter,
    TokenCounter,
    ToktokCounter,
    best_counter,
    counter,
    counters,
    exact,
)


class OwnCounter:
    """A counter as a caller might write it."""

    name = "words"
    exact = False

    def count(self, text: str) -> int:
        return len(text.split()) - text.count("minus") * 2


@pytest.fixture
def no_toktok(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra fast-tokens were not installed."""
    monkeypatch.setattr(exact, "find_spec", lambda name: None)
    counters._exact.cache_clear()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    counters._exact.cache_clear()


def test_toktok_is_taken_when_it_is_installed() -> None:
    pytest.importorskip("toktok")
    assert isinstance(counter("o200k_base"), ToktokCounter)
    assert isinstance(counter("gpt-4"), ToktokCounter)
    assert isinstance(counter("gpt-oss-120b"), ToktokCounter)
    assert isinstance(best_counter(), ToktokCounter)


@pytest.mark.usefixtures("at_hand", "no_toktok")
def test_tiktoken_is_taken_when_toktok_is_not_installed() -> None:
    found = counter("gpt-4o")
    assert isinstance(found, TiktokenCounter)
    assert (found.name, found.exact, found.count("hello world")) == ("o200k_base", True, 2)


@pytest.mark.usefixtures("at_hand")
def test_tiktoken_is_taken_when_toktok_is_of_another_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("toktok._encoding")
    found = best_counter()
    assert isinstance(found, TiktokenCounter)
    assert found.count("hello world") == 2


@pytest.mark.usefixtures("not_at_hand")
def test_the_best_counter_is_approximate_when_neither_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("toktok")
    monkeypatch.delattr("toktok._encoding")
    assert isinstance(best_counter(), ApproximateCounter)


@pytest.mark.usefixtures("at_hand")
def test_a_counter_is_made_once() -> None:
    assert counter("cl100k_base") is counter("cl100k_base")


def test_approximate_is_a_name() -> None:
    assert isinstance(counter("approximate"), ApproximateCounter)


@pytest.mark.usefixtures("not_at_hand", "no_toktok")
def test_the_best_counter_falls_back_on_the_approximate_one() -> None:
    found = best_counter()
    assert (found.name, found.exact) == ("approximate", False)


@pytest.mark.usefixtures("at_hand", "no_toktok")
def test_the_best_counter_is_exact_when_the_vocabulary_is_at_hand() -> None:
    assert isinstance(best_counter(), TiktokenCounter)


def test_the_best_counter_of_an_unknown_encoding_is_an_error() -> None:
    with pytest.raises(TokenizerUnavailable, match="'o300k'"):
        best_counter("o300k")


def test_any_callable_is_a_counter() -> None:
    found = counter(len)
    assert isinstance(found, TokenCounter)
    assert (found.name, found.exact, found.count("four")) == ("callable:len", True, 4)


@pytest.mark.parametrize("answer", [-1, True, 2.0, None, "3"])
def test_an_answer_that_is_no_count_is_a_typed_error(answer: object) -> None:
    found = CallableCounter(lambda text: answer, name="mine")  # type: ignore[arg-type, return-value]
    with pytest.raises(TokenCountInvalid) as caught:
        found.count("abc")
    assert isinstance(caught.value, ClawVMError)
    assert str(caught.value) == (
        f"token counter 'mine' answered {answer!r} ({type(answer).__name__}) for a text of 3 "
        "characters; it must return an int of at least 0"
    )


def test_a_counter_of_the_callers_is_checked_and_keeps_its_name() -> None:
    found = counter(OwnCounter())
    assert (found.name, found.exact, found.count("two words")) == ("words", False, 2)
    with pytest.raises(TokenCountInvalid, match="'words' answered -1"):
        found.count("minus")


def test_counters_of_ours_are_taken_as_they_are() -> None:
    memo = CountMemo(ApproximateCounter())
    assert counter(memo) is memo
    again = CallableCounter(len)
    assert counter(again) is again


def test_every_counter_says_what_it_is(at_hand: Path) -> None:
    shown = [repr(found) for found in (counter(len), ApproximateCounter())]
    assert shown == ["CallableCounter('callable:len')", "ApproximateCounter()"]
    assert repr(TiktokenCounter("o200k_base")) == "TiktokenCounter('o200k_base')"
    assert repr(ToktokCounter("o200k_base")) == "ToktokCounter('o200k_base')"
