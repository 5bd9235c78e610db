"""Many threads and several processes on one store; coroutines; nothing ever sees a lock."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from store_harness import HOLDER, PROJECT, SESSION, Place, SqlitePlace, fill, text

from clawvm.errors import JournalConflict, LeaseLost, StoreFailed
from clawvm.stores import Append, Durability, Store
from clawvm.stores.asynchronous import AsyncStore


def in_threads(number: int, work: Callable[[int], None]) -> None:
    """Run `work(0)`, `work(1)`... at once; raise the first error."""
    errors: list[BaseException] = []
    start = threading.Barrier(number)

    def run(index: int) -> None:
        try:
            start.wait(30)
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_threads_write_sessions_and_one_project_at_once(store: Store) -> None:
    acknowledged: Counter[bytes] = Counter()
    lock = threading.Lock()

    def work(index: int) -> None:
        level = list(Durability)[index % 3]
        space = SESSION._replace(name=f"session {index}")
        lease = store.acquire(space, f"holder {index}", 60.0)
        tickets = []
        for seq in range(1, 11):
            content = text(seq)  # every session has the same
            row = Append(space, seq, b"record %d" % seq, [content], lease.token)
            tickets.append(store.append(row, level))
        for attempt in range(3):
            record = b"from %d, %d" % (index, attempt)
            while True:
                seq = store.load(PROJECT).last_seq + 1
                try:
                    store.append(Append(PROJECT, seq, record, [text(1)]), level).wait()
                    break
                except JournalConflict:
                    continue
            with lock:
                acknowledged[record] += 1
        assert len({ticket.wait() for ticket in tickets}) == 10
        store.release(lease)

    in_threads(32, work)
    for index in range(32):
        space = SESSION._replace(name=f"session {index}")
        rows = store.load(space).rows
        assert [row.record for row in rows] == [b"record %d" % seq for seq in range(1, 11)]
    assert Counter(row.record for row in store.rows(PROJECT)) == acknowledged
    contents = {number for row in store.rows(PROJECT) for number in row.contents}
    assert len(contents) == 1
    assert store.check() == []


def test_of_threads_that_append_one_row_one_wins(store: Store) -> None:
    won: list[int] = []
    lost: list[int] = []

    def work(index: int) -> None:
        try:
            store.append(Append(PROJECT, 1, b"record of %d" % index))
            won.append(index)
        except JournalConflict:
            lost.append(index)

    in_threads(16, work)
    assert (len(won), len(lost)) == (1, 15)
    assert store.load(PROJECT).rows[0].record == b"record of %d" % won[0]


def test_of_threads_that_want_a_lease_the_last_one_has_it(store: Store) -> None:
    leases = []
    in_threads(8, lambda index: leases.append(store.acquire(SESSION, HOLDER, 60.0)))
    tokens = sorted(lease.token for lease in leases)
    assert len(set(tokens)) == 8
    for token in tokens[:-1]:
        with pytest.raises(LeaseLost):
            store.append(Append(SESSION, 1, b"record", [], token))
    store.append(Append(SESSION, 1, b"record", [], tokens[-1]))


def test_a_ticket_can_be_waited_for_by_several_threads(store: Store) -> None:
    tickets = [store.append(Append(PROJECT, seq, b"r"), Durability.DEFERRED) for seq in (1, 2)]
    in_threads(6, lambda index: tickets[index % 2].wait() and None)
    assert store.load(PROJECT).last_seq == 2


def test_readers_see_whole_rows_while_writers_write(store: Store) -> None:
    done = threading.Event()

    def work(index: int) -> None:
        if index:
            while not done.is_set():
                stored = store.load(PROJECT)
                assert [row.seq for row in stored.rows] == list(range(1, stored.last_seq + 1))
                ids = [number for row in stored.rows for number in row.contents]
                assert len(store.contents(PROJECT, ids)) == len(ids)
            return
        try:
            fill(store, PROJECT, 100)
        finally:
            done.set()

    in_threads(4, work)


WRITER = """
import sys
from clawvm.errors import JournalConflict
from clawvm.pages import Scope
from clawvm.stores import Append, Space, open_store

url, name, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
project = Space("acme", Scope.PROJECT, "p1")
for number in range(rows):
    while True:
        seq = store.load(project).last_seq + 1
        try:
            content = b"a text that every process has " * 30
            store.append(Append(project, seq, b"%s %d" % (name.encode(), number), [content]))
            break
        except JournalConflict:
            continue
store.close()
"""


def test_processes_race_on_one_project(place: Place) -> None:
    if not place.shared:
        pytest.skip("this store is one process's")
    store = place.open()
    children = [
        subprocess.Popen([sys.executable, "-c", WRITER, place.url, name, "25"]) for name in "abc"
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    records = Counter(row.record for row in store.rows(PROJECT))
    assert records == Counter(b"%c %d" % (name, n) for name in b"abc" for n in range(25))
    assert len({row.contents for row in store.rows(PROJECT)}) == 1
    assert store.check() == []


def test_coroutines_append_and_read(store: Store) -> None:
    async def main() -> None:
        shared = AsyncStore(store)
        assert (shared.url, shared.durable) == (store.url, store.durable)
        lease = await shared.acquire(SESSION, HOLDER, 60.0)
        lease = await shared.renew(lease)
        big = b"x" * 200_000
        ticket = await shared.append(Append(SESSION, 1, b"record", [big], lease.token))
        assert ticket.done()
        second = await shared.append(
            Append(SESSION, 2, b"second", [text(1)], lease.token), Durability.DEFERRED
        )
        ids = (*await ticket, *await second)
        assert await shared.contents(SESSION, ids) == [big, text(1)]
        await shared.save_snapshot(Append(SESSION, 1, b"snapshot", ids[:1], lease.token))
        assert (await shared.load(SESSION)).last_seq == 2
        assert [row.seq async for row in shared.rows(SESSION)] == [1, 2]
        assert [info.space for info in await shared.spaces()] == [SESSION]
        with pytest.raises(JournalConflict):
            await shared.append(Append(SESSION, 9, b"record", [], lease.token))
        late = await shared.append(Append(SESSION, 9, b"r", [], lease.token), Durability.GROUP)
        with pytest.raises(JournalConflict):
            await late
        await shared.flush()
        await shared.release(lease)
        assert (await shared.prune(0.0)).rows == 0
        assert await shared.check() == []
        await shared.delete(SESSION)
        await shared.close()
        with pytest.raises((StoreFailed, RuntimeError)):
            await shared.append(Append(PROJECT, 1, b"record"))

    asyncio.run(main())


def test_many_coroutines_append_at_once(store: Store) -> None:
    async def one(shared: AsyncStore, index: int) -> None:
        space = PROJECT._replace(name=f"p{index}")
        for seq in range(1, 6):
            await shared.append(Append(space, seq, b"record", [text(seq)]))

    async def main() -> None:
        shared = AsyncStore(store)
        await asyncio.gather(*(one(shared, index) for index in range(50)))

    asyncio.run(main())
    assert {info.rows for info in store.spaces()} == {5}
    assert len(store.spaces()) == 50


def test_a_cancelled_wait_leaves_the_row_on_its_way(store: Store) -> None:
    async def main() -> None:
        ticket = store.append(Append(PROJECT, 1, b"record"), Durability.GROUP)
        waiting = asyncio.ensure_future(AsyncStore(store).flush())
        waiting.cancel()
        assert await ticket == ()

    asyncio.run(main())
    assert store.load(PROJECT).last_seq == 1


LOCKER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
"""


def test_the_event_loop_goes_on_while_another_process_holds_the_write_lock(
    sqlite: SqlitePlace,
) -> None:
    store = sqlite.open(timeout=60.0)
    fill(store, PROJECT, 1)
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(sqlite.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert locker.stdin is not None and locker.stdout is not None
    assert locker.stdout.readline() == b"locked\n"

    async def main() -> int:
        shared = AsyncStore(store)
        appending = asyncio.ensure_future(shared.append(Append(PROJECT, 2, b"record")))
        acquiring = asyncio.ensure_future(shared.acquire(SESSION, HOLDER, 60.0))
        ticks = 0
        while ticks < 200:
            # Each turn of the loop reads, too: readers wait for no writer.
            await asyncio.sleep(0.005)
            assert (await shared.load(PROJECT)).last_seq == 1
            assert not appending.done()
            assert not acquiring.done()
            ticks += 1
        assert locker.stdin is not None
        locker.stdin.write(b"\n")
        locker.stdin.flush()
        await appending
        await acquiring
        return ticks

    assert asyncio.run(main()) == 200
    locker.communicate(timeout=30)
    assert store.load(PROJECT).last_seq == 2
