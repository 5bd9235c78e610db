"""Many writers on PostgreSQL at once, and clients that are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from store_harness import HOLDER, OTHER, PROJECT, SESSION, PostgresPlace, text

from clawvm.errors import JournalConflict, LeaseLost
from clawvm.stores import Append, Space

pytest.importorskip("psycopg")

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
    postgres: PostgresPlace, step: str, count: int
) -> None:
    store = postgres.open()
    died = subprocess.run(
        [sys.executable, "-c", CLIENT, postgres.url, f"store.{step}", str(count)],
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


def test_every_row_of_many_processes_is_there_exactly_once(postgres: PostgresPlace) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, postgres.url, name, "40"],
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
    store = postgres.open()
    records = [row.record.decode() for row in store.load(PROJECT).rows]
    assert sorted(records) == sorted(f"{name} {number}" for name in "abcde" for number in range(40))
    assert postgres.execute("SELECT count(*) FROM clawvm_content") == [(5,)]
    assert store.check() == []


def test_one_of_many_holders_at_a_time_gets_rows_in(postgres: PostgresPlace) -> None:
    store = postgres.open()
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
    rows = postgres.execute("SELECT seq, token FROM clawvm_row ORDER BY seq")
    assert [seq for seq, _ in rows] == list(range(1, written + 1))
    assert [token for _, token in rows] == sorted({token for _, token in rows})
    assert written + len(refused) == 120


def test_contents_that_are_pruned_and_written_at_once_are_never_lost(
    postgres: PostgresPlace,
) -> None:
    store, cleaner = postgres.open(), postgres.open()
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
