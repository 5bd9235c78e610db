"""A content is hashed once and counted once, and never taken for another of the same digest."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import pytest
from chat_histories import openai_asks, openai_call, says, user
from session_driver import count

from clawvm import BoundaryKind, PageType, Session
from clawvm.messages import PART_OVERHEAD
from clawvm.stores import open_store
from clawvm.tokens import CountMemo, digest
from clawvm.tokens.exact import EncodingCounter

pytestmark = pytest.mark.usefixtures("core")


class Words(EncodingCounter):
    """Counts words, may be cut at any space, and notes what it was asked."""

    name = "o200k_base"

    def __init__(self) -> None:
        self.alone: list[str] = []
        self.together: list[list[str]] = []

    def count(self, text: str) -> int:
        self.alone.append(text)
        return len(text.split())

    def count_many(self, texts: Sequence[str]) -> list[int]:
        self.together.append(list(texts))
        return [len(text.split()) for text in texts]


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is hashed by a session of the test."""
    texts: list[str] = []

    def note(text: str) -> bytes:
        texts.append(text)
        return digest(text)

    monkeypatch.setattr("clawvm.tokens.memo.digest", note)
    monkeypatch.setattr("clawvm.session.book.digest", note)
    return texts


@pytest.fixture
def colliding(core: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all contents one digest."""
    monkeypatch.setattr("clawvm.tokens.memo.digest", lambda text: bytes(16))
    monkeypatch.setattr("clawvm.session.coherence.digest", lambda text: bytes(16))


@pytest.mark.parametrize("url", [None, "memory:"])
def test_a_text_of_2_kb_is_hashed_once(url: str | None, hashed: list[str], words) -> None:
    text = words("two kilobytes ") * 40
    assert len(text) >= 2048
    with Session("s", budget=100_000, counter=len, store=url) as session:
        session.put("p", PageType.EVIDENCE, text)
        session.assemble()
        session.put("p", PageType.EVIDENCE, text)
        session.assemble()
        session.boundary(BoundaryKind.TURN)
        assert hashed.count(text) == 1


def test_the_text_of_a_message_is_hashed_once(hashed: list[str], open_session, words) -> None:
    text = words("a question ") * 40
    session = open_session(budget=100_000)
    session.add(user(text))
    session.assemble()
    assert hashed.count(text) == 1


@pytest.mark.usefixtures("colliding")
def test_a_new_text_of_the_same_digest_is_a_new_version(open_session) -> None:
    session = open_session()
    old, new = "the old text", "the new text, which is longer"
    assert session.put("p", PageType.PLAN, old).version == 1
    shown = session.assemble()
    page = session.put("p", PageType.PLAN, new)
    assert page.version == 2
    assert shown.messages != session.assemble().messages
    assert session.put("p", PageType.PLAN, new).version == 2
    assert session.recall("clawvm://s/p@1").text == old
    assert session.recall("clawvm://s/p@2").text == new


@pytest.mark.usefixtures("colliding")
def test_a_new_text_of_the_same_digest_is_committed(open_session) -> None:
    store = open_store("memory:")
    with open_session(store=store) as session:
        for text in ("first", "second", "third"):
            session.put("p", PageType.PREFERENCE, text)
            session.boundary(BoundaryKind.TURN)
    with open_session(store=store) as again:
        assert again.page("p").texts == ("third",)
        texts = [again.recall(f"clawvm://s/p@{version}").text for version in (1, 2, 3)]
        assert texts == ["first", "second", "third"]
    store.close()


@pytest.mark.usefixtures("colliding")
def test_messages_of_the_same_digest_are_told_apart(open_session) -> None:
    session = open_session()
    session.extend([user("a"), says("a much longer text"), openai_asks(openai_call("c1"))])
    session.add_result("c1", "what it says")
    prompt = session.assemble()
    assert prompt.messages == session.messages()
    pages = session.pages()
    assert [page.version for page in pages] == [1, 1, 2]
    parts = [text for page in pages for text in page.texts]
    assert prompt.plan.used_tokens == sum(count(text) + PART_OVERHEAD for text in parts)


def test_a_page_that_grows_is_counted_from_its_last_blank_on(open_session) -> None:
    words = Words()
    session = open_session(counter=CountMemo(words))
    log = "a line of the log\n" * 3
    session.put("log", PageType.EVIDENCE, log)
    words.alone.clear()
    page = session.put("log", PageType.EVIDENCE, log + "one more\n")
    assert page.ladder[max(page.ladder)].part_tokens == (17 + 4,)
    assert words.alone[:2] == [" log\n", " log\none more\n"]
    assert log + "one more\n" not in words.alone


def test_many_messages_are_counted_together(open_session) -> None:
    words = Words()
    session = open_session(counter=CountMemo(words), budget=1_000_000)
    texts = [f"message {number} " * 5_000 for number in range(6)]
    session.extend([user(text) if number % 2 else says(text) for number, text in enumerate(texts)])
    session.assemble()
    assert words.together == [texts]
    assert not set(words.alone) & set(texts)


def test_messages_that_wait_in_a_session_are_counted_together_when_it_is_opened(
    open_session,
) -> None:
    store = open_store("memory:")
    texts = [f"message {number} " * 5_000 for number in range(4)]
    with open_session(budget=1_000_000, store=store, counter=CountMemo(Words())) as session:
        session.extend(user(text) for text in texts)
        session.boundary(BoundaryKind.TURN)
    words = Words()
    with open_session(budget=1_000_000, store=store, counter=CountMemo(words)) as again:
        again.assemble()
    assert words.together == [texts]
    store.close()


def test_a_memo_that_sessions_share_counts_for_all_of_them(open_session) -> None:
    words = Words()
    shared = CountMemo(words)
    for session_id in ("one", "two"):
        session = open_session(session_id=session_id, counter=shared)
        session.put("p", PageType.CONSTRAINT, "the same rules for everybody")
        session.assemble()
    assert words.alone == ["the same rules for everybody"]
