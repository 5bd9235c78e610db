"""What a check of a store from end to end finds, names, mends and leaves alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import saved_sessions
from postgres import Server
from saved_sessions import (
    SPACE,
    append,
    append_spoilt,
    damage,
    found,
    live,
    open_session,
    save_spoilt,
)
from session_driver import Driver, count

from clawvm import PageType, Session
from clawvm.errors import StoreCorrupt, StoreInvalid
from clawvm.pages import Pin
from clawvm.session.fsck import check_store
from clawvm.session.reading import read_session
from clawvm.snapshot import StateDelta
from clawvm.stores import Finding, Store, open_store
from clawvm.writeback.reading import load

FLIPS = 200
SESSION = "session 's' of tenant 'default'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agents.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with one session, which was closed."""
    store = open_store(f"sqlite:///{path}")
    live(open_session(store)).close()
    yield store
    store.close()


# What is sound


def test_a_store_in_use_is_sound(store: Store) -> None:
    with open_session(store) as session:
        session.put("plan", PageType.PLAN, "go on " * 200)
        session.boundary("turn")
        with session.fork("child", project="p") as child:
            child.put("taste", PageType.PREFERENCE, "tea, not coffee " * 50)
            child.boundary("turn")
            child.reset()
        saved_sessions.fold(session)
        assert found(store) == []
    assert found(store, repair=True) == []


def test_an_empty_store_is_sound(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'new.db'}")
    assert found(store) == []
    store.close()


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_random_sessions_with_snapshots_and_resets_are_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setattr("clawvm.writeback.view._FOLD_BYTES_MIN", 300)
    store = open_store(f"sqlite:///{tmp_path / 'random.db'}")
    for seed in range(6):
        driver = Driver(seed, policy)
        driver.session = Session(
            f"s{seed}",
            budget=driver.session.budget,
            counter=count,
            shape=driver.shape,
            policy=policy,
            store=store,
        )
        driver.run()
        driver.session.close()
    assert found(store) == []
    assert any(store.load(info.space).snapshot for info in store.spaces())
    store.close()


# Damaged bytes


def test_a_flipped_byte_in_a_row_is_found_and_stays(store: Store, path: Path) -> None:
    damage(
        path,
        "UPDATE bodies SET data = CAST(x'ff' || substr(data, 2) AS BLOB) WHERE id = "
        "(SELECT body FROM journal WHERE seq = 2)",
    )
    findings = found(store, repair=True)
    assert [(where, mended) for where, _, mended in findings] == [
        (f"row 2 of {SESSION}", False),
        (SESSION, False),
    ]
    assert "does not match its checksum" in findings[0][1]
    assert findings[1][1].startswith(f"cannot be opened: row 2 of {SESSION}")


def test_a_lost_content_is_found_and_who_refers_to_it(store: Store, path: Path) -> None:
    (number, *_) = next(iter(store.rows(SPACE))).contents
    damage(path, "DELETE FROM bodies WHERE id = ?", number)
    findings = found(store)
    assert (f"row 1 of {SESSION}", f"refers to content {number}, which is not there", False) in (
        findings
    )
    assert findings[-1][0] == SESSION
    assert "cannot be opened" in findings[-1][1]


def test_a_lost_row_is_found(store: Store, path: Path) -> None:
    damage(path, "DELETE FROM journal WHERE seq = 2")
    findings = found(store)
    assert (SESSION, "lacks the rows 2", False) in findings
    assert any("cannot be opened" in what for _, what, _ in findings)


def test_the_rows_behind_a_damaged_one_are_checked_too(store: Store, path: Path) -> None:
    append(store, b"no record")
    damage(path, "UPDATE journal SET checksum = 0 WHERE seq = 1")
    places = [where for where, _, _ in found(store)]
    assert places.count(f"row 1 of {SESSION}") == 1
    assert f"row {store.spaces()[0].last_seq} of {SESSION}" in places


def test_a_damaged_snapshot_is_mended_where_all_rows_are_there(store: Store, path: Path) -> None:
    with open_session(store) as session:
        saved_sessions.fold(session)
        before = {page.id: page.texts for page in session.pages()}
    damage(path, "UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM snapshots)")
    assert [mended for _, _, mended in found(store)] == [False, False]
    assert (f"the snapshot of {SESSION}", True) in [
        (where, mended) for where, _, mended in found(store, repair=True)
    ]
    assert found(store) == []
    with open_session(store) as session:
        assert {page.id: page.texts for page in session.pages()} == before


def all_of(store: Store) -> tuple[object, ...]:
    loaded = load(store, SPACE)
    return loaded.last_seq, loaded.heads.fields, loaded.rejections, loaded.state


def test_a_flipped_byte_of_the_file_is_found_or_changes_nothing(
    store: Store, path: Path, tmp_path: Path
) -> None:
    expected = all_of(store)
    store.close()
    sound = path.read_bytes()
    flipped = tmp_path / "flipped.db"
    random = Random(7)
    silent = 0
    for _ in range(FLIPS):
        data = bytearray(sound)
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        flipped.write_bytes(data)
        try:
            again = open_store(f"sqlite:///{flipped}", must_exist=True)
        except (StoreCorrupt, StoreInvalid):
            continue
        findings = found(again)
        if not findings:
            silent += 1
            assert all_of(again) == expected
        again.close()
    assert 0 < silent < FLIPS


# Sound bytes that say what cannot be


def test_a_row_that_is_no_record_is_found(store: Store) -> None:
    seq = append(store, b"no record at all, though every checksum of the store holds")
    findings = found(store)
    assert [where for where, _, _ in findings] == [f"row {seq} of {SESSION}", SESSION]
    assert "cannot be opened" in findings[1][1]


def flip_text(state: StateDelta) -> None:
    page = page_of(state, "rule")
    page.texts = (page.texts[0].replace("Never", "Always"),)


def page_of(state: StateDelta, page_id: str):
    (page,) = [page for page in state.pages.values() if page.id == page_id]
    return page


def unpin(state: StateDelta) -> None:
    page_of(state, "rule").pin = Pin.NONE


def dearer(state: StateDelta) -> None:
    page = page_of(state, "rule")
    page.ladder = {
        level: replace(form, part_tokens=(form.tokens + 1,)) for level, form in page.ladder.items()
    }


def newer(state: StateDelta) -> None:
    page_of(state, "notes").version = 9


def other_part(state: StateDelta) -> None:
    position, row = next((at, row) for at, row in state.rows.items() if row is not None)
    state.rows[position] = row._replace(owners=((row.owners[0][0], 5),))


def gone_demand(state: StateDelta) -> None:
    state.scalars["assembler"]["demands"] = [[99, 4]]


SPOILT: dict[Callable[[StateDelta], None], list[tuple[str, str]]] = {
    flip_text: [
        ("page 'rule'", "has a text whose digest is not the one in the page table"),
        ("page 'rule'", "has another text than what was committed as version 1"),
    ],
    unpin: [
        (SESSION, "as pinned, those in"),
        ("page 'rule'", "has pin 0, and 2 in the page table"),
    ],
    dearer: [("page 'rule'", "has tokens")],
    newer: [
        ("page 'notes'", "has version 9, and 2 in the page table"),
        ("page 'notes'", "is at version 9, of which nothing was committed"),
    ],
    other_part: [
        (SESSION, "message 0 shows part 5 of page 'rule', which has 1"),
        (SESSION, "cannot be opened"),
    ],
    gone_demand: [(SESSION, "lists slot 99 as demanded, which holds no page")],
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_state_that_contradicts_itself_is_found(
    store: Store, spoil: Callable[[StateDelta], None]
) -> None:
    append_spoilt(store, spoil)
    findings = found(store, repair=True)
    assert len(findings) == len(SPOILT[spoil]), findings
    for (where, what, mended), (place, sentence) in zip(findings, SPOILT[spoil], strict=True):
        assert where == place or where == f"{place} of {SESSION}"
        assert sentence in what
        assert not mended


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_a_snapshot_that_contradicts_itself_is_made_anew_from_the_rows(
    store: Store, spoil: Callable[[StateDelta], None]
) -> None:
    texts = {page.id: page.texts for page in read_session(store, SPACE).pages}
    save_spoilt(store, spoil)
    assert found(store)
    findings = found(store, repair=True)
    assert findings
    assert all(mended for _, _, mended in findings), findings
    assert found(store) == []
    assert {page.id: page.texts for page in read_session(store, SPACE).pages} == texts


def reword(state: StateDelta) -> None:
    state.scalars["session"]["notes"] = {"at": "another place"}


def test_a_snapshot_that_differs_from_its_rows_is_found_and_left_alone(store: Store) -> None:
    save_spoilt(store, reword)
    expected = [(f"the snapshot of {SESSION}", "has other session than the rows it covers", False)]
    assert found(store) == expected
    assert found(store, repair=True) == expected
    assert read_session(store, SPACE).extra["notes"] == {"at": "another place"}


def test_a_snapshot_is_not_made_anew_where_rows_were_pruned(store: Store) -> None:
    save_spoilt(store, unpin)
    store.acquire(SPACE, "somebody", 30)  # or all of the session would go
    store.prune(4e9)
    findings = found(store, repair=True)
    assert findings
    assert not any(mended for _, _, mended in findings)


def test_a_session_that_is_open_is_not_mended(store: Store) -> None:
    save_spoilt(store, unpin)
    lease = store.acquire(SPACE, "somebody", 30)
    assert not any(mended for _, _, mended in found(store, repair=True))
    store.release(lease)
    assert all(mended for _, _, mended in found(store, repair=True))


def test_a_session_under_another_name_is_found(store: Store) -> None:
    def rename(state: StateDelta) -> None:
        state.session_id = "other"

    append_spoilt(store, rename)
    assert any(
        "session 'other' cannot be applied to session 's'" in what for _, what, _ in (found(store))
    )


# PostgreSQL

SCHEMAS = itertools.count(1)


@pytest.fixture
def database(postgres_server: Server) -> Iterator[tuple[Store, Callable[[str], object]]]:
    """A store in a schema of its own, and what runs a statement there."""
    schema = f"fsck_{next(SCHEMAS)}"
    postgres_server.execute(f"CREATE SCHEMA {schema}")
    store = open_store(postgres_server.url(options=f"-csearch_path={schema}"))

    def execute(statement: str) -> object:
        return postgres_server.execute(f"SET search_path TO {schema}; {statement}")

    yield store, execute
    store.close()


def test_in_postgresql_it_finds_and_mends_the_same(
    database: tuple[Store, Callable[[str], object]], tmp_path: Path
) -> None:
    store, execute = database

    def findings(*, repair: bool = False) -> list[Finding]:
        return list(check_store(store, repair=repair, spool=tmp_path))

    live(open_session(store, spool=tmp_path)).close()
    assert findings() == []
    save_spoilt(store, flip_text)
    assert all(finding.mended for finding in findings(repair=True))
    assert findings() == []
    (number, *_) = next(iter(store.rows(SPACE))).contents
    execute(f"DELETE FROM clawvm_content WHERE id = {number}")
    lost = findings(repair=True)
    assert any(f"refers to content {number}, which is missing" in each.what for each in lost)
    assert any("cannot be opened" in each.what for each in lost)


def test_without_tables_in_postgresql_nothing_is_made(postgres_server: Server) -> None:
    schema = f"fsck_{next(SCHEMAS)}"
    postgres_server.execute(f"CREATE SCHEMA {schema}")
    with pytest.raises(StoreInvalid, match="there is no store postgresql://"):
        open_store(postgres_server.url(options=f"-csearch_path={schema}"), must_exist=True)
    tables = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'"
    assert postgres_server.execute(tables) == [(0,)]


def test_a_list_of_spaces_that_cannot_be_read_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tenant: str | None = None) -> list:
        raise StoreCorrupt("the store is damaged, it could not list the spaces")

    monkeypatch.setattr(store, "spaces", broken)
    assert found(store) == [
        ("the list of spaces", "the store is damaged, it could not list the spaces", False)
    ]
