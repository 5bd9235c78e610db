"""Damage in the tables of PostgreSQL: found when it is read, and mended where it can be."""

from __future__ import annotations

import pytest
from store_harness import PROJECT, PostgresPlace, fill, text

from clawvm.errors import ContentMissing, StoreCorrupt
from clawvm.stores import Append

pytest.importorskip("psycopg")

DAMAGE = {
    "a record": "UPDATE clawvm_row SET record = set_byte(record, 3, 255) WHERE seq = 2",
    "a record's checksum": "UPDATE clawvm_row SET record_sum = '\\x00' WHERE seq = 2",
    "a list of contents": "UPDATE clawvm_row SET contents = '{1}' WHERE seq = 2",
    "a token": "UPDATE clawvm_row SET token = 7 WHERE seq = 2",
    "two rows changed over": (
        "UPDATE clawvm_row a SET record = b.record FROM clawvm_row b "
        "WHERE a.seq = 2 AND b.seq = 3 AND a.space = b.space"
    ),
    "a snapshot of rows that are gone": (
        "DELETE FROM clawvm_row WHERE seq = 1;"
        "UPDATE clawvm_snapshot SET record = set_byte(record, 3, 255)"
    ),
    "a missing row": "DELETE FROM clawvm_row WHERE seq = 2",
    "a missing last row": "DELETE FROM clawvm_row WHERE seq = 4",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_when_it_is_loaded_and_when_it_is_checked(
    postgres: PostgresPlace, what: str
) -> None:
    store = postgres.open()
    fill(store, PROJECT, 4)
    store.save_snapshot(Append(PROJECT, 1, b"the state", [text(1)]))
    assert store.check() == []
    postgres.execute(DAMAGE[what])
    with pytest.raises(StoreCorrupt, match="project 'p1'"):
        store.load(PROJECT)
    found = store.check(repair=True)
    assert str(PROJECT) in {finding.where for finding in found}
    assert not any(finding.mended for finding in found)
    assert store.check() == found


@pytest.mark.parametrize(
    "damage", ["data = set_byte(data, 9, 255)", "hint = hint + 1", "tenant = 'globex'"]
)
def test_a_damaged_content_is_found(postgres: PostgresPlace, damage: str) -> None:
    store = postgres.open()
    (content,) = store.append(Append(PROJECT, 1, b"record", [text(1)])).wait()
    postgres.execute(f"UPDATE clawvm_content SET {damage}")
    with pytest.raises((StoreCorrupt, ContentMissing), match=f"content {content}"):
        store.contents(PROJECT, [content])
    assert store.check() != []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (
            "INSERT INTO clawvm_content (tenant, hint, nth, data_sum, data) "
            "SELECT tenant, hint, 1, data_sum, data FROM clawvm_content WHERE id = 1",
            "content 3 is used by nothing",
        ),
        ("DELETE FROM clawvm_reference WHERE content = 1", "content 1 is not marked as used"),
        ("INSERT INTO clawvm_reference VALUES (1, 99)", "content 1 is marked as used by space 99"),
        ("UPDATE clawvm_snapshot SET record_sum = '\\x00'", "does not match its checksum"),
    ],
    ids=["orphan", "lost reference", "spare reference", "snapshot"],
)
def test_what_can_be_mended_is_mended(postgres: PostgresPlace, damage: str, finding: str) -> None:
    store = postgres.open()
    fill(store, PROJECT, 2)
    store.save_snapshot(Append(PROJECT, 2, b"the state", [text(1)]))
    postgres.execute(damage)
    found = store.check()
    assert [(finding in each.what, each.mended) for each in found] == [(True, False)]
    assert [each.mended for each in store.check(repair=True)] == [True]
    assert store.check() == []
    assert store.load(PROJECT).last_seq == 2
    assert [row.seq for row in store.rows(PROJECT)] == [1, 2]


def test_a_broken_snapshot_stays_when_rows_that_it_covers_are_gone(
    postgres: PostgresPlace,
) -> None:
    store = postgres.open()
    fill(store, PROJECT, 3)
    store.save_snapshot(Append(PROJECT, 2, b"the state", [text(2)]))
    store.prune(2.0**40)
    postgres.execute("UPDATE clawvm_snapshot SET record_sum = '\\x00'")
    assert [finding.mended for finding in store.check(repair=True)] == [False]
    assert postgres.execute("SELECT count(*) FROM clawvm_snapshot") == [(1,)]
