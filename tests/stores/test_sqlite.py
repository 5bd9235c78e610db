"""SQLite's own matters: what is at an address, the file, the lock, the disk."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store_harness import HOLDER, PROJECT, SESSION, SqlitePlace, fill

from clawvm import crash_points
from clawvm.errors import StoreFailed, StoreInvalid
from clawvm.stores import Append, Durability, open_store
from clawvm.stores.sqlite import SqliteStore

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def program(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", text, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def locked(sqlite: SqlitePlace) -> Iterator[sqlite3.Connection]:
    """Another connection, of another program, that can hold the write lock."""
    sqlite.open().close()
    connection = sqlite3.connect(sqlite.path, isolation_level=None, timeout=5)
    yield connection
    connection.close()


# What is at an address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "agents.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/x.db",
        "mysql://u:pw@h/d",
    ],
)
def test_an_address_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(StoreInvalid, match=r"give .*sqlite:///file\.db") as caught:
        open_store(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:///a.db?mode=ro"])
def test_an_address_that_asks_for_too_much_is_refused(url: str) -> None:
    with pytest.raises(StoreInvalid, match="names no file"):
        open_store(url)


def test_three_slashes_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///a b#c%20.db")
    assert store.url == "sqlite:///a b#c%20.db"
    store.close()
    assert (tmp_path / "a b#c%20.db").is_file()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"there is no folder .*; make it first"):
        open_store(f"sqlite:///{tmp_path}/missing/agents.db")


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreInvalid, match="is no file"):
        open_store(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"x", b"some text that is long enough" * 100])
def test_a_file_of_another_kind_is_refused_and_untouched(
    sqlite: SqlitePlace, content: bytes
) -> None:
    sqlite.path.write_bytes(content)
    with pytest.raises(StoreInvalid, match="name another file"):
        sqlite.open()
    assert sqlite.path.read_bytes() == content


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_another_programs_database_is_refused_and_untouched(sqlite: SqlitePlace, mode: str) -> None:
    connection = sqlite3.connect(sqlite.path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE journal (a)")
    connection.execute("PRAGMA application_id = 77")
    connection.commit()
    connection.close()
    before = sqlite.path.read_bytes()
    with pytest.raises(StoreInvalid, match="a database of another program"):
        sqlite.open()
    assert sqlite.path.read_bytes() == before


def test_a_newer_version_is_refused(sqlite: SqlitePlace) -> None:
    sqlite.open().close()
    connection = sqlite3.connect(sqlite.path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StoreInvalid, match=r"has version 2 of the store's .* upgrade ClawVM"):
        sqlite.open()


def test_an_empty_file_becomes_a_store(sqlite: SqlitePlace) -> None:
    sqlite.path.touch()
    fill(sqlite.open(), PROJECT, 1)


def test_a_file_that_was_replaced_is_not_written_to(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    fill(store, PROJECT, 1)
    copy = sqlite.folder / "copy.db"
    shutil.copy(sqlite.path, copy)
    copy.replace(sqlite.path)
    with pytest.raises(StoreFailed, match="was replaced by another file"):
        store.append(Append(PROJECT, 2, b"record"))
    sqlite.path.unlink()
    with pytest.raises(StoreFailed, match="is gone"):
        store.append(Append(PROJECT, 2, b"record"))


# The file


def test_a_closed_store_is_one_file(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    fill(store, PROJECT, 10)
    store.load(PROJECT)
    store.close()
    names = {path.name for path in sqlite.folder.iterdir()}
    assert names == {"agents.db", "agents.db-lock"}


def test_every_commit_is_synced(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    assert isinstance(store, SqliteStore)
    fill(store, PROJECT, 1)
    writer = store._connections._writer
    assert writer is not None
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_lease_is_on_disk_with_the_first_row_under_it(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    assert isinstance(store, SqliteStore)
    levels = []

    def note(step: str) -> None:
        if step == "store.commit":
            writer = store._connections._writer
            assert writer is not None
            levels.append(writer.execute("PRAGMA synchronous").fetchone()[0])

    crash_points.hook = note
    try:
        lease = store.acquire(SESSION, HOLDER, 30.0)
        store.append(Append(SESSION, 1, b"record", (), lease.token))
        store.release(lease)
        store.append(Append(PROJECT, 1, b"record"))
    finally:
        crash_points.hook = None
    normal, full = 1, 2
    assert levels == [normal, full, normal, full]


def test_the_log_does_not_grow_without_bound(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    contents = [os.urandom(200_000) for _ in range(40)]
    for number in range(40):
        seq = store.load(PROJECT).last_seq + 1
        store.append(Append(PROJECT, seq, b"record", contents[number : number + 1]))
    # Twice what starts a checkpoint, and one transaction.
    assert Path(f"{sqlite.path}-wal").stat().st_size < 9_000_000


def test_a_store_that_nobody_closed_is_written_when_it_is_collected(sqlite: SqlitePlace) -> None:
    store = open_store(sqlite.url)
    store.append(Append(PROJECT, 1, b"record"), Durability.DEFERRED)
    del store
    gc.collect()
    other = sqlite.open()
    while other.load(PROJECT).last_seq == 0:
        threading.Event().wait(0.005)
    assert other.load(PROJECT).rows[0].record == b"record"


def test_a_store_that_nobody_closed_is_written_at_the_exit(sqlite: SqlitePlace) -> None:
    done = program(
        "import sys; from clawvm.stores import *; from clawvm.pages import Scope\n"
        "store = open_store(sys.argv[1])\n"
        "row = Append(Space('acme', Scope.PROJECT, 'p1'), 1, b'record')\n"
        "store.append(row, Durability.DEFERRED)",
        sqlite.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sqlite.open().load(PROJECT).last_seq == 1


def test_rows_that_nobody_waits_for_are_written_by_themselves(sqlite: SqlitePlace) -> None:
    store, other = sqlite.open(), sqlite.open()
    for seq, level in enumerate([Durability.GROUP, Durability.DEFERRED], 1):
        ticket = store.append(Append(PROJECT, seq, b"record"), level)
        while not ticket.done():
            threading.Event().wait(0.005)
        assert other.load(PROJECT).last_seq == seq


def test_the_thread_that_writes_ends_when_there_is_nothing_to_do(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawvm.stores.commit_queue._IDLE_SECONDS", 0.01)
    store = sqlite.open()
    store.append(Append(PROJECT, 1, b"record"), Durability.GROUP)
    assert isinstance(store, SqliteStore)
    while store._queue._thread is not None:
        threading.Event().wait(0.005)
    store.append(Append(PROJECT, 2, b"record"), Durability.GROUP)
    store.flush()
    assert store.load(PROJECT).last_seq == 2


def test_many_rows_reach_the_disk_in_one_transaction(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    assert isinstance(store, SqliteStore)
    fill(store, PROJECT, 1)
    writer = store._connections._writer
    assert writer is not None
    commits = []
    writer.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    tickets = [
        store.append(Append(PROJECT, seq, b"record"), Durability.DEFERRED) for seq in range(2, 102)
    ]
    tickets[-1].wait()
    assert len(commits) == 1
    assert all(ticket.done() for ticket in tickets)


def test_a_row_that_comes_while_a_transaction_begins_goes_along(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.open()
    late = []

    def come_late(name: str) -> None:
        if name == "store.begin" and not late:
            late.append(store.append(Append(PROJECT, 2, b"record 2"), Durability.DEFERRED))

    monkeypatch.setattr(crash_points, "hook", come_late)
    store.append(Append(PROJECT, 1, b"record 1"))
    assert late[0].done()
    assert store.load(PROJECT).last_seq == 2


@pytest.mark.parametrize("point", ["store.begin", "store.row", "store.commit", "store.committed"])
def test_an_interrupt_while_writing_leaves_the_store_usable(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    store = sqlite.open()

    def interrupt(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    monkeypatch.setattr(crash_points, "hook", interrupt)
    earlier = store.append(Append(PROJECT, 1, b"record 1"), Durability.DEFERRED)
    with pytest.raises(KeyboardInterrupt):
        store.append(Append(PROJECT, 2, b"record 2"))
    monkeypatch.setattr(crash_points, "hook", None)
    with pytest.raises(StoreFailed, match="appending it again is safe"):
        earlier.wait()
    for seq in (1, 2, 3):
        store.append(Append(PROJECT, seq, b"record %d" % seq))
    assert store.load(PROJECT).last_seq == 3


def test_an_unforeseen_error_reaches_everybody_who_waits(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.open()

    def fail(name: str) -> None:
        raise ZeroDivisionError(name)

    monkeypatch.setattr(crash_points, "hook", fail)
    ticket = store.append(Append(PROJECT, 1, b"record"), Durability.GROUP)
    with pytest.raises(ZeroDivisionError):
        ticket.wait(30.0)
    monkeypatch.setattr(crash_points, "hook", None)
    store.append(Append(PROJECT, 1, b"record"))
    assert store.load(PROJECT).last_seq == 1


def test_who_waits_for_a_disk_that_does_not_answer_is_told(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.open(timeout=0.1)
    stuck, answers = threading.Event(), threading.Event()

    def hang(name: str) -> None:
        if name == "store.commit":
            stuck.set()
            answers.wait(60)

    monkeypatch.setattr(crash_points, "hook", hang)
    first = store.append(Append(PROJECT, 1, b"record 1"), Durability.GROUP)
    assert stuck.wait(30)
    with pytest.raises(StoreFailed, match="the disk has not answered for too long"):
        store.append(Append(PROJECT, 2, b"record 2"))
    answers.set()
    first.wait()
    store.append(Append(PROJECT, 2, b"record 2"))
    assert store.load(PROJECT).last_seq == 2


# The lock


def test_a_writer_waits_for_another_program(
    sqlite: SqlitePlace, locked: sqlite3.Connection
) -> None:
    store = sqlite.open(timeout=60)
    locked.execute("BEGIN IMMEDIATE")
    ticket = store.append(Append(PROJECT, 1, b"record"), Durability.GROUP)
    with pytest.raises(TimeoutError, match=r"is not on disk after 0\.2 s"):
        ticket.wait(0.2)
    locked.execute("ROLLBACK")
    assert ticket.wait() == ()


def test_a_lock_that_is_held_for_too_long_fails_the_row(
    sqlite: SqlitePlace, locked: sqlite3.Connection
) -> None:
    store = sqlite.open(timeout=0.2)
    locked.execute("BEGIN IMMEDIATE")
    calls: list[Callable[[], object]] = [
        lambda: store.append(Append(PROJECT, 1, b"record")),
        lambda: store.acquire(SESSION, HOLDER, 30.0),
        lambda: store.append(Append(PROJECT, 1, b"record"), Durability.GROUP).wait(),
    ]
    for call in calls:
        with pytest.raises(StoreFailed, match="other writers were there for too long"):
            call()
    assert store.load(PROJECT).last_seq == 0
    locked.execute("ROLLBACK")
    store.append(Append(PROJECT, 1, b"record"))


def test_the_lock_file_may_be_removed(sqlite: SqlitePlace) -> None:
    first, second = sqlite.open(), sqlite.open()
    fill(first, PROJECT, 1)
    fill(second, PROJECT, 1, first=2)
    Path(f"{sqlite.path}-lock").unlink()
    fill(first, PROJECT, 1, first=3)
    fill(second, PROJECT, 1, first=4)
    assert first.load(PROJECT).last_seq == 4


def test_stores_of_one_process_keep_each_other_out(sqlite: SqlitePlace) -> None:
    first, second = sqlite.open(), sqlite.open(timeout=0.2)
    assert isinstance(first, SqliteStore)
    with (
        first._connections.transaction(1e9, "hold the lock"),
        pytest.raises(StoreFailed, match=r"agents\.db-lock for too long"),
    ):
        second.append(Append(PROJECT, 1, b"record"))
    second.append(Append(PROJECT, 1, b"record"))


def test_processes_make_one_store_at_once(sqlite: SqlitePlace) -> None:
    make = (
        "import sys; from clawvm.stores import *; from clawvm.pages import Scope\n"
        "store = open_store(sys.argv[1])\n"
        "store.append(Append(Space('acme', Scope.PROJECT, sys.argv[2]), 1, b'record'))"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", make, sqlite.url, str(number)])
        for number in range(4)
    ]
    assert [child.wait(60) for child in children] == [0] * 4
    store = sqlite.open()
    assert len(store.spaces()) == 4
    assert store.check() == []


# The disk


FULL = """
import os, resource, sys
from clawvm.errors import StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Append, Durability, Space, open_store

store = open_store(sys.argv[1])
project = Space("acme", Scope.PROJECT, "p1")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
seq = 1
refused = []
while len(refused) < 5:
    row = Append(project, seq, b"record %d" % seq, [b"x" * 2000, os.urandom(20_000)])
    try:
        store.append(row, Durability.COMMIT if seq % 2 else Durability.GROUP).wait()
        seq += 1
    except StoreFailed as error:
        refused.append(error)
    assert store.load(project).last_seq == seq - 1
print(refused[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.append(Append(project, seq, b"record %d" % seq))
assert store.load(project).last_seq == seq
assert store.check() == []
store.close()
print(seq)
"""


@POSIX
def test_when_a_file_can_grow_no_more_nothing_is_lost(sqlite: SqlitePlace) -> None:
    done = program(FULL, sqlite.url)
    assert done.returncode == 0, done.stderr
    message, seq = done.stdout.splitlines()
    assert "could not append to project 'p1'" in message
    assert int(seq) > 1
    store = sqlite.open()
    assert store.load(PROJECT).last_seq == int(seq)
    assert store.check() == []


def test_when_the_database_is_full_nothing_is_lost(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    assert isinstance(store, SqliteStore)
    fill(store, PROJECT, 3)
    writer = store._connections._writer
    assert writer is not None
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(StoreFailed, match="SQLITE_FULL"):
        store.append(Append(PROJECT, 4, b"record", [os.urandom(100_000)]))
    assert store.load(PROJECT).last_seq == 3
    # The connection that comes after it has no such limit: the disk is back.
    fill(store, PROJECT, 1, first=4)
    assert store.check() == []


READ_ONLY = """
import os, sys
from clawvm.errors import StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Append, Space, open_store

import lz4.block, clawvm.stores.sqlite  # while this user can read them

if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
store = open_store(sys.argv[1])
project = Space("acme", Scope.PROJECT, "p1")
print(store.load(project).last_seq)
try:
    store.append(Append(project, 2, b"record"))
except StoreFailed as error:
    print(error)
store.close()
"""


@POSIX
def test_a_file_that_can_only_be_read_is_read(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    fill(store, PROJECT, 1)
    store.close()
    # The folder above is this user's alone.
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(sqlite.folder, folder, dirs_exist_ok=True)
    try:
        (folder / "agents.db").chmod(0o444)
        (folder / "agents.db-lock").chmod(0o666)
        folder.chmod(0o777)
        done = program(READ_ONLY, f"sqlite:///{folder}/agents.db")
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    last, message = done.stdout.splitlines()
    assert last == "1"
    assert "could not append" in message
    assert "READONLY" in message


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_told_to_open_its_own(sqlite: SqlitePlace) -> None:
    done = program(FORK, sqlite.url)
    assert (done.returncode, done.stderr) == (0, "")
    store = sqlite.open()
    assert [row.record for row in store.load(PROJECT).rows] == [b"%d" % n for n in range(1, 7)]
    assert store.check() == []


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
from clawvm.errors import StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Append, Durability, Space, open_store

store = open_store(sys.argv[1])
project = Space("acme", Scope.PROJECT, "p1")
store.append(Append(project, 1, b"1"))
store.load(project)
ticket = store.append(Append(project, 2, b"2"), Durability.DEFERRED)
for child in range(2):
    pid = os.fork()
    if pid == 0:
        calls = [
            lambda: store.append(Append(project, 3, b"3")),
            lambda: store.load(project),
            lambda: store.flush(),
        ]
        if not ticket.done():
            calls.append(lambda: ticket.wait())
        for call in calls:
            try:
                call()
                os._exit(3)
            except StoreFailed as error:
                assert "child" in str(error), error
        store.close()
        own = open_store(sys.argv[1])
        seq = 0
        while seq < 3:
            seq = own.load(project).last_seq + 1
        own.append(Append(project, seq, b"%d" % seq))
        # Once through the interpreter's whole ending, once without.
        if child:
            sys.exit(0)
        own.close()
        os._exit(0)
    ticket.wait()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    seq = store.load(project).last_seq + 1
    store.append(Append(project, seq, b"%d" % seq))
assert store.check() == []
store.close()
"""
