"""PostgreSQL going away: servers stopped, killed and frozen, connections cut, clients killed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lossy_proxy import lossy_proxy
from postgres import NoServer, Server, running_server
from store_harness import PROJECT, PostgresPlace, fill, text

from clawvm import crash_points
from clawvm.errors import ClawVMError, StoreFailed
from clawvm.stores import Append, Durability, Space, Store

pytest.importorskip("psycopg")


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
    if not server.running():
        server.start()
    place = PostgresPlace(server, tmp_path, monkeypatch)
    yield place
    if not server.running():
        server.start()
    place.close()


def test_a_server_that_is_down_is_reported_and_used_again_when_it_is_back(
    place: PostgresPlace, server: Server
) -> None:
    store = place.open()
    fill(store, PROJECT, 2)
    server.stop()
    with pytest.raises(StoreFailed, match="making the call again is safe"):
        store.append(Append(PROJECT, 3, b"record 3", [text(3)]))
    with pytest.raises(StoreFailed):
        store.load(PROJECT)
    with pytest.raises(StoreFailed):
        place.open()
    waiting = store.append(Append(PROJECT, 3, b"record 3", [text(3)]), Durability.DEFERRED)
    with pytest.raises(StoreFailed):
        waiting.wait()
    server.start()
    fill(store, PROJECT, 1, first=3)
    assert store.load(PROJECT).last_seq == 3
    assert store.check() == []


def test_connections_that_a_restart_broke_unnoticed_are_replaced(
    place: PostgresPlace, server: Server
) -> None:
    store = place.open()
    fill(store, PROJECT, 1)
    with ThreadPoolExecutor(8) as pool:  # so that several stand idle
        list(pool.map(lambda _: store.load(PROJECT), range(64)))
    server.stop()
    server.start()
    store.append(Append(PROJECT, 2, b"record 2"))
    assert store.load(PROJECT).last_seq == 2


class Writers:
    """Threads that append to one space each until they are told to stop, whatever happens."""

    def __init__(self, store: Store, number: int = 4) -> None:
        self.store = store
        self.spaces = [PROJECT._replace(name=f"p{one}") for one in range(number)]
        self.acknowledged = dict.fromkeys(self.spaces, 0)
        self.errors: list[ClawVMError] = []
        self.stopping = threading.Event()
        self.moved = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self.write, args=(each,)) for each in self.spaces]
        for thread in self.threads:
            thread.start()

    def write(self, space: Space) -> None:
        seq = 1
        while not self.stopping.is_set():
            try:
                self.store.append(Append(space, seq, b"record %d" % seq, [text(seq)]))
            except StoreFailed as error:
                self.errors.append(error)
                self.stopping.wait(0.01)
                continue  # the very same row again
            self.acknowledged[space] = seq
            self.moved.release()
            seq += 1

    def wait_for(self, rows: int) -> None:
        for _ in range(rows):
            assert self.moved.acquire(timeout=60)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def verify(self) -> None:
        """Every acknowledged row is there once, in order, and at most one more of each writer."""
        for space in self.spaces:
            rows = self.store.load(space).rows
            assert [row.record for row in rows] == [b"record %d" % row.seq for row in rows]
            assert 0 <= len(rows) - self.acknowledged[space] <= 1
            ids = [number for row in rows for number in row.contents]
            assert self.store.contents(space, ids) == [text(row.seq) for row in rows]
        assert self.store.check() == []


def test_no_row_is_lost_when_the_server_is_killed_in_the_middle_of_traffic(
    place: PostgresPlace, server: Server
) -> None:
    writers = Writers(place.open())
    try:
        for _ in range(4):
            writers.wait_for(40)
            server.kill()
            server.start()
        writers.wait_for(40)
    finally:
        writers.stop()
    writers.verify()


def test_no_row_is_lost_when_connections_are_cut_in_the_middle_of_traffic(
    place: PostgresPlace,
) -> None:
    writers = Writers(place.open())
    try:
        for _ in range(60):
            writers.wait_for(5)
            place.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'clawvm' AND state = 'active'"
            )
    finally:
        writers.stop()
    writers.verify()


@pytest.mark.parametrize("point", ["store.begin", "store.commit", "store.committed"])
def test_an_append_survives_that_its_connection_is_cut(
    place: PostgresPlace, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    store = place.open()

    def cut(name: str) -> None:
        if name == point:
            place.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'clawvm'"
            )

    monkeypatch.setattr(crash_points, "hook", cut)
    fill(store, PROJECT, 3)
    monkeypatch.setattr(crash_points, "hook", None)
    assert [row.record for row in store.load(PROJECT).rows] == [
        b"record 1",
        b"record 2",
        b"record 3",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the proxy needs sockets with a path")
def test_a_row_whose_acknowledgement_is_lost_is_written_once(
    place: PostgresPlace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lossy_proxy(server.folder / f".s.PGSQL.{server.port}") as proxy:
        place.parameters = {**place.parameters, "host": str(proxy.folder)}
        store = place.open()
        fill(store, PROJECT, 1)

        def lose(name: str) -> None:
            if name == "store.commit":
                proxy.swallow.set()

        monkeypatch.setattr(crash_points, "hook", lose)
        ids = store.append(Append(PROJECT, 2, b"record 2", [text(2)])).wait()
        monkeypatch.setattr(crash_points, "hook", None)
        assert proxy.swallowed == 1
        rows = store.load(PROJECT).rows
        assert [(row.seq, row.record) for row in rows] == [(1, b"record 1"), (2, b"record 2")]
        assert rows[1].contents == ids
        store.close()


def test_an_append_cut_off_while_it_waits_is_made_again(place: PostgresPlace) -> None:
    import psycopg

    store = place.open()
    fill(store, PROJECT, 1)
    with (
        psycopg.connect(place.url) as rival,
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(place.url, autocommit=True) as killer,
    ):
        rival.execute("SELECT id FROM clawvm_space FOR UPDATE")
        append = pool.submit(store.append, Append(PROJECT, 2, b"record 2", [text(2)]))
        cut = False
        while not cut:
            cut = bool(
                killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'clawvm' AND wait_event_type = 'Lock'"
                ).fetchall()
            )
        rival.rollback()
        append.result(60)
    assert store.load(PROJECT).last_seq == 2


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be suspended reliably")
def test_a_server_that_says_nothing_is_given_up(place: PostgresPlace, server: Server) -> None:
    import psutil

    store = place.open(timeout=0.3)
    fill(store, PROJECT, 1)
    row = Append(PROJECT, 2, b"record 2", [text(2)])
    first = psutil.Process(server.pid)
    processes = [first, *first.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        with pytest.raises(StoreFailed, match="no answer in time"):
            store.append(row)
    finally:
        for process in processes:
            process.resume()
    store.append(row)
    assert store.load(PROJECT).last_seq == 2


def test_a_full_disk_fails_the_row_and_the_next_one_is_written(place: PostgresPlace) -> None:
    store = place.open()
    fill(store, PROJECT, 1)
    # The server's own error for it, raised where the row would be written.
    place.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END$$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON clawvm_row "
        "FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    with pytest.raises(StoreFailed, match="No space left on device"):
        store.append(Append(PROJECT, 2, b"record 2", [text(2)]))
    assert store.check() == []
    place.execute("DROP TRIGGER full_disk ON clawvm_row")
    fill(store, PROJECT, 1, first=2)
    assert store.load(PROJECT).last_seq == 2
