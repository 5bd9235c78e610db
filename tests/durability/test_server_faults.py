"""A PostgreSQL that is killed, frozen, cut off, full or read-only under sessions: no loss."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres import NoServer, Server, running_server
from store_harness import PostgresPlace
from traffic import Traffic

from clawvm.stores import Store
from clawvm.writeback import delivery

psycopg = pytest.importorskip("psycopg")

OTHERS = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of this file's own, as it is ended time and again."""
    try:
        with running_server() as server:
            yield server
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture
def place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresPlace]:
    monkeypatch.setattr(delivery, "BACKOFF_FIRST", 0.0)
    place = PostgresPlace(server, tmp_path, monkeypatch)
    yield place
    place.close()


@pytest.fixture
def store(place: PostgresPlace) -> Store:
    return place.open(timeout=2.0)


@pytest.fixture
def traffic(store: Store, tmp_path: Path) -> Iterator[Traffic]:
    traffic = Traffic(store, tmp_path / "spool")
    assert traffic.turns(2) == ["committed"] * 2
    yield traffic
    traffic.session.release()


def survives(traffic: Traffic, broken: Callable[[], Any], turns: int = 4) -> str:
    """Take turns while the server is broken and after it; returns what was told of it."""
    with broken():
        assert traffic.turns(turns) == ["spooled"] * turns
        assert traffic.session.journal.waiting == turns
        told = str(traffic.session.journal.down)
    traffic.until_drained()
    assert traffic.session.coverage.outcomes["spooled"] >= turns
    traffic.verify()
    return told


def test_a_server_that_is_killed_and_started_again(traffic: Traffic, server: Server) -> None:
    @contextmanager
    def killed() -> Iterator[None]:
        server.kill()
        yield
        server.start()

    assert "connection" in survives(traffic, killed)


def test_a_server_that_is_killed_in_the_middle_of_traffic(
    store: Store, server: Server, tmp_path: Path
) -> None:
    """Sessions of several threads go on, whatever happens, and none has to be told twice."""
    sessions = [Traffic(store, tmp_path / f"spool{n}", f"s{n}") for n in range(4)]
    ending = threading.Event()
    moved = threading.Semaphore(0)

    def go_on(traffic: Traffic) -> None:
        while not ending.is_set():
            traffic.turns(1)
            moved.release()

    with ThreadPoolExecutor(len(sessions)) as pool:
        running = [pool.submit(go_on, traffic) for traffic in sessions]
        try:
            for _ in range(3):
                for _ in range(60):
                    assert moved.acquire(timeout=60)
                server.kill()
                for _ in range(20):
                    assert moved.acquire(timeout=60)
                server.start()
        finally:
            ending.set()
        for each in running:
            each.result(60)
    for traffic in sessions:
        traffic.until_drained()
        assert traffic.session.coverage.outcomes["spooled"] > 0
        traffic.verify()


def test_connections_that_are_cut_in_the_middle_of_commits(
    traffic: Traffic, place: PostgresPlace
) -> None:
    """A commit takes a while here, and is cut off in it time and again."""
    place.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END'; "
        "CREATE TRIGGER dawdle BEFORE INSERT ON clawvm_row FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )
    ending = threading.Event()
    cuts = 0

    def cut() -> None:
        nonlocal cuts
        while not ending.wait(0.005):
            asleep = f"SELECT pg_terminate_backend(pid) {OTHERS} AND wait_event = 'PgSleep'"
            cuts += len(place.execute(asleep))

    with ThreadPoolExecutor(1) as pool:
        cutting = pool.submit(cut)
        try:
            outcomes = traffic.turns_until(lambda: cuts >= 10)
        finally:
            ending.set()
        cutting.result(60)
    assert set(outcomes) <= {"committed", "spooled"}
    traffic.until_drained()
    traffic.verify()


def test_a_server_that_does_not_answer(traffic: Traffic, server: Server) -> None:
    import psutil

    @contextmanager
    def frozen() -> Iterator[None]:
        first = psutil.Process(server.pid)
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            process.suspend()
        yield
        for process in processes:
            process.resume()

    assert survives(traffic, frozen, turns=1)


def test_a_server_whose_tables_are_locked(traffic: Traffic, place: PostgresPlace) -> None:
    @contextmanager
    def locked() -> Iterator[None]:
        with psycopg.connect(place.url) as other:
            other.execute("LOCK TABLE clawvm_space")
            yield
            other.rollback()

    assert "timeout" in survives(traffic, locked, turns=1)


def test_a_server_without_room(traffic: Traffic, place: PostgresPlace) -> None:
    @contextmanager
    def full() -> Iterator[None]:
        place.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION "
            "''No space left on device'' USING ERRCODE = ''disk_full''; END'; "
            "CREATE TRIGGER refuse BEFORE INSERT ON clawvm_row FOR EACH ROW "
            "EXECUTE FUNCTION refuse()"
        )
        yield
        place.execute("DROP TRIGGER refuse ON clawvm_row")

    assert "No space left on device" in survives(traffic, full)


def test_a_server_that_became_read_only(traffic: Traffic, server: Server) -> None:
    """As one does that has become a standby."""

    @contextmanager
    def read_only() -> Iterator[None]:
        server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        server.execute(f"SELECT pg_reload_conf(); SELECT pg_terminate_backend(pid) {OTHERS}")
        yield
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}".encode())

    assert "read-only transaction" in survives(traffic, read_only)
