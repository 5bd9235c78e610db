"""A store in memory: for tests, and for sessions that need not outlive their process."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..errors import ClawVMError, ContentMissing, LeaseHeld, StoreFailed
from ..pages import Scope
from . import clock
from .codec import Codec, Lz4Codec
from .packing import Prepared, prepare
from .protocol import (
    Append,
    Durability,
    Finding,
    Lease,
    PruneReport,
    Row,
    Space,
    SpaceInfo,
    Stored,
    Ticket,
)
from .rules import (
    Held,
    check_free,
    check_sequence,
    check_snapshot,
    check_space,
    check_token,
    check_unheld,
    lost,
    refused_rows,
    renewal_due,
    renewed,
)
from .tickets import Settled

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Journal:
    """One space: `rows` maps a number to (token, row); records are as the codec made them."""

    held: Held = field(default_factory=Held)
    rows: dict[int, tuple[int, Row]] = field(default_factory=dict)
    snapshot: Row | None = None
    last_seq: int = 0

    def references(self) -> set[int]:
        ids = {number for _, row in self.rows.values() for number in row.contents}
        return ids if self.snapshot is None else ids.union(self.snapshot.contents)


class MemoryStore:
    """Keeps everything in this process; the same checks and errors as a store on disk.

    Parameters
    ----------
    codec : Codec, optional
        What records and contents pass through; `Lz4Codec` unless given.
    """

    url = "memory:"
    durable = False

    def __init__(self, codec: Codec | None = None) -> None:
        self.codec = codec or Lz4Codec()
        self._lock = threading.RLock()
        self._journals: dict[Space, _Journal] = {}
        self._contents: dict[int, tuple[str, int, bytes]] = {}
        self._by_hint: dict[int, list[int]] = {}
        self._next_content = 1
        self._token_floor = 0
        self._closed = False

    def acquire(self, space: Space, holder: str, ttl: float) -> Lease:
        """Take the lease on a session; see `Store.acquire`."""
        check_space(space)
        with self._open():
            now = clock.now()
            journal = self._journals.get(space)
            held = Held(self._token_floor) if journal is None else journal.held
            check_free(space, held, holder, now)
            journal = self._journal(space)
            journal.held = Held(held.token + 1, holder, ttl, now + ttl)
            return renewed(space, journal.held, now)

    def renew(self, lease: Lease) -> Lease:
        """Prolong a lease; see `Store.renew`."""
        with self._open():
            now = clock.now()
            journal = self._holding(lease)
            journal.held = journal.held._replace(ttl=lease.ttl, expires_at=now + lease.ttl)
            return renewed(lease.space, journal.held, now)

    def release(self, lease: Lease) -> None:
        """Give a lease back; see `Store.release`."""
        with self._open():
            journal = self._journals.get(lease.space)
            if journal is not None and journal.held.token == lease.token:
                journal.held = Held(lease.token)

    def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        """Write one row; see `Store.append`. Nothing is ever waited for."""
        check_space(row.space)
        prepared = prepare(row, self.codec)
        outcome: tuple[int, ...] | ClawVMError
        with self._open():
            try:
                outcome = self._append(row, prepared)
            except ClawVMError as error:
                if durability is Durability.COMMIT:
                    raise
                outcome = error
        return Settled(outcome)

    def flush(self) -> None:
        """Do nothing: every row is where it stays."""
        with self._open():
            return

    def save_snapshot(self, row: Append) -> None:
        """Replace the space's snapshot; see `Store.save_snapshot`."""
        check_space(row.space)
        prepared = prepare(row, self.codec)
        with self._open():
            journal = self._journals.get(row.space, _Journal())
            check_token(row, journal.held)
            covered = 0 if journal.snapshot is None else journal.snapshot.seq
            check_snapshot(row, journal.last_seq, covered)
            ids = self._resolve(row, prepared, journal)
            before = set() if journal.snapshot is None else set(journal.snapshot.contents)
            journal.snapshot = Row(row.seq, prepared.body, ids, clock.now())
            self._forget(before)

    def load(self, space: Space) -> Stored:
        """Read a space; see `Store.load`."""
        check_space(space)
        with self._open():
            journal = self._journals.get(space, _Journal())
            snapshot = None if journal.snapshot is None else self._decoded(journal.snapshot)
            after = 0 if snapshot is None else snapshot.seq
            rows = [self._decoded(row) for seq, (_, row) in journal.rows.items() if seq > after]
            return Stored(snapshot, rows)

    def rows(self, space: Space, first: int = 1) -> Iterator[Row]:
        """Read the journal; see `Store.rows`."""
        check_space(space)
        with self._open():
            journal = self._journals.get(space, _Journal())
            rows = [row for seq, (_, row) in journal.rows.items() if seq >= first]
        return map(self._decoded, rows)

    def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        """Return contents by id; see `Store.contents`."""
        check_space(space)
        with self._open():
            found = [self._contents.get(number) for number in ids]
        texts = []
        for number, content in zip(ids, found, strict=True):
            if content is None or content[0] != space.tenant:
                raise ContentMissing(
                    f"the store {self.url} has no content {number} for tenant {space.tenant!r}; "
                    "it was deleted, or the id is another store's"
                )
            texts.append(self.codec.decode(content[2]))
        return texts

    def spaces(self, tenant: str | None = None) -> list[SpaceInfo]:
        """List spaces; see `Store.spaces`."""
        with self._open():
            return [
                self._describe(space, journal)
                for space, journal in sorted(self._journals.items())
                if tenant is None or space.tenant == tenant
            ]

    def prune(self, before: float, *, tenant: str | None = None) -> PruneReport:
        """Delete rows that snapshots cover; see `Store.prune`."""
        report = PruneReport()
        with self._open():
            for info in self.spaces(tenant):
                space = info.space
                if space.scope is Scope.SESSION and (info.saved_at or 0) < before:
                    try:
                        report.contents += self._delete(space)
                        report.rows += info.rows
                        report.spaces.append(space)
                        continue
                    except LeaseHeld as error:
                        report.refused.append((space, str(error)))
                self._prune(space, before, report)
        return report

    def delete(self, space: Space) -> None:
        """Delete a space; see `Store.delete`."""
        check_space(space)
        with self._open():
            self._delete(space)

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Look for references to contents that are not there; see `Store.check`."""
        findings = []
        with self._open():
            for space, journal in sorted(self._journals.items()):
                missing = journal.references() - self._contents.keys()
                findings += [
                    Finding(str(space), f"content {number} is missing")
                    for number in sorted(missing)
                ]
        return findings

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._closed = True
            self._journals.clear()
            self._contents.clear()
            self._by_hint.clear()

    def _delete(self, space: Space) -> int:
        journal = self._journals.get(space)
        if journal is None:
            return 0
        check_unheld(space, journal.held, clock.now())
        del self._journals[space]
        self._token_floor = max(self._token_floor, journal.held.token)
        return self._forget(journal.references())

    def _prune(self, space: Space, before: float, report: PruneReport) -> None:
        journal = self._journals[space]
        covered = 0 if journal.snapshot is None else journal.snapshot.seq
        old = list(
            itertools.takewhile(
                lambda row: row.saved_at < before, (r for _, r in journal.rows.values())
            )
        )
        gone = [row for row in old if row.seq <= covered]
        if len(gone) < len(old):
            report.refused.append((space, refused_rows(len(old) - len(gone), covered)))
        for row in gone:
            del journal.rows[row.seq]
        report.rows += len(gone)
        report.contents += self._forget({number for row in gone for number in row.contents})

    def _open(self) -> threading.RLock:
        if self._closed:
            raise StoreFailed(f"the store {self.url} is closed; open another one")
        return self._lock

    def _journal(self, space: Space) -> _Journal:
        return self._journals.setdefault(space, _Journal(Held(self._token_floor)))

    def _holding(self, lease: Lease) -> _Journal:
        journal = self._journals.get(lease.space)
        if journal is None or journal.held.holder is None or journal.held.token != lease.token:
            raise lost(lease.space, lease.token, Held() if journal is None else journal.held)
        return journal

    def _append(self, row: Append, prepared: Prepared) -> tuple[int, ...]:
        journal = self._journals.get(row.space, _Journal(Held(self._token_floor)))
        known = journal.rows.get(row.seq)
        if known is not None and self._same(known, row):
            return known[1].contents
        check_token(row, journal.held)
        check_sequence(row, journal.last_seq)
        ids = self._resolve(row, prepared, journal)
        now = clock.now()
        journal = self._journal(row.space)
        journal.rows[row.seq] = (row.token, Row(row.seq, prepared.body, ids, now))
        journal.last_seq = row.seq
        if row.space.scope is Scope.SESSION and renewal_due(journal.held, now):
            journal.held = journal.held._replace(expires_at=now + journal.held.ttl)
        return ids

    def _same(self, known: tuple[int, Row], row: Append) -> bool:
        token, stored = known
        if token != row.token or len(stored.contents) != len(row.contents):
            return False
        if self.codec.decode(stored.record) != row.record:
            return False
        return all(
            number == content
            if isinstance(content, int)
            else self.codec.decode(self._contents[number][2]) == content
            for number, content in zip(stored.contents, row.contents, strict=True)
        )

    def _resolve(self, row: Append, prepared: Prepared, journal: _Journal) -> tuple[int, ...]:
        """Store the contents that are new, unless the row names an id that is unknown."""
        named = {content for content in row.contents if isinstance(content, int)}
        unknown = named - journal.references() if named else named
        if unknown:
            raise ContentMissing(
                f"{row.space} refers to no content {min(unknown)}; append the text instead"
            )
        return tuple(
            content if isinstance(content, int) else self._store(row.space.tenant, *content, text)
            for content, text in zip(prepared.contents, row.contents, strict=True)
        )

    def _store(self, tenant: str, hint: int, stored: bytes, text: bytes | int) -> int:
        numbers = self._by_hint.setdefault(hint, [])
        for number in numbers:
            owner, _, known = self._contents[number]
            if owner == tenant and self.codec.decode(known) == text:
                return number
        number = self._next_content
        self._next_content += 1
        self._contents[number] = (tenant, hint, stored)
        numbers.append(number)
        return number

    def _forget(self, ids: set[int]) -> int:
        """Drop those contents that nothing refers to any more; return how many."""
        if not ids:
            return 0
        used: set[int] = set()
        for journal in self._journals.values():
            used |= journal.references()
        for number in ids - used:
            _, hint, _ = self._contents.pop(number)
            self._by_hint[hint].remove(number)
            if not self._by_hint[hint]:
                del self._by_hint[hint]
        return len(ids - used)

    def _decoded(self, row: Row) -> Row:
        return replace(row, record=self.codec.decode(row.record))

    def _describe(self, space: Space, journal: _Journal) -> SpaceInfo:
        rows = [row for _, row in journal.rows.values()]
        if journal.snapshot is not None:
            rows.append(journal.snapshot)
        contents = sum(len(self._contents[number][2]) for number in journal.references())
        return SpaceInfo(
            space,
            journal.last_seq,
            len(journal.rows),
            sum(len(row.record) for row in rows) + contents,
            max((row.saved_at for row in rows), default=None),
            journal.held.holder,
            journal.held.expires_at if journal.held.holder is not None else None,
        )
