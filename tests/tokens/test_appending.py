"""Appended text is counted incrementally, and the count is the one that counting it all gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken
import tiktoken_ext.openai_public as tiktoken_encodings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clawvm.tokens import (
    ApproximateCounter,
    CallableCounter,
    CountMemo,
    TiktokenCounter,
    ToktokCounter,
)
from clawvm.tokens.appending import WINDOW_CHARS, safe_cut
from clawvm.tokens.exact import BLANKS_MAX, EncodingCounter
from clawvm.tokens.vocabularies import FILES

CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
R50K = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

# What the expressions treat each in its own way, and what tempts them to go over a cut.
BITS = [
    *" \t\n\r\v\f/'.-_(){}#@\0",
    *("  ", "   ", " \n", "\n ", "\r\n", "\n\n", "\t ", " /", "\n/", " \n \n "),
    *("'s", "'S", "'t", "'re", "'VE", "'ll", " 's", "' s", "it's", "THEY'LL"),
    *("a", "B", "ab", "Ab", "aB", "AB", " the", "Hello", "x1", "9", "12", "123", "1234", " 7"),
    # No-break, figure, line-separating and ideographic spaces; next line; Python's own blanks.
    *("\xa0", "\u2007", "\u2028", "\u3000", "\x85", "\x1c", "\x1f", "\u200b", "\ufeff"),
    # Marks, title case, modifier and other letters, digits of other scripts, emoji, surrogates.
    *("e\u0301", "\u0301", "\u01c5", "\u02b0", "\u4e2d\u6587", "\u0440\u0443", "\u0e01\u0e34"),
    *("\u0663", "\u00bd", "\u2168", "\U0001f600", "\U0001f468\u200d\U0001f469", "\ud83d", "\ude00"),
    *("<|endoftext|>", "==", "://", "...", "\u2026", "\u2019s"),
]
texts = st.lists(st.sampled_from(BITS) | st.characters(), max_size=12).map("".join)


@pytest.fixture(
    params=[
        (kind, encoding)
        for kind in (TiktokenCounter, ToktokCounter)
        for encoding in ("cl100k_base", "o200k_base")
    ],
    ids=lambda param: f"{param[0].__name__}-{param[1]}",
)
def counter(request: pytest.FixtureRequest, at_hand: Path) -> EncodingCounter:
    kind, encoding = request.param
    found: EncodingCounter = kind(encoding)
    return found


@pytest.fixture
def o200k(at_hand: Path) -> EncodingCounter:
    return TiktokenCounter("o200k_base")


class Noting(EncodingCounter):
    """A counter under an encoding's name that notes what it was asked."""

    def __init__(self, inner: EncodingCounter, name: str) -> None:
        self.name = name
        self.asked: list[str] = []
        self._inner = inner

    def count(self, text: str) -> int:
        self.asked.append(text)
        return self._inner.count(text)

    def count_many(self, texts):
        return [self.count(text) for text in texts]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=600
)
@given(before=texts, after=texts)
@example("it' ", "s")
@example("a ", " b")
@example("a  ", "\n")
@example("x \n", "/")
@example("\u0301 \ud83d", "\ude00")
def test_appended_text_counts_as_if_all_were_counted(
    counter: EncodingCounter, before: str, after: str
) -> None:
    text = before + after
    assert counter.count_appended(before, counter.count(before), text) == counter.count(text)


@settings(deadline=None, max_examples=200)
@given(before=texts, after=texts)
@pytest.mark.parametrize("pattern", [R50K, CL100K, O200K], ids=["r50k", "cl100k", "o200k"])
def test_a_safe_cut_is_safe_by_every_expression(pattern: str, before: str, after: str) -> None:
    text = "".join(char for char in before + after if not "\ud800" <= char <= "\udfff")
    cut = safe_cut(text, len(before))
    assert _pieces(pattern, text) == _pieces(pattern, text[:cut]) + _pieces(pattern, text[cut:])


def _pieces(pattern: str, text: str) -> list[bytes]:
    """Split a text by an expression with tiktoken's own engine.

    Every piece becomes one token where the vocabulary has it; so it is made to have all of them
    that a text could be split into.
    """
    data = text.encode()
    ranks = {bytes([byte]): byte for byte in range(256)}
    for start in range(len(data)):
        for end in range(start + 2, len(data) + 1):
            ranks.setdefault(data[start:end], len(ranks))
    encoding = tiktoken.Encoding(
        "pieces", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
    )
    return [encoding.decode_single_token_bytes(one) for one in encoding.encode_ordinary(text)]


def test_the_expressions_are_those_that_the_rule_was_derived_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tiktoken that splits otherwise shows here: see whether the rule in `appending` holds."""
    for load in ("load_tiktoken_bpe", "data_gym_to_mergeable_bpe_ranks"):
        monkeypatch.setattr(tiktoken_encodings, load, lambda *files, **hashes: {})
    constructors = tiktoken_encodings.ENCODING_CONSTRUCTORS
    found = {name: make()["pat_str"] for name, make in constructors.items()}
    old = dict.fromkeys(("gpt2", "r50k_base", "p50k_base", "p50k_edit"), R50K)
    new = {"cl100k_base": CL100K, "o200k_base": O200K, "o200k_harmony": O200K}
    assert found == {**old, **new}
    assert found.keys() == FILES.keys()


def test_only_the_end_is_encoded_again(o200k: EncodingCounter) -> None:
    noting = Noting(o200k, "o200k_base")
    before = "a line of the log\n" * 1000
    text = before + "and one more\n"
    assert noting.count_appended(before, o200k.count(before), text) == o200k.count(text)
    assert noting.asked == [" log\n", " log\nand one more\n"]


def test_an_encoding_that_is_not_known_is_counted_in_full(o200k: EncodingCounter) -> None:
    noting = Noting(o200k, "encoding_of_a_plugin")
    assert noting.count_appended("one two", 2, "one two three") == 3
    assert noting.asked == ["one two three"]


def test_a_text_that_cannot_be_cut_is_counted_in_full(o200k: EncodingCounter) -> None:
    noting = Noting(o200k, "o200k_base")
    before = "x" * (WINDOW_CHARS + 1)
    text = "a b" + before + "y"
    assert noting.count_appended("a b" + before, 5, text) == o200k.count(text)
    assert noting.asked == [text]


def test_long_runs_of_blanks_count_as_they_do_at_once(o200k: EncodingCounter) -> None:
    before = "a b" + " " * (BLANKS_MAX + 5)
    text = before + " " * 7 + "c"
    assert o200k.count_appended(before, o200k.count(before), text) == o200k.count(text)


def test_a_memo_counts_only_the_end_of_a_text_that_it_knows(o200k: EncodingCounter) -> None:
    noting = Noting(o200k, "o200k_base")
    memo = CountMemo(noting)
    assert [memo.count("one two"), memo.count_appended("one two", "one two three")] == [2, 3]
    assert memo.count_appended("one two", "one two three") == memo.count("one two three") == 3
    assert noting.asked == ["one two", "", " three"]
    assert (memo.hits, memo.misses) == (3, 2)


def test_a_memo_that_does_not_know_the_beginning_counts_all(o200k: EncodingCounter) -> None:
    noting = Noting(o200k, "o200k_base")
    assert CountMemo(noting).count_appended("one two", "one two three") == 3
    assert noting.asked == ["one two three"]


def test_a_text_that_begins_otherwise_is_counted_in_full(o200k: EncodingCounter) -> None:
    memo = CountMemo(o200k)
    memo.count("one two")
    assert memo.count_appended("one two", "three four five six") == 4


@pytest.mark.parametrize("plain", [ApproximateCounter(), CallableCounter(len)])
def test_a_counter_without_an_encoding_counts_all(
    plain: ApproximateCounter | CallableCounter,
) -> None:
    memo = CountMemo(plain)
    memo.count("one two")
    assert memo.count_appended("one two", "one two three") == plain.count("one two three")
