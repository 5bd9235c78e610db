"""Processes that are killed: what was acknowledged is there, what was not is whole or absent."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from store_harness import PROJECT, SESSION, SqlitePlace

from clawvm.stores import Append, Store

POINTS = [
    "store.create",
    "store.begin",
    "store.contents",
    "store.row",
    "store.commit",
    "store.committed",
]

# Writes rows until it is killed, and tells of each one that is acknowledged. Each refers to the
# content of the row before, each tenth comes with a snapshot.
WRITER = """
import os, signal, sys
from clawvm import crash_points
from clawvm.pages import Scope
from clawvm.stores import Append, Durability, Space, open_store, this_holder

url, point, hits = sys.argv[1], sys.argv[2], int(sys.argv[3])

def hook(name):
    global hits
    if name == point:
        hits -= 1
        if hits == 0:
            os.kill(os.getpid(), signal.SIGKILL)

crash_points.hook = hook
store = open_store(url)
session = Space("acme", Scope.SESSION, "s1")
lease = store.acquire(session, this_holder(), 3600.0)
stored = store.load(session)
last = stored.rows[-1] if stored.rows else stored.snapshot
ids = list(last.contents[-1:]) if last else []
seq = stored.last_seq
print("open", flush=True)
while True:
    seq += 1
    text = b"text %d " % seq * 200
    level = Durability.GROUP if seq % 3 == 0 else Durability.COMMIT
    row = Append(session, seq, b"record %d" % seq, [*ids, text], lease.token)
    ids = [store.append(row, level).wait()[-1]]
    print(seq, flush=True)
    if seq % 5 == 0:
        store.save_snapshot(Append(session, seq, b"snapshot %d" % seq, ids, lease.token))
        print(-seq, flush=True)
"""


def run_until_killed(sqlite: SqlitePlace, point: str, hits: int, seconds: float = 60) -> list[str]:
    """Run a writer until it dies; return the lines that it wrote."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, sqlite.url, point, str(hits)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
    assert child.returncode == -9
    return output.splitlines()


def check_after_a_kill(store: Store, lines: list[str]) -> None:
    acknowledged = [int(line) for line in lines if line != "open"]
    last = max([seq for seq in acknowledged if seq > 0], default=0)
    covered = max([-seq for seq in acknowledged if seq < 0], default=0)
    rows = list(store.rows(SESSION))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= last
    for row in rows:
        assert row.record == b"record %d" % row.seq
        texts = [b"text %d " % seq * 200 for seq in (row.seq - 1, row.seq) if seq > 0]
        assert store.contents(SESSION, row.contents) == texts
    stored = store.load(SESSION)
    assert stored.last_seq == len(rows)
    assert (stored.snapshot.seq if stored.snapshot else 0) >= covered
    assert store.check() == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("hits", [1, 2, 7])
@pytest.mark.parametrize("point", POINTS)
def test_a_writer_that_is_killed_at_a_step(sqlite: SqlitePlace, point: str, hits: int) -> None:
    if point == "store.create" and hits > 1:
        pytest.skip("a store is made once")
    lines = run_until_killed(sqlite, point, hits)
    store = sqlite.open()
    check_after_a_kill(store, lines)
    # It goes on from there: the dead process holds nothing, and the row that may have been written
    # can be appended again.
    lease = store.acquire(SESSION, "the next one", 30.0)
    seq = store.load(SESSION).last_seq + 1
    store.append(Append(SESSION, seq, b"record", [], lease.token))
    assert store.load(SESSION).last_seq == seq


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_writer_that_is_killed_at_any_time_and_started_again(sqlite: SqlitePlace) -> None:
    chance = random.Random(7)
    known: list[str] = []
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, sqlite.url, "never", "1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 0.1))
        child.kill()
        output, _ = child.communicate(timeout=60)
        known += output.splitlines()
        check_after_a_kill(sqlite.open(), known)
    assert len(known) > 8


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_deletion_that_was_killed_half_way_is_finished_by_the_next_prune(
    sqlite: SqlitePlace,
) -> None:
    deleter = (
        "import os, signal, sys; from clawvm import crash_points; from clawvm.pages import Scope\n"
        "from clawvm.stores import *\n"
        "store = open_store(sys.argv[1]); project = Space('acme', Scope.PROJECT, 'p1')\n"
        "for seq in range(1, 501):\n"
        "    row = Append(project, seq, b'record', [b'text %d ' % seq * 100])\n"
        "    store.append(row, Durability.GROUP)\n"
        "store.flush(); left = 3\n"
        "def hook(name):\n"
        "    global left\n"
        "    left -= name == 'store.begin'\n"
        "    if not left: os.kill(os.getpid(), signal.SIGKILL)\n"
        "crash_points.hook = hook\n"
        "store.delete(project)"
    )
    child = subprocess.run([sys.executable, "-c", deleter, sqlite.url], timeout=60, check=False)
    assert child.returncode == -9
    store = sqlite.open()
    assert store.load(PROJECT).last_seq == 0
    assert store.spaces() == []
    assert store.check() == []
    store.append(Append(PROJECT, 1, b"a new one", [b"text 1 " * 100]))
    report = store.prune(0.0)
    assert report.contents == 300
    assert store.check() == []
    (row,) = store.load(PROJECT).rows
    assert store.contents(PROJECT, row.contents) == [b"text 1 " * 100]
