"""Sessions in a store, and ways to damage them behind its back or with sound checksums."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from pathlib import Path

from chat_histories import openai_asks, openai_call, says, user
from session_driver import count

from clawvm import PageType, Session
from clawvm.pages import Scope
from clawvm.session.fsck import check_store
from clawvm.snapshot import Kind, StateDelta, encode
from clawvm.stores import Append, Space, Store
from clawvm.stores.spool import Spool
from clawvm.writeback.reading import load
from clawvm.writeback.snapshots import write_snapshot

SPACE = Space("default", Scope.SESSION, "s")
RULE = "Never send an e-mail without asking first. " * 20
NOTES = "The meeting is in the blue room.\n" * 40


def open_session(store: Store | str, session_id: str = "s", **options: object) -> Session:
    return Session(session_id, budget=4_000, counter=count, store=store, **options)


def live(session: Session) -> Session:
    """Two turns with a rule, a note of two versions, a tool call; three commits and more."""
    session.put("rule", PageType.CONSTRAINT, RULE)
    session.put("notes", PageType.PREFERENCE, NOTES + "first")
    session.add(user("Where is the meeting?"))
    session.assemble()
    session.post_model(openai_asks(openai_call("c1", "read", '{"path": "room.md"}')))
    session.add_result("c1", "blue room, first floor\n" * 30)
    session.boundary("turn")
    session.put("notes", PageType.PREFERENCE, NOTES + "second")
    session.assemble()
    session.post_model(says("In the blue room."))
    session.boundary("turn")
    return session


def fold(session: Session) -> None:
    """Commit, and have the store hold a snapshot."""
    session.notes["folds"] = session.notes.get("folds", 0) + 1
    assert session.boundary("turn").outcome == "committed"
    assert session._durable is not None
    session._durable.fold()


def state_of(store: Store) -> StateDelta:
    """Return a copy of the saved state, to be spoilt."""
    state = load(store, SPACE).state
    assert state is not None
    return copy.deepcopy(state)


def save_spoilt(store: Store, spoil: Callable[[StateDelta], None]) -> None:
    """Replace the snapshot by one whose bytes are sound and whose state is not."""
    loaded = load(store, SPACE)
    state = state_of(store)
    spoil(state)
    lease = store.acquire(SPACE, "spoiler", 30)
    rejections = loaded.rejections.values()
    write_snapshot(store, SPACE, loaded.last_seq, lease.token, state, loaded.heads, rejections, {})
    store.release(lease)


def append_spoilt(store: Store, spoil: Callable[[StateDelta], None]) -> int:
    """Append a row whose bytes are sound and whose state is not; return its number."""
    state = state_of(store)
    spoil(state)
    note = {"id": "spoilt.1", "boundary": "turn", "turn": 3, "at": 0.0}
    encoded = encode(Kind.RECORD, state, [], note, external=True)
    return append(store, encoded.data, encoded.contents)


def append(store: Store, record: bytes, contents: list[bytes | int] | None = None) -> int:
    """Append a row to the session that nobody holds."""
    seq = store.load(SPACE).last_seq + 1
    lease = store.acquire(SPACE, "spoiler", 30)
    store.append(Append(SPACE, seq, record, contents or [], lease.token))
    store.release(lease)
    return seq


def damage(path: Path, statement: str, *values: object) -> None:
    """Run a statement on a SQLite store's file behind the store's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    cursor = connection.execute(statement, values)
    assert cursor.rowcount
    connection.close()


def spooled_rows(store: Store, first: int) -> list[Append]:
    """Return rows of the session as they stand in a spool: with their contents."""
    return [
        Append(SPACE, row.seq, row.record, store.contents(SPACE, row.contents), 1)
        for row in store.rows(SPACE, first)
    ]


def write_spool(folder: Path, rows: list[Append]) -> Path:
    """Leave rows in a spool as a process would that died while the store was down."""
    spool = Spool(folder).of(SPACE)
    for row in rows:
        spool.write(row)
    spool.close()
    (path,) = Spool(folder).paths()
    return path


def found(store: Store, *, repair: bool = False) -> list[tuple[str, str, bool]]:
    """Check a store: where, what, and whether it was mended."""
    return [
        (finding.where, finding.what, finding.mended)
        for finding in check_store(store, repair=repair)
    ]
