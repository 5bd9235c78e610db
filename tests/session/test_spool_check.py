"""What a check of a store finds in its spool."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import saved_sessions
from saved_sessions import SPACE, found, live, open_session

from clawvm import PageType
from clawvm.stores import Store, open_store
from clawvm.stores.spool import Spool

SESSION = "session 's' of tenant 'default'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with one session, which was closed."""
    path = tmp_path / "agents.db"
    live(open_session(f"sqlite:///{path}")).close()
    return path


def folder(path: Path) -> Path:
    return Path(f"{path}-spool")


@pytest.fixture
def behind(path: Path, tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """A store that lacks the last two rows, and its file."""
    older = tmp_path / "older.db"
    shutil.copy(path, older)
    store = open_store(f"sqlite:///{older}")
    yield store, older
    store.close()


@pytest.fixture
def newer_rows(behind: tuple[Store, Path], path: Path) -> list:
    """Two rows that the store of `behind` does not have."""
    whole = open_store(f"sqlite:///{path}")
    first = whole.load(SPACE).last_seq + 1
    with open_session(whole) as session:
        session.put("plan", PageType.PLAN, "one more thing " * 100)
        session.boundary("turn")
    rows = saved_sessions.spooled_rows(whole, first)
    whole.close()
    assert len(rows) == 2
    return rows


def test_rows_that_wait_are_sound(behind: tuple[Store, Path], newer_rows: list) -> None:
    store, path = behind
    saved_sessions.write_spool(folder(path), newer_rows)
    assert found(store) == []


def test_a_torn_end_of_a_spool_is_found_and_cut(
    behind: tuple[Store, Path], newer_rows: list
) -> None:
    store, path = behind
    spool = saved_sessions.write_spool(folder(path), newer_rows)
    spool.write_bytes(spool.read_bytes()[:-10])
    ((where, what, mended),) = found(store)
    assert (where, mended) == (str(spool), False)
    assert what.endswith("bytes of a row that was never acknowledged")
    assert [mended for _, _, mended in found(store, repair=True)] == [True]
    assert found(store) == []
    assert [row.seq for row in Spool(folder(path)).read(spool).rows] == [newer_rows[0].seq]


def test_a_spool_with_nothing_whole_in_it_is_removed(
    behind: tuple[Store, Path], newer_rows: list
) -> None:
    store, path = behind
    spool = saved_sessions.write_spool(folder(path), newer_rows)
    spool.write_bytes(spool.read_bytes()[:20])
    assert [mended for _, _, mended in found(store)] == [False]
    assert [mended for _, _, mended in found(store, repair=True)] == [True]
    assert not spool.exists()


def test_a_damaged_row_of_a_spool_is_found_and_kept(
    behind: tuple[Store, Path], newer_rows: list
) -> None:
    store, path = behind
    spool = saved_sessions.write_spool(folder(path), newer_rows)
    data = bytearray(spool.read_bytes())
    data[200] ^= 1
    spool.write_bytes(data)
    ((where, what, mended),) = found(store, repair=True)
    assert (where, mended) == (str(spool), False)
    assert "acknowledged rows are damaged" in what
    assert spool.read_bytes() == data


def test_rows_that_will_be_refused_are_found(behind: tuple[Store, Path], newer_rows: list) -> None:
    store, path = behind
    spool = saved_sessions.write_spool(folder(path), newer_rows)
    with open_session(store, spool=path.parent / "elsewhere") as session:
        session.boundary("turn")
    ((where, what, _),) = found(store)
    assert where == str(spool)
    assert what.endswith("its 2 rows will be set aside when the session is opened")
    open_session(store).close()
    ((where, what, mended),) = found(store, repair=True)
    assert (where, mended) == (str(spool.with_suffix(".refused")), False)
    assert what.startswith(f"holds 2 rows of {SESSION} that the store refused")
