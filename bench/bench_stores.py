"""What an append to the SQLite store costs: time, commits a second, bytes written.

Everything that is compared runs turn about, in one process, on one disk. How long that disk takes
to sync decides most of what is seen, so it is printed beside the figures.

Groups of 64 threads aim at 10 times the commits of one sync each. Where a sync takes milliseconds
they reach several times that. Where it takes 0.15 ms they reach 7 to 10 times: there it is not the
disk that limits them but the interpreter, of which a commit takes some 35 us. A third of them goes
to its encoding, its rows and SQLite, as much to telling its thread and back, and the rest to what
64 threads that take turns lose. Printed beside it is what the same threads reach with a thread that
only answers them: about three times as much.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from time import perf_counter_ns

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm import crash_points
from clawvm.pages import Scope
from clawvm.stores import Append, Durability, Lease, Space, Store, open_store

# At most this many times what a bare transaction takes that writes the same bytes.
BARE_TIMES_MOST = 3.0
# At least this many times the commits of one sync each, by the seconds that each is made to wait.
# The least for the fast one is for a busy machine; see above for what is reached on an idle one.
FAST_SECONDS, SLOW_SECONDS = 0.00015, 0.002
GROUP_TIMES_LEAST = {FAST_SECONDS: 2.0, SLOW_SECONDS: 10.0}

CONTENTS = 10
CONTENT_BYTES = 2048
RECORD_BYTES = 900
THREADS = 64

SESSION = Space("acme", Scope.SESSION, "bench")
WORDS = (
    *("budget", "cache", "decide", "evict", "floor", "handle", "index", "journal", "kernel"),
    *("ladder", "memory", "notice", "order", "page", "quality", "record", "select", "table"),
    *("because", "between", "without", "the", "of", "and", "to", "0", "17", "3.14", "src/app.py"),
)


class Texts:
    """Texts that look like prose to a compressor, and never come twice."""

    def __init__(self) -> None:
        self._random = random.Random("bench_stores")
        self._count = 0

    def take(self, size: int) -> bytes:
        self._count += 1
        words = self._random.choices(WORDS, k=size // 3)
        return f"{self._count} {' '.join(words)}".encode()[:size]

    def row(self, lease: Lease, seq: int, contents: int) -> Append:
        texts = [self.take(CONTENT_BYTES) for _ in range(contents)]
        return Append(lease.space, seq, self.take(RECORD_BYTES), texts, lease.token)


def bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, data BLOB)")
    return connection


def insert(connection: sqlite3.Connection, texts: list[bytes]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO texts (data) VALUES (?)", [(text,) for text in texts])
    connection.execute("COMMIT")


def open_in(folder: Path) -> tuple[Store, Lease]:
    store = open_store(f"sqlite:///{folder}/agents.db")
    return store, store.acquire(SESSION, "bench", 3600.0)


def elapsed_ns(work: Callable[[], object]) -> int:
    begin = perf_counter_ns()
    work()
    return perf_counter_ns() - begin


def sync_milliseconds(folder: Path) -> float:
    """Measure what the disk takes to sync one page at the end of a file."""
    with (folder / "sync").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

        return median(elapsed_ns(write) for _ in range(100)) / 1e6


def test_append_ten_contents(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    store, lease = open_in(tmp_path)
    texts = Texts()
    rows = (texts.row(lease, seq, CONTENTS) for seq in range(1, 100_000))
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        store.append, setup=lambda: ((next(rows),), {}), rounds=200
    )
    assert store.load(SESSION).last_seq >= 200
    store.close()


def test_append_without_waiting(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """What a caller pays at level ``group``: the encoding and the queue."""
    store, lease = open_in(tmp_path)
    texts = Texts()
    rows = (texts.row(lease, seq, CONTENTS) for seq in range(1, 100_000))
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        store.append, setup=lambda: ((next(rows), Durability.GROUP), {}), rounds=200
    )
    store.flush()
    assert store.load(SESSION).last_seq >= 200
    store.close()


def test_append_against_a_bare_transaction(tmp_path: Path) -> None:
    store, lease = open_in(tmp_path)
    connection = bare(tmp_path / "bare.db")
    texts = Texts()
    ratios, bares = [], []
    for seq in range(1, 301):
        row = texts.row(lease, seq, CONTENTS)
        same = [row.record, *(text for text in row.contents if isinstance(text, bytes))]
        stored_ns = elapsed_ns(lambda row=row: store.append(row))  # type: ignore[misc]
        bare_ns = elapsed_ns(lambda same=same: insert(connection, same))  # type: ignore[misc]
        ratios.append(stored_ns / bare_ns)
        bares.append(bare_ns / 1e6)
    print(
        f"\nappend over a bare transaction: {median(ratios):.2f} times "
        f"(bare {median(bares):.2f} ms, sync {sync_milliseconds(tmp_path):.2f} ms)"
    )
    assert store.load(SESSION).last_seq == 300
    store.close()
    connection.close()
    assert median(ratios) <= BARE_TIMES_MOST


def in_threads(work: Callable[[int], None]) -> float:
    """Run `work` in all threads at once; return the seconds that it took."""
    start = threading.Barrier(THREADS + 1)

    def run(index: int) -> None:
        start.wait()
        work(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def grouped_rate(folder: Path, rows: int) -> float:
    """Commits a second of threads that each wait for every row of their own session."""
    store, _ = open_in(folder)
    spaces = [SESSION._replace(name=f"session {index}") for index in range(THREADS)]
    leases = [store.acquire(space, "bench", 3600.0) for space in spaces]

    def work(index: int) -> None:
        for seq in range(1, rows + 1):
            row = Append(spaces[index], seq, b"record %d" % seq * 20, [], leases[index].token)
            store.append(row, Durability.GROUP).wait()

    seconds = in_threads(work)
    assert sum(info.rows for info in store.spaces()) == rows * THREADS
    store.close()
    return rows * THREADS / seconds


def single_rate(folder: Path, rows: int, pause: float) -> float:
    """Commits a second of the same threads with a bare transaction, and a sync, for each row."""
    connection = bare(folder / "single.db")
    lock = threading.Lock()

    def work(index: int) -> None:
        for seq in range(1, rows + 1):
            with lock:
                time.sleep(pause)
                insert(connection, [b"record %d" % seq * 20])

    seconds = in_threads(work)
    connection.close()
    return rows * THREADS / seconds


def handed_rate(rows: int) -> float:
    """Answers a second to the same threads, of a thread that does nothing else."""
    handed: SimpleQueue[threading.Lock | None] = SimpleQueue()

    def answer() -> None:
        while (latch := handed.get()) is not None:
            latch.release()

    def work(index: int) -> None:
        latch = threading.Lock()
        latch.acquire()
        for _ in range(rows):
            handed.put(latch)
            latch.acquire()

    answering = threading.Thread(target=answer)
    answering.start()
    seconds = in_threads(work)
    handed.put(None)
    answering.join()
    return rows * THREADS / seconds


@pytest.mark.parametrize(
    "pause", [0.0, *GROUP_TIMES_LEAST], ids=["this disk", "0.15 ms more", "2 ms more"]
)
def test_group_commit_of_many_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    """Each transaction of either kind is made to wait before it commits, as for a slower disk."""
    if pause:

        def wait(name: str) -> None:
            if name == "store.commit":
                time.sleep(pause)

        monkeypatch.setattr(crash_points, "hook", wait)
    sync = sync_milliseconds(tmp_path)
    grouped = grouped_rate(tmp_path, 50)
    single = single_rate(tmp_path, 5 if pause else 20, pause)
    print(
        f"\n{THREADS} threads: {grouped:.0f} commits/s in groups, {single:.0f} with a sync each, "
        f"{grouped / single:.1f} times (sync {sync + pause * 1e3:.2f} ms); "
        f"{handed_rate(50):.0f} answers/s with no store at all"
    )
    if pause:
        assert grouped / single >= GROUP_TIMES_LEAST[pause]


def written_bytes() -> int:
    """Bytes that this process has handed to the system to write."""
    fields = Path("/proc/self/io").read_text(encoding="ascii").split()
    return int(fields[fields.index("wchar:") + 1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_bytes_written_for_each_turn(tmp_path: Path) -> None:
    """Beside a plain table of messages in JSON with the same texts; checkpoints are counted in."""
    turns, contents = 500, 3
    texts = Texts()
    store, lease = open_in(tmp_path)
    rows = [texts.row(lease, seq, contents) for seq in range(1, turns + 1)]
    payload = sum(
        len(row.record) + sum(len(text) for text in row.contents if isinstance(text, bytes))
        for row in rows
    )

    begin = written_bytes()
    for row in rows:
        store.append(row)
    store.close()
    stored = written_bytes() - begin

    begin = written_bytes()
    connection = bare(tmp_path / "json.db")
    for row in rows:
        parts = [row.record, *(text for text in row.contents if isinstance(text, bytes))]
        messages = [{"role": "tool", "content": part.decode()} for part in parts]
        insert(connection, [json.dumps(message).encode() for message in messages])
    connection.close()
    plain = written_bytes() - begin

    print(
        f"\nbytes for each turn: payload {payload // turns}, store {stored // turns}, "
        f"plain table of JSON {plain // turns}"
    )
    assert stored < plain
