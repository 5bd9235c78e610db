"""What only the store in PostgreSQL does: roles, schemas, migrations, checksums, connections."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from store_harness import HOLDER, OTHER, PROJECT, SESSION, PostgresPlace, fill, text

from clawvm import crash_points
from clawvm.errors import ContentMissing, JournalConflict, StoreFailed, StoreInvalid
from clawvm.stores import Append, Durability, Lz4Codec, Store, open_store
from clawvm.stores.postgres_address import without_password
from clawvm.stores.postgres_schema import MIGRATION_LOCK, MIGRATIONS, TENANT_LOCK

pytest.importorskip("psycopg")


@pytest.fixture
def ordinary(postgres: PostgresPlace) -> PostgresPlace:
    """A place whose stores come as a role that owns one schema and may do nothing else."""
    role = f"role_of_{postgres.schema}"
    postgres.execute(
        f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;"
        f"ALTER SCHEMA {postgres.schema} OWNER TO {role};"
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        "REVOKE CREATE, TEMPORARY ON DATABASE postgres FROM PUBLIC"
    )
    postgres.parameters = {"user": role, "options": f"-csearch_path={postgres.schema}"}
    return postgres


def test_an_ordinary_role_with_one_schema_is_enough(ordinary: PostgresPlace) -> None:
    store = ordinary.open()
    lease = store.acquire(SESSION, HOLDER, 30.0)
    fill(store, SESSION, 3, token=lease.token)
    store.save_snapshot(Append(SESSION, 3, b"snapshot", [text(3)], lease.token))
    store.prune(2.0**40)
    assert store.load(SESSION).snapshot is not None
    store.release(lease)
    store.delete(SESSION)
    assert store.check(repair=True) == []
    assert ordinary.execute("SELECT count(*) FROM clawvm_content") == [(0,)]


def test_a_role_that_may_not_make_tables_is_told_so(ordinary: PostgresPlace) -> None:
    ordinary.execute(f"ALTER SCHEMA {ordinary.schema} OWNER TO postgres")
    ordinary.execute(f"GRANT USAGE ON SCHEMA {ordinary.schema} TO PUBLIC")
    with pytest.raises(StoreInvalid, match=r"permission denied .* give the role the right"):
        ordinary.open()


def test_a_search_path_without_a_schema_is_refused(postgres: PostgresPlace) -> None:
    postgres.parameters = {"options": "-csearch_path=nowhere"}
    with pytest.raises(StoreInvalid, match="no schema has been selected"):
        postgres.open()


def test_tables_stand_in_the_first_schema_of_the_search_path(postgres: PostgresPlace) -> None:
    fill(postgres.open(), PROJECT, 1)
    tables = postgres.execute(
        f"SELECT tablename FROM pg_tables WHERE schemaname = '{postgres.schema}' ORDER BY tablename"
    )
    names = ["content", "meta", "reference", "row", "snapshot", "space"]
    assert tables == [(f"clawvm_{name}",) for name in names]
    assert postgres.execute("SELECT to_regclass('public.clawvm_row')") == [(None,)]


def test_many_that_start_at_once_make_the_tables_once(postgres: PostgresPlace) -> None:
    gate = threading.Barrier(8)

    def start() -> Store:
        gate.wait()
        return postgres.open()

    with ThreadPoolExecutor(8) as pool:
        stores = [each.result() for each in [pool.submit(start) for _ in range(8)]]
    fill(stores[0], PROJECT, 1)
    assert all(store.load(PROJECT).last_seq == 1 for store in stores)
    assert postgres.execute("SELECT version FROM clawvm_meta") == [(len(MIGRATIONS),)]


def test_tables_of_a_newer_version_are_refused_and_left_alone(postgres: PostgresPlace) -> None:
    postgres.open().close()
    postgres.execute(f"UPDATE clawvm_meta SET version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreInvalid, match="use a newer ClawVM"):
        postgres.open()
    assert postgres.execute("SELECT version FROM clawvm_meta") == [(len(MIGRATIONS) + 1,)]


@pytest.mark.parametrize("table", ["clawvm_meta", "clawvm_space", "clawvm_row"])
def test_tables_of_our_name_that_are_not_ours_are_refused(
    postgres: PostgresPlace, table: str
) -> None:
    postgres.execute(f"CREATE TABLE {table} (something text)")
    with pytest.raises(StoreInvalid, match="the tables are not those that this version made"):
        postgres.open()
    made = postgres.execute(
        f"SELECT tablename FROM pg_tables WHERE schemaname = '{postgres.schema}'"
    )
    assert made == [(table,)]


def test_a_database_in_another_encoding_is_refused(postgres: PostgresPlace) -> None:
    name = f"latin_{postgres.schema}"
    postgres.server.execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
    )
    with pytest.raises(StoreInvalid, match="encoded in LATIN1, expected UTF8"):
        open_store(postgres.server.url(name))


def test_without_psycopg_the_extra_is_named(
    postgres: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "clawvm.stores.postgres_link", raising=False)
    monkeypatch.delitem(sys.modules, "clawvm.stores.postgres_migrate", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreInvalid, match=r"install clawvm\[postgres\]"):
        postgres.open()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(StoreInvalid, match="not an address that PostgreSQL understands"):
        open_store("postgresql://host/database?no_such_parameter=1")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://me:secret@host/db", "postgresql://me@host/db"),
        ("postgresql://me:se@cr:et@a:1,b:2/db?x=y", "postgresql://me@a:1,b:2/db?x=y"),
        ("postgres://:secret@/db", "postgres://@/db"),
        ("postgresql:///db?user=me&password=secret", "postgresql:///db?user=me&password=***"),
        ("postgresql:///db?sslpassword=secret&a=b", "postgresql:///db?sslpassword=***&a=b"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_errors_show_no_password(postgres: PostgresPlace) -> None:
    postgres.parameters = {"host": str(postgres.folder), "password": "tell-nobody"}
    with pytest.raises(StoreFailed) as caught:
        postgres.open()
    assert "tell-nobody" not in str(caught.value)


def test_what_is_committed_is_waited_for_whatever_the_address_says(
    postgres: PostgresPlace,
) -> None:
    from clawvm.stores.postgres_link import Link

    url = postgres.server.url(options="-csynchronous_commit=off -cstatement_timeout=0")
    link = Link(url, 5.0)
    assert link.rows("ask", "SHOW synchronous_commit") == [("on",)]
    assert link.rows("ask", "SHOW statement_timeout") == [("5s",)]
    assert link.rows("ask", "SHOW statement_timeout", maintenance=True) != [("5s",)]
    assert link.rows("ask", "SHOW statement_timeout") == [("5s",)]
    link.close()


def test_rows_that_come_together_are_one_transaction(postgres: PostgresPlace) -> None:
    store = postgres.open()
    with ThreadPoolExecutor(32) as pool:
        spaces = [PROJECT._replace(name=f"p{number}") for number in range(32)]
        for _ in pool.map(lambda space: fill(store, space, 5), spaces):
            pass
    rows, transactions = postgres.execute(
        "SELECT count(*), count(DISTINCT xmin::text) FROM clawvm_row"
    )[0]
    assert rows == 160
    assert transactions < 80


def test_no_connection_is_left_in_a_transaction_and_their_number_is_bounded(
    postgres: PostgresPlace,
) -> None:
    store = postgres.open()
    fill(store, PROJECT, 20)
    with ThreadPoolExecutor(40) as pool:
        loaded = list(pool.map(lambda _: store.load(PROJECT).last_seq, range(200)))
    assert loaded == [20] * 200
    states = postgres.execute(
        "SELECT state FROM pg_stat_activity WHERE application_name = 'clawvm'"
    )
    assert 0 < len(states) <= 8
    assert {state for (state,) in states} == {"idle"}
    store.close()


def test_another_tenant_sees_neither_rows_nor_contents(postgres: PostgresPlace) -> None:
    store = postgres.open()
    (content,) = store.append(Append(PROJECT, 1, b"record", [text(1)])).wait()
    stranger = PROJECT._replace(tenant="globex")
    with pytest.raises(ContentMissing):
        store.contents(stranger, [content])
    with pytest.raises(ContentMissing):
        store.append(Append(stranger, 1, b"record", [content]))
    store.append(Append(stranger, 1, b"record", [text(1)]))
    assert postgres.execute("SELECT count(*) FROM clawvm_content") == [(2,)]


def test_an_advisory_lock_left_behind_delays_only_the_first_opening(
    postgres: PostgresPlace,
) -> None:
    import psycopg

    with psycopg.connect(postgres.url) as left_behind:
        left_behind.execute(
            "SELECT pg_advisory_lock(%s, hashtext(current_schema()))", (MIGRATION_LOCK,)
        )
        with pytest.raises(StoreFailed, match="make the tables"):
            postgres.open(timeout=0.2)
    fill(postgres.open(), PROJECT, 1)
    with psycopg.connect(postgres.url) as left_behind:
        left_behind.execute(
            "SELECT pg_advisory_lock(%s, hashtext(current_schema()))", (MIGRATION_LOCK,)
        )
        assert postgres.open(timeout=0.2).load(PROJECT).last_seq == 1


def test_a_writer_kept_waiting_gives_up_and_can_try_again(postgres: PostgresPlace) -> None:
    import psycopg

    store = postgres.open(timeout=0.2)
    row = Append(PROJECT, 1, b"record", [text(1)])
    with psycopg.connect(postgres.url) as left_behind:
        left_behind.execute(
            "SELECT pg_advisory_lock(%s, hashtext(%s))", (TENANT_LOCK, PROJECT.tenant)
        )
        with pytest.raises(StoreFailed, match="making the call again is safe"):
            store.append(row)
    assert store.append(row).wait() == store.load(PROJECT).rows[0].contents


def test_who_loses_a_deadlock_is_tried_again(
    postgres: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    options = f"-csearch_path={postgres.schema} -cdeadlock_timeout=10ms"
    postgres.parameters = {"options": options}
    store = postgres.open()
    first = PROJECT._replace(name="a")
    second = PROJECT._replace(name="b")
    for space in (first, second):
        fill(store, space, 1)
    lock = "SELECT id FROM clawvm_space WHERE name = %s FOR UPDATE"
    with psycopg.connect(
        f"{postgres.server.url()}&options=-csearch_path%3D{postgres.schema}"
    ) as rival:
        # The rival's own search for deadlocks comes later than ours.
        rival.execute("SET deadlock_timeout = '60s'")
        rival.execute(lock, ("b",))
        tickets = [
            store.append(Append(space, 2, b"row"), Durability.DEFERRED) for space in (first, second)
        ]
        flushing = threading.Thread(target=store.flush)
        flushing.start()
        rival.execute(lock, ("a",))  # waits until ours is told of the deadlock
        rival.commit()
        flushing.join()
    assert [ticket.wait() for ticket in tickets] == [(), ()]
    assert [store.load(space).last_seq for space in (first, second)] == [2, 2]


def test_a_read_only_database_can_be_read(postgres: PostgresPlace) -> None:
    fill(postgres.open(), PROJECT, 1)
    postgres.parameters = {
        "options": f"-csearch_path={postgres.schema} -cdefault_transaction_read_only=on"
    }
    store = postgres.open()
    with pytest.raises(StoreFailed, match="read-only transaction"):
        store.append(Append(PROJECT, 2, b"record"))
    assert store.load(PROJECT).last_seq == 1
    assert store.check() == []


class CountingCodec(Lz4Codec):
    """One digest for everything, so that every text has to be compared."""

    def digest(self, data: bytes) -> bytes:
        return b"the same"


def test_texts_of_one_hint_are_apart_in_one_batch_and_across_batches(
    postgres: PostgresPlace,
) -> None:
    store = postgres.open(codec=CountingCodec())
    texts: list[Any] = [text(number) for number in range(6)]
    first = store.append(Append(PROJECT, 1, b"one", texts[:3])).wait()
    second = store.append(Append(PROJECT, 2, b"two", texts)).wait()
    assert second[:3] == first
    assert store.contents(PROJECT, second) == texts
    assert len(set(second)) == 6
    assert store.check() == []


def test_a_row_behind_one_that_only_the_comparison_refuses_is_refused(
    postgres: PostgresPlace,
) -> None:
    store = postgres.open(codec=CountingCodec())
    store.append(Append(PROJECT, 1, b"record"))
    records = [(1, b"another record"), (2, b"made in the belief that it is there")]
    tickets = [store.append(Append(PROJECT, *each), Durability.DEFERRED) for each in records]
    for ticket in tickets:
        with pytest.raises(JournalConflict, match="has a row 1 already"):
            ticket.wait()
    assert [row.record for row in store.load(PROJECT).rows] == [b"record"]


def test_a_snapshot_takes_away_what_only_the_one_before_it_referred_to(
    postgres: PostgresPlace,
) -> None:
    store = postgres.open()
    fill(store, PROJECT, 2)
    store.save_snapshot(Append(PROJECT, 1, b"state", [text(8), text(9)]))
    store.append(Append(OTHER._replace(scope=PROJECT.scope), 1, b"record", [text(9)]))
    store.save_snapshot(Append(PROJECT, 2, b"state", [text(1)]))
    kept = {store_text(postgres, number) for number in (1, 2, 8, 9)}
    assert kept == {(1, True), (2, True), (8, False), (9, True)}
    assert store.check() == []


def store_text(place: PostgresPlace, number: int) -> tuple[int, bool]:
    """Whether a text is stored at all."""
    data = Lz4Codec().encode(text(number)).hex()
    found = place.execute(f"SELECT 1 FROM clawvm_content WHERE data = '\\x{data}'")
    return number, bool(found)


FORK = """
import os, sys
from clawvm.errors import StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Append, Space, open_store
store = open_store(sys.argv[1])
space = Space("acme", Scope.PROJECT, "p1")
store.append(Append(space, 1, b"parent"))
child = os.fork()
if child == 0:
    try:
        store.append(Append(space, 2, b"child"))
    except StoreFailed as error:
        print(error, flush=True)
    anew = open_store(sys.argv[1])
    anew.append(Append(space, 2, b"child"))
    anew.close()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
store.append(Append(space, 3, b"parent"))
print(*(row.record.decode() for row in store.load(space).rows))
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_is_told_to_open_a_store_of_its_own(postgres: PostgresPlace) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, postgres.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    refused, rows = done.stdout.splitlines()
    assert "open it anew after the fork" in refused
    assert rows == "parent child parent", done.stderr


@pytest.fixture
def at_point(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    counted: dict[str, int] = {}

    def count(name: str) -> None:
        counted[name] = counted.get(name, 0) + 1

    monkeypatch.setattr(crash_points, "hook", count)
    return counted


def test_an_append_passes_every_crash_point_once(
    postgres: PostgresPlace, at_point: dict[str, int]
) -> None:
    postgres.open().append(Append(PROJECT, 1, b"record", [text(1)]))
    assert at_point == {
        f"store.{step}": 1 for step in ("begin", "contents", "row", "commit", "committed")
    }
