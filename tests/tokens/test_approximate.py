"""The approximate counter: deterministic, linear, never nothing, and near enough."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawvm.tokens import ApproximateCounter, counter
from clawvm.tokens.approximate import CHARACTERS_MAX, WEIGHTS, features

PROSE = (
    "The morning routine reads the calendar, drafts two replies and asks before it sends them. "
    "Nobody has to remember which of the tools was called, nor what it returned.\n"
)
CODE = (
    "def mean(values: list[float]) -> float:\n"
    "    return sum(values) / len(values) if values else 0\n"
)
LOG = "2026-03-01T12:00:07Z ERROR worker-3 request 8c1f failed: timeout after 30000 ms\n"
JSON = '{"id": 4711, "path": "src/app/main.py", "ok": true, "tags": ["alpha", "beta"]}\n'
HAN = (
    "\u6211\u4eec\u5728\u65e9\u4e0a\u9605\u8bfb\u65e5\u5386\uff0c"
    "\u7136\u540e\u56de\u590d\u90ae\u4ef6\u3002\n"
)


def test_the_empty_text_has_no_tokens() -> None:
    assert ApproximateCounter().count("") == 0


@pytest.mark.parametrize("text", ["a", " ", "\0", "\n", "\ud800", "\U0001f600"])
def test_any_other_text_has_at_least_one(text: str) -> None:
    assert ApproximateCounter().count(text) >= 1


@pytest.mark.parametrize(
    ("text", "tokens"), [(PROSE, 33), (CODE, 24), (LOG, 36), (JSON, 29), (HAN, 13)]
)
def test_the_counts_are_the_same_on_every_machine(text: str, tokens: int) -> None:
    assert ApproximateCounter().count(text) == tokens


@pytest.mark.parametrize("text", [PROSE, CODE, LOG, JSON, HAN])
def test_ordinary_text_is_within_a_quarter_of_the_exact_count(text: str) -> None:
    pytest.importorskip("toktok")
    exact = counter("o200k_base").count(text * 10)
    assert abs(ApproximateCounter().count(text * 10) - exact) <= exact / 4


@given(st.text(st.characters(), max_size=300))
def test_no_text_counts_as_next_to_nothing(text: str) -> None:
    assert ApproximateCounter().count(text) * CHARACTERS_MAX >= len(text)


@pytest.mark.parametrize("unit", ["\t ", "\n", "a", "0", "\u4e2d"])
def test_a_megabyte_counts(unit: str) -> None:
    assert ApproximateCounter().count(unit * 1_000_000) >= 1_000_000 // CHARACTERS_MAX


def test_the_features_follow_the_table() -> None:
    assert dict(zip(WEIGHTS, features("ab 12\n"), strict=True))[b"0"] == 2
