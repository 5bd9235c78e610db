"""The store that is this process's memory."""

from __future__ import annotations

import pytest

from clawvm.stores import ContentKey, MemoryStore, Recall, RecallOutcome, Store

KEY = ContentKey("s", "p", 1)


@pytest.fixture
def store() -> Store:
    return MemoryStore()


def test_what_was_put_is_got(store):
    store.put(KEY, "text")
    assert store.get(KEY) == "text"


def test_what_was_not_put_is_none(store):
    assert store.get(KEY) is None


@pytest.mark.parametrize(
    "other", [ContentKey("t", "p", 1), ContentKey("s", "q", 1), ContentKey("s", "p", 2)]
)
def test_session_page_and_version_all_count(store, other):
    store.put(KEY, "text")
    assert store.get(other) is None


def test_an_empty_text_is_a_text(store):
    store.put(KEY, "")
    assert store.get(KEY) == ""


def test_equal_texts_are_held_once(store):
    first, second = "ab" * 1_000, "".join(["ab"] * 1_000)
    assert first is not second
    store.put(KEY, first)
    store.put(KEY._replace(version=2), second)
    assert store.get(KEY._replace(version=2)) is first


def test_putting_again_changes_nothing(store):
    store.put(KEY, "text")
    store.put(KEY, "text")
    assert store.get(KEY) == "text"


def test_closing_forgets_nothing(store):
    store.put(KEY, "text")
    store.close()
    store.close()
    assert store.get(KEY) == "text"


def test_any_text_can_be_kept(store):
    store.put(KEY, "\x00\ud800\U0001f600")
    assert store.get(KEY) == "\x00\ud800\U0001f600"


@pytest.mark.parametrize("outcome", RecallOutcome)
def test_only_the_text_that_was_asked_for_is_found(outcome):
    assert Recall(outcome, "p", 1, "text", "why").found == (outcome is RecallOutcome.FOUND)
