"""Sessions forked off others, what comes back of them, and snapshots in files."""

from __future__ import annotations

import pytest
from chat_histories import says, user
from session_driver import count

from clawvm import BoundaryKind, Fidelity, PageType, RecallOutcome, Session
from clawvm.errors import PageInvalid, PageNotFound, SnapshotInvalid
from clawvm.stores import open_store


@pytest.fixture(params=[None, "sqlite"])
def parent(request, tmp_path, words):
    """A session under pressure, without a store and with one."""
    options = {}
    if request.param:
        options["store"] = store = open_store(f"sqlite:///{tmp_path / 'agents.db'}")
    session = Session("parent", budget=400, counter=count, **options)
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    session.add(user("begin"))
    for number in range(6):
        session.post_model(says(words(f"thought {number}", 12)))
        session.add(user(f"and {number}?"))
        session.assemble()
    yield session
    session.close(discard=True)
    if request.param:
        store.close()


def test_a_fork_knows_what_its_parent_knew(parent):
    child = parent.fork("child")
    assert child.session_id == "child"
    assert [page.texts for page in child.pages()] == [page.texts for page in parent.pages()]
    assert child.assemble().messages == parent.assemble().messages
    child.close()


def test_texts_are_shared_until_one_of_the_two_changes_them(parent):
    child = parent.fork("child")
    assert child.page("user").texts[0] is parent.page("user").texts[0]
    child.put("rules", PageType.BOOTSTRAP, "Be long.")
    parent.put("rules", PageType.BOOTSTRAP, "Be silent.")
    assert child.page("rules").texts == ("Be long.",)
    assert parent.page("rules").texts == ("Be silent.",)
    child.close()


def test_a_fork_decides_for_itself(parent):
    child = parent.fork("child", budget=10_000)
    levels = {page.id: parent.level(page.id) for page in parent.pages()}
    child.demand("assistant")
    child.assemble()
    assert child.level("assistant") is Fidelity.FULL
    assert {page.id: parent.level(page.id) for page in parent.pages()} == levels
    child.close()


def test_a_fork_answers_for_the_handles_that_it_inherited(parent):
    child = parent.fork("child")
    child.put("rules", PageType.BOOTSTRAP, "Be long.")
    child.put("new", PageType.EVIDENCE, "of the child")
    assert child.recall("clawvm://parent/rules@1").text == "Be brief."
    assert child.recall("clawvm://parent/rules@2").outcome is RecallOutcome.DENIED
    assert child.recall("clawvm://parent/new@1").outcome is RecallOutcome.DENIED
    assert child.recall("clawvm://child/rules@2").text == "Be long."
    assert parent.recall("clawvm://child/rules@2").outcome is RecallOutcome.DENIED
    child.close()


def test_pages_of_a_fork_are_taken_back_as_evidence(parent):
    child = parent.fork("child")
    child.put("answer", PageType.PLAN, "42")
    (page,) = parent.take_back(child, "answer")
    assert (page.id, page.type, page.texts) == ("child:answer", PageType.EVIDENCE, ("42",))
    assert page.provenance.reference == "clawvm://child/answer@1"
    counts = parent.coverage.counts
    assert (counts[BoundaryKind.SPAWN], counts[BoundaryKind.RETURN]) == (1, 1)
    child.close()


def test_a_page_that_a_fork_does_not_have_takes_nothing_back(parent):
    child = parent.fork("child")
    before = len(parent.pages())
    with pytest.raises(PageNotFound):
        parent.take_back(child, "rules", "nothing")
    assert len(parent.pages()) == before
    child.close()


def test_a_fork_is_another_session_of_the_store(tmp_path):
    url = f"sqlite:///{tmp_path / 'agents.db'}"
    with Session("parent", budget=400, counter=count, store=url) as parent:
        parent.put("rules", PageType.BOOTSTRAP, "Be brief. " * 100)
        child = parent.fork("child")
        child.put("answer", PageType.PLAN, "42")
        child.close()
        with pytest.raises(PageInvalid, match="session 'child' is in the store already"):
            parent.fork("child")
    with Session("child", budget=400, counter=count, store=url) as child:
        assert {page.id for page in child.pages()} == {"rules", "answer"}
        assert child.recall("clawvm://parent/rules@1").found


# Snapshots


def test_a_snapshot_file_brings_the_session_back(parent, tmp_path):
    path = tmp_path / "session.clawvm"
    parent.snapshot(path)
    again = Session.load(path, budget=400, counter=count)
    assert again.session_id == "parent"
    assert again.turn == parent.turn
    again.add(user("go on"))
    parent.add(user("go on"))
    assert again.assemble() == parent.assemble()


def test_equal_sessions_have_equal_snapshots(parent, tmp_path):
    one, two = tmp_path / "one.clawvm", tmp_path / "two.clawvm"
    parent.snapshot(one)
    Session.load(one, budget=400, counter=count).snapshot(two)
    assert one.read_bytes() == two.read_bytes()


def test_a_damaged_snapshot_file_is_refused(parent, tmp_path):
    path = tmp_path / "session.clawvm"
    parent.snapshot(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SnapshotInvalid):
        Session.load(path, budget=400, counter=count)
