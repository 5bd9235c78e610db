"""PostgreSQL going away: servers stopped, killed and frozen, connections cut, clients killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from postgres import NoServer, Server, running_server
from store_harness import HOLDER, OTHER, PROJECT, SESSION, PostgresPlace, fill, text

from clawvm import crash_points
from clawvm.errors import ClawVMError, JournalConflict, LeaseLost, StoreFailed
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


CLIENT = """
import os, signal, sys
from clawvm import crash_points
from clawvm.pages import Scope
from clawvm.stores import Append, Space, open_store, this_holder
url, point, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
space = Space("acme", Scope.SESSION, "s1")
lease = store.acquire(space, this_holder(), 3600.0)
left = count

def die(name):
    global left
    left -= name == point
    if left == 0:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

crash_points.hook = die
first = store.load(space).last_seq + 1
for seq in range(first, first + 20):
    text = b"text %d " % seq * 100
    store.append(Append(space, seq, b"record %d" % seq, [text], lease.token))
    print(seq, flush=True)
    if seq % 2 == 0:
        store.save_snapshot(Append(space, seq, b"state %d" % seq, [text * 2], lease.token))
        print("snapshot", seq, flush=True)
"""


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("step", ["begin", "contents", "row", "commit", "committed"])
def test_a_killed_client_loses_nothing_that_was_acknowledged(
    place: PostgresPlace, step: str, count: int
) -> None:
    store = place.open()
    died = subprocess.run(
        [sys.executable, "-c", CLIENT, place.url, f"store.{step}", str(count)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert died.returncode != 0
    assert "Error" not in died.stderr, died.stderr
    said = died.stdout.split()
    acknowledged = max((int(word) for word in said if word.isdigit()), default=0)
    stored = store.load(SESSION)
    assert acknowledged <= stored.last_seq <= acknowledged + 1
    if "snapshot" in said:
        assert stored.snapshot is not None
        assert stored.snapshot.seq >= int(said[len(said) - said[::-1].index("snapshot")])
    rows = list(store.rows(SESSION))
    assert [row.record for row in rows] == [b"record %d" % row.seq for row in rows]
    ids = [number for row in rows for number in row.contents]
    assert store.contents(SESSION, ids) == [b"text %d " % row.seq * 100 for row in rows]
    assert store.check() == []
    # The lease has an hour to go, and its holder is dead.
    assert store.acquire(SESSION, HOLDER, 30.0).token > 1


RACER = """
import sys
from clawvm.errors import JournalConflict
from clawvm.pages import Scope
from clawvm.stores import Append, Space, open_store
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
space = Space("acme", Scope.PROJECT, "p1")
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    while True:
        seq = store.load(space).last_seq + 1
        try:
            store.append(Append(space, seq, f"{name} {number}".encode(), [name.encode() * 600]))
        except JournalConflict:
            continue
        break
store.close()
"""


def test_every_row_of_many_processes_is_there_exactly_once(place: PostgresPlace) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, place.url, name, "40"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abcde"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)
    store = place.open()
    records = [row.record.decode() for row in store.load(PROJECT).rows]
    assert sorted(records) == sorted(f"{name} {number}" for name in "abcde" for number in range(40))
    assert place.execute("SELECT count(*) FROM clawvm_content") == [(5,)]
    assert store.check() == []


def test_one_of_many_holders_at_a_time_gets_rows_in(place: PostgresPlace) -> None:
    store = place.open()
    refused = []

    def hold(name: int) -> int:
        written = 0
        for _ in range(20):
            # The same holder may always take it, which makes everybody else's token old.
            lease = store.acquire(SESSION, HOLDER, 30.0)
            try:
                seq = store.load(SESSION).last_seq + 1
                store.append(Append(SESSION, seq, b"%d %d" % (name, seq), [], lease.token))
                written += 1
            except (LeaseLost, JournalConflict) as error:
                refused.append(error)
        return written

    with ThreadPoolExecutor(6) as pool:
        written = sum(pool.map(hold, range(6)))
    rows = place.execute("SELECT seq, token FROM clawvm_row ORDER BY seq")
    assert [seq for seq, _ in rows] == list(range(1, written + 1))
    assert [token for _, token in rows] == sorted({token for _, token in rows})
    assert written + len(refused) == 120


def test_contents_that_are_pruned_and_written_at_once_are_never_lost(
    place: PostgresPlace,
) -> None:
    store, cleaner = place.open(), place.open()
    stopping = threading.Event()

    def clean() -> None:
        while not stopping.is_set():
            cleaner.prune(2.0**40)

    def write(space: Space) -> None:
        for seq in range(1, 41):
            # The texts are the same in every space, and go and come with every few rows.
            store.append(Append(space, seq, b"record", [text(seq % 3)]))
            (content,) = store.append(Append(space, seq, b"record", [text(seq % 3)])).wait()
            assert store.contents(space, [content]) == [text(seq % 3)]
            store.save_snapshot(Append(space, seq, b"state", [text(seq % 3)]))

    cleaning = threading.Thread(target=clean)
    cleaning.start()
    try:
        spaces = [OTHER._replace(scope=PROJECT.scope, name=f"p{number}") for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(write, space) for space in spaces]:
                done.result()
    finally:
        stopping.set()
        cleaning.join()
    for space in spaces:
        snapshot = store.load(space).snapshot
        assert snapshot is not None
        assert store.contents(space, snapshot.contents) == [text(40 % 3)]
    assert store.check() == []
