"""SQLite files on disks that are full, gone, read-only, slow or broken: no loss, and no wedge."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import full_disk
import pytest
from command import environment
from store_harness import SqlitePlace
from traffic import Traffic

from clawvm import Session
from clawvm.errors import ClawVMError, SpoolFull, StoreFailed
from clawvm.stores import Store, open_store, sqlite_connections
from clawvm.writeback import delivery

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs descriptors and modes of POSIX")


@pytest.fixture(autouse=True)
def asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every commit try the store again, as if the back-off were always over."""
    monkeypatch.setattr(delivery, "BACKOFF_FIRST", 0.0)


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlitePlace]:
    place = SqlitePlace(tmp_path, monkeypatch)
    yield place
    place.close()


@pytest.fixture
def store(sqlite: SqlitePlace) -> Store:
    return sqlite.open(timeout=0.2)


@pytest.fixture
def traffic(store: Store, tmp_path: Path) -> Iterator[Traffic]:
    traffic = Traffic(store, tmp_path / "spool")
    assert traffic.turns(2) == ["committed"] * 2
    yield traffic
    traffic.session.release()


def survives(traffic: Traffic, broken: Callable[[], Any], url: str | None = None) -> str:
    """Take turns while the disk is broken and after it; returns what was told of the disk."""
    before = traffic.session.coverage.outcomes.get("spooled", 0)
    with broken():
        outcomes = traffic.turns(4)
        assert set(outcomes) == {"spooled"}
        assert traffic.session.journal.waiting == 4
        told = str(traffic.session.journal.down)
    traffic.until_drained()
    assert traffic.session.coverage.outcomes["spooled"] == before + 4
    assert traffic.turns(1) == ["committed"]
    traffic.verify(url)
    return told


def reconnect(store: Any) -> None:
    """Have the store open its file anew; SQLite would use a descriptor again that it still has."""
    connections = store._connections
    connections._drop_writer()
    while connections._readers:
        connections._readers.pop().close()


# Full


def test_a_full_disk_of_its_own(tmp_path: Path) -> None:
    """ENOSPC by the kernel, on a file system that has no more room."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no `unshare`, by which a file system of its own could be mounted")
    ours = ("unshare", "--user", "--map-root-user", "--mount")
    trial = subprocess.run(
        [*ours, "mount", "-t", "tmpfs", "none", str(tmp_path)], capture_output=True, check=False
    )
    if trial.returncode:
        pytest.skip("no file system of its own can be mounted here")
    done = subprocess.run(
        [*ours, sys.executable, full_disk.__file__, str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["outcomes"] == ["spooled"] * 4
    assert "database or disk is full" in told["store"]
    assert told["refused"] == ["SpoolFull"] * 3
    assert "No space left on device" in told["spool"]


@POSIX_ONLY
def test_a_file_that_may_not_grow(traffic: Traffic, sqlite: SqlitePlace) -> None:
    """EFBIG by the kernel: the database may not grow, the spool still may, until it may not."""
    import resource

    @contextmanager
    def limited() -> Iterator[None]:
        size = Path(f"{sqlite.path}-wal").stat().st_size
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        yield
        traffic.begin()
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, most))
        with pytest.raises(SpoolFull, match="File too large"):
            traffic.session.boundary("turn")
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    assert survives(traffic, limited)


def test_a_database_that_has_all_its_pages(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    connect = sqlite_connections.connect_writer

    def full(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA max_page_count = 1")  # as many as there are
        return connection

    @contextmanager
    def broken() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_connections, "connect_writer", full)
            reconnect(store)
            yield
        reconnect(store)

    # What is still free in the file is used up first.
    traffic.turns(3)
    assert "database or disk is full" in survives(traffic, broken)


# Broken


@POSIX_ONLY
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="/proc tells which file is which")
@pytest.mark.parametrize("mode", [os.O_RDONLY, os.O_WRONLY], ids=["no write", "no read"])
def test_a_log_that_cannot_be_written_or_read(
    traffic: Traffic, sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch, store: Any, mode: int
) -> None:
    """SQLite sees an error of input or output: its descriptor does not do what it is asked."""
    log = f"{sqlite.path}-wal"
    connect = sqlite_connections.connect_writer

    def broken_writer(path: Path) -> sqlite3.Connection:
        before = set(descriptors(log))
        connection = connect(path)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        for number in set(descriptors(log)) - before:
            instead = os.open(log, mode)
            os.dup2(instead, number)
            os.close(instead)
        return connection

    @contextmanager
    def broken() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite_connections, "connect_writer", broken_writer)
            store._connections._drop_writer()  # not the readers: there is a log to be read
            yield
        reconnect(store)

    assert "disk I/O error" in survives(traffic, broken)


def descriptors(path: str) -> list[int]:
    numbers = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{entry}") == path:
                numbers.append(int(entry))
        except FileNotFoundError:
            continue  # the listing's own
    return numbers


@POSIX_ONLY
def test_a_database_that_is_gone_for_a_while(traffic: Traffic, sqlite: SqlitePlace) -> None:
    elsewhere = sqlite.folder / "unmounted"

    @contextmanager
    def gone() -> Iterator[None]:
        sqlite.path.rename(elsewhere)
        yield
        elsewhere.rename(sqlite.path)

    assert "is gone" in survives(traffic, gone)


@POSIX_ONLY
def test_a_database_in_whose_place_something_else_stands(
    traffic: Traffic, sqlite: SqlitePlace
) -> None:
    elsewhere = sqlite.folder / "moved"

    @contextmanager
    def replaced() -> Iterator[None]:
        sqlite.path.rename(elsewhere)
        sqlite.path.write_bytes(b"\0unreadable")
        yield
        assert sqlite.path.read_bytes() == b"\0unreadable"
        elsewhere.rename(sqlite.path)

    assert "was replaced by another file" in survives(traffic, replaced)


# Read-only


@contextmanager
def unwritable(*paths: Path) -> Iterator[None]:
    """Take away the right to write; of root by the attribute of some file systems."""
    if os.geteuid():
        modes = [path.stat().st_mode for path in paths]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)
        return
    names = [str(path) for path in paths]
    if shutil.which("chattr") is None or chattr("+i", names):
        pytest.skip("root may write everywhere here: there is no `chattr` that works")
    try:
        yield
    finally:
        assert chattr("-i", names) == 0


def chattr(change: str, names: list[str]) -> int:
    return subprocess.run(
        ["chattr", change, *names], stderr=subprocess.DEVNULL, check=False
    ).returncode


@POSIX_ONLY
def test_a_database_that_became_read_only(
    traffic: Traffic, sqlite: SqlitePlace, store: Any
) -> None:
    @contextmanager
    def read_only() -> Iterator[None]:
        with unwritable(sqlite.path):
            reconnect(store)
            yield
        reconnect(store)

    assert survives(traffic, read_only)


@POSIX_ONLY
def test_a_read_only_folder_for_database_and_spool(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    store: Any = open_store(f"sqlite:///{folder / 'agents.db'}", timeout=0.2)
    traffic = Traffic(store, folder / "spool")
    request.addfinalizer(store.close)
    request.addfinalizer(lambda: traffic.session.release())
    traffic.turns(2)
    with unwritable(folder / "agents.db", folder):
        reconnect(store)
        traffic.begin()
        for _ in range(3):
            with pytest.raises(StoreFailed, match="the local spool cannot be"):
                traffic.session.boundary("turn")
        with pytest.raises(ClawVMError):
            Session("another", budget=1_000, store=f"sqlite:///{folder / 'agents.db'}")
    reconnect(store)
    assert traffic.session.boundary("turn").outcome == "committed"
    traffic.verify()


# Slow

FROZEN = """
import os, signal, sys
from clawvm import PageType, Session, crash_points
session = Session("other", budget=1_000, counter=len, store=sys.argv[1], spool=sys.argv[2])
session.put("note", PageType.EVIDENCE, "written by a process that was frozen")
def freeze(name):
    if name == "store.commit":
        crash_points.hook = None
        print("in the middle", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
crash_points.hook = freeze
print(session.boundary("turn").outcome, flush=True)
session.close()
"""


@POSIX_ONLY
def test_another_process_that_is_frozen_in_the_middle_of_a_commit(
    traffic: Traffic, sqlite: SqlitePlace
) -> None:
    import signal

    other = subprocess.Popen(
        [sys.executable, "-c", FROZEN, sqlite.url, str(traffic.spool)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None

    @contextmanager
    def frozen() -> Iterator[None]:
        assert other.stdout is not None
        assert other.stdout.readline() == "in the middle\n"
        yield
        other.send_signal(signal.SIGCONT)
        assert other.communicate(timeout=60)[0] == "committed\n"

    try:
        assert "held" in survives(traffic, frozen)
    finally:
        other.kill()
        other.communicate()


def test_another_program_that_holds_the_lock_of_the_database(
    traffic: Traffic, sqlite: SqlitePlace
) -> None:
    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(sqlite.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    assert "other writers were there for too long" in survives(traffic, locked)
