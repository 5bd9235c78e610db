"""Checking the rows that wait in a store's spool, and those that the store refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import StoreCorrupt, StoreInvalid
from ..pages import Scope
from ..stores import Finding, Space, Store
from ..stores.spool import Spool
from ..writeback.reading import JournalRow, decode_append, read_rows
from .repairing import UNREADABLE, leased

__all__ = ["check_spool", "waiting_rows"]

_UNUSABLE = (StoreCorrupt, StoreInvalid)
_NOBODYS = Space("nobody", Scope.SESSION, "nobody")


def check_spool(store: Store, spool: Spool, *, repair: bool) -> Iterator[Finding]:
    """Check every file of a spool; see `check_store`."""
    for path in spool.paths():
        yield from _check_file(store, spool, path, repair=repair)
    for path in spool.paths(refused=True):
        yield _refused(spool, path)


def _check_file(store: Store, spool: Spool, path: Path, *, repair: bool) -> Iterator[Finding]:
    try:
        space, rows, torn = spool.read(path)
    except _UNUSABLE as error:
        yield Finding(str(path), str(error))
        return
    if torn or space is None:
        mended = repair and _cut(store, spool, path, space)
        what = f"ends in {torn} bytes of a row that was never acknowledged"
        yield Finding(str(path), what, mended)
    if space is None:
        return
    try:
        spooled = list(map(decode_append, rows))
        yield from (Finding(str(path), what) for what in _against_store(store, space, spooled))
    except UNREADABLE as error:
        yield Finding(str(path), str(error))


def _against_store(store: Store, space: Space, spooled: list[JournalRow]) -> Iterator[str]:
    """Say when the rows of a file do not continue the session's journal; a project's always do."""
    if not spooled or space.scope is Scope.PROJECT:
        return
    first = spooled[0].transaction.seq
    stored = list(read_rows(store, space, first))
    last_seq = stored[-1].transaction.seq if stored else store.load(space).last_seq
    waiting = _not_in(stored, spooled)
    if not waiting:
        return
    seq = waiting[0].transaction.seq
    # Where the store has nothing yet from the first row on, a writer may be bringing them just now.
    if last_seq < first - 1 or (stored and seq != last_seq + 1):
        yield (
            f"begins with row {seq} of {space}, whose last row is {last_seq}: its {len(waiting)} "
            "rows will be set aside when the session is opened"
        )


def waiting_rows(store: Store, spool: Spool) -> Counter[Space]:
    """Count the rows of each space that wait in the spool, in files that can be read.

    Raises
    ------
    StoreFailed
        When the spool or the store cannot be read.
    """
    counts: Counter[Space] = Counter()
    for path in spool.paths():
        try:
            space, rows, _ = spool.read(path)
            if space is not None and rows:
                stored = read_rows(store, space, rows[0].seq)
                counts[space] += len(_not_in(stored, map(decode_append, rows)))
        except (*UNREADABLE, StoreInvalid):
            continue  # `clawvm fsck` tells what is wrong with it
    return counts


def _not_in(stored: Iterable[JournalRow], spooled: Iterable[JournalRow]) -> list[JournalRow]:
    landed = {row.transaction.commit_id for row in stored}
    return [row for row in spooled if row.transaction.commit_id not in landed]


def _cut(store: Store, spool: Spool, path: Path, space: Space | None) -> bool:
    """Cut the torn end off; False when somebody has the file, or the session open."""
    if space is None:
        return spool.cut(path, _NOBODYS)  # nothing in it was ever whole
    with leased(store, space) as token:
        return token is not None and spool.cut(path, space)


def _refused(spool: Spool, path: Path) -> Finding:
    try:
        space, rows, _ = spool.read(path)
    except _UNUSABLE as error:
        return Finding(str(path), str(error))
    return Finding(
        str(path),
        f"holds {len(rows)} rows of {space} that the store refused, as another holder had taken it "
        "over; delete the file when they are not needed",
    )
