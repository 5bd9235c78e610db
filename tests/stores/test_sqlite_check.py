"""What a check of a SQLite file finds, and what a repair mends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from store_harness import PROJECT, SqlitePlace, fill, text

from clawvm.errors import ContentMissing, StoreCorrupt
from clawvm.stores import Append, Store


@pytest.fixture
def store(sqlite: SqlitePlace) -> Store:
    store = sqlite.open()
    fill(store, PROJECT, 4)
    fill(store, PROJECT._replace(name="p2"), 2)
    store.save_snapshot(Append(PROJECT, 2, b"snapshot", [text(50)]))
    return store


@pytest.fixture
def damage(sqlite: SqlitePlace) -> Callable[..., None]:
    def execute(statement: str, *values: object) -> None:
        connection = sqlite3.connect(sqlite.path, timeout=5)
        assert connection.execute(statement, values).rowcount > 0
        connection.commit()
        connection.close()

    return execute


def whats(store: Store, *, repair: bool = False) -> list[tuple[str, str, bool]]:
    return [(found.where, found.what, found.mended) for found in store.check(repair=repair)]


def test_a_sound_store_has_no_findings(store: Store) -> None:
    assert store.check() == []
    assert store.check(repair=True) == []


def test_a_changed_record_is_found_and_never_read(
    store: Store, damage: Callable[..., None]
) -> None:
    damage(
        "UPDATE bodies SET data = x'00ff' WHERE id = "
        "(SELECT body FROM journal WHERE space = 1 AND seq = 3)"
    )
    with pytest.raises(StoreCorrupt, match="row 3 of project 'p1' of tenant 'acme'"):
        store.load(PROJECT)
    ((where, what, mended),) = whats(store, repair=True)
    assert where == "row 3 of project 'p1' of tenant 'acme'"
    assert "does not match its checksum" in what
    assert not mended


@pytest.mark.parametrize("column", ["saved_at", "token", "checksum"])
def test_a_changed_row_is_found(store: Store, damage: Callable[..., None], column: str) -> None:
    damage(f"UPDATE journal SET {column} = {column} + 1 WHERE space = 1 AND seq = 4")
    with pytest.raises(StoreCorrupt, match="does not match its checksum"):
        store.load(PROJECT)
    assert [where for where, _, _ in whats(store)] == ["row 4 of project 'p1' of tenant 'acme'"]


def test_two_bodies_that_changed_places_are_found(
    store: Store, damage: Callable[..., None]
) -> None:
    damage(
        "UPDATE bodies SET (checksum, data) = (SELECT checksum, data FROM bodies AS other "
        "WHERE other.id = (SELECT body FROM journal WHERE space = 1 AND seq = 4)) "
        "WHERE id = (SELECT body FROM journal WHERE space = 1 AND seq = 3)"
    )
    with pytest.raises(StoreCorrupt):
        store.load(PROJECT)
    assert len(whats(store)) == 1


def test_a_changed_content_is_found_and_never_read(
    store: Store, damage: Callable[..., None]
) -> None:
    (number,) = store.load(PROJECT).rows[0].contents
    damage("UPDATE bodies SET data = SUBSTR(data, 2) WHERE id = ?", number)
    with pytest.raises(StoreCorrupt, match=f"content {number} of project 'p1'"):
        store.contents(PROJECT, [number])
    ((where, what, mended),) = whats(store, repair=True)
    assert (where, mended) == (f"content {number} of project 'p1' of tenant 'acme'", False)
    assert "does not match its checksum" in what


def test_a_changed_content_is_not_shared(store: Store, damage: Callable[..., None]) -> None:
    (number,) = store.load(PROJECT).rows[0].contents
    damage("UPDATE bodies SET data = SUBSTR(data, 2) WHERE id = ?", number)
    (fresh,) = store.append(Append(PROJECT, 5, b"record", [text(3)])).wait()
    assert store.contents(PROJECT, [fresh]) == [text(3)]


def test_a_missing_row_is_found(store: Store, damage: Callable[..., None]) -> None:
    damage("DELETE FROM journal WHERE space = 1 AND seq = 3")
    with pytest.raises(StoreCorrupt, match="has row 4 where row 3 is expected"):
        store.load(PROJECT)
    assert ("project 'p1' of tenant 'acme'", "lacks the rows 3", False) in whats(store)


def test_missing_first_rows_without_a_snapshot_are_found(
    store: Store, damage: Callable[..., None]
) -> None:
    damage("DELETE FROM journal WHERE space = 2 AND seq = 1")
    with pytest.raises(StoreCorrupt):
        store.load(PROJECT._replace(name="p2"))
    assert ("project 'p2' of tenant 'acme'", "lacks the rows 1 to 1", False) in whats(store)


def test_a_missing_content_is_found(store: Store, damage: Callable[..., None]) -> None:
    (number,) = store.load(PROJECT).rows[0].contents
    damage("DELETE FROM bodies WHERE id = ?", number)
    with pytest.raises(ContentMissing):
        store.contents(PROJECT, [number])
    assert [what for _, what, _ in whats(store)] == [
        f"refers to content {number}, which is not there"
    ]


def test_a_repair_drops_a_broken_snapshot_all_of_whose_rows_are_there(
    store: Store, damage: Callable[..., None]
) -> None:
    damage("UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM snapshots)")
    with pytest.raises(StoreCorrupt, match="the snapshot of project 'p1'"):
        store.load(PROJECT)
    findings = whats(store, repair=True)
    assert [(where, mended) for where, _, mended in findings] == [
        ("the snapshot of project 'p1' of tenant 'acme'", True)
    ]
    stored = store.load(PROJECT)
    assert stored.snapshot is None
    assert [row.record for row in stored.rows] == [b"record %d" % seq for seq in range(1, 5)]
    assert store.check() == []


def test_a_repair_keeps_a_broken_snapshot_whose_rows_were_pruned(
    store: Store, damage: Callable[..., None]
) -> None:
    store.prune(4e9)
    damage("UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM snapshots)")
    findings = whats(store, repair=True)
    assert [(where, mended) for where, _, mended in findings] == [
        ("the snapshot of project 'p1' of tenant 'acme'", False)
    ]
    with pytest.raises(StoreCorrupt):
        store.load(PROJECT)


def test_a_repair_deletes_what_nothing_refers_to(store: Store, damage: Callable[..., None]) -> None:
    damage("INSERT INTO bodies SELECT id + 100, space, hint, checksum, data FROM bodies")
    connected = [what for _, what, _ in whats(store)]
    assert any("no longer refers to its contents" in what for what in connected)
    assert any("is the record of no row" in what for what in connected)
    store.check(repair=True)
    assert store.check() == []
    assert store.load(PROJECT).last_seq == 4


def test_a_repair_deletes_nothing_that_an_unreadable_row_may_refer_to(
    store: Store, damage: Callable[..., None]
) -> None:
    (number,) = store.load(PROJECT).rows[1].contents
    damage("UPDATE journal SET refs = x'' WHERE space = 1 AND seq = 4")
    assert [mended for _, _, mended in whats(store, repair=True)] == [False]
    assert store.contents(PROJECT, [number]) == [text(4)]


def test_a_repair_enters_and_strikes_out_what_is_shared(
    store: Store, damage: Callable[..., None]
) -> None:
    damage("DELETE FROM shares")
    damage("INSERT INTO shares VALUES (4, 1), (99, 2)")
    findings = whats(store, repair=True)
    assert len(findings) == 4
    assert all(mended for _, _, mended in findings)
    assert store.check() == []


def test_a_repair_enters_a_content_under_its_own_digest(
    store: Store, damage: Callable[..., None]
) -> None:
    (number,) = store.load(PROJECT).rows[0].contents
    damage("UPDATE bodies SET hint = hint + 1 WHERE id = ?", number)
    assert [(what, mended) for _, what, mended in whats(store, repair=True)] == [
        ("is entered under another digest", True)
    ]
    assert store.append(Append(PROJECT, 5, b"record", [text(3)])).wait() == (number,)


def root_page(path: Path, name: str) -> tuple[int, int]:
    """Return where an object's first page stands in the file, and its size."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
    ).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    return (page - 1) * size, size


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


@pytest.mark.parametrize("name", ["journal", "bodies", "spaces", "snapshots", "spaces_by_name"])
def test_a_page_that_cannot_be_read_is_found(sqlite: SqlitePlace, store: Store, name: str) -> None:
    store.close()
    start, size = root_page(sqlite.path, name)
    overwrite(sqlite.path, start, b"\xaa" * size)
    again = sqlite.open()
    assert again.check(repair=True)

    def use() -> None:
        again.load(PROJECT)
        again.append(Append(PROJECT, 5, b"record", [text(9)]))

    with pytest.raises(StoreCorrupt, match="run `clawvm fsck`"):
        use()


def test_a_store_whose_first_pages_are_damaged_cannot_be_opened(
    sqlite: SqlitePlace, store: Store
) -> None:
    store.close()
    overwrite(sqlite.path, 100, b"\xaa" * 900)
    with pytest.raises(StoreCorrupt):
        sqlite.open()


def test_a_repair_makes_an_index_anew(sqlite: SqlitePlace, store: Store) -> None:
    store.close()
    start, size = root_page(sqlite.path, "contents_by_hint")
    page = bytearray(sqlite.path.read_bytes()[start : start + size])
    # One entry less in the page's list of cells: the index lacks a content.
    cells = int.from_bytes(page[3:5], "big")
    overwrite(sqlite.path, start + 3, (cells - 1).to_bytes(2, "big"))
    again = sqlite.open()
    findings = again.check(repair=True)
    assert findings
    assert all(finding.mended for finding in findings), findings
    assert again.check() == []
