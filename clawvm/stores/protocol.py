"""What every store offers: journals of spaces, contents, snapshots, leases.

A store knows rows and bytes. What a record says, and whether it may be written, is decided above it
(`clawvm.writeback`), which alone calls `append`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from ..pages import Scope
from .codec import Codec

__all__ = [
    "CONTENT_BYTES_MIN",
    "Append",
    "Durability",
    "Finding",
    "Lease",
    "PruneReport",
    "Row",
    "Space",
    "SpaceInfo",
    "Store",
    "Stored",
    "Ticket",
]

CONTENT_BYTES_MIN = 512
"""A shorter text stands in the record that refers to it: a row of its own would cost more."""


class Durability(StrEnum):
    """When an appended row is on disk.

    ``COMMIT``: when `Store.append` returns. ``GROUP``: within a few milliseconds, together with
    what other sessions appended; the ticket can be waited for. ``DEFERRED``: at the next flush, at
    the latest when the store is closed or after a second.
    """

    COMMIT = "commit"
    GROUP = "group"
    DEFERRED = "deferred"


class Space(NamedTuple):
    """The owner of one journal: a session, or a project that sessions share.

    It is in the key of every row and of every query, so that nothing of one tenant is ever found
    for another.
    """

    tenant: str
    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope} {self.name!r} of tenant {self.tenant!r}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to append to a session's journal.

    Parameters
    ----------
    space : Space
        The session.
    holder : str
        Who holds it (`stores.holder.this_holder`).
    token : int
        Fencing token: every lease on a space has a greater one than the lease before it, and the
        store refuses a row that comes with any but the newest.
    ttl : float
        Seconds for which it holds unless it is renewed; an `append` renews it when half of that
        has passed.
    expires_at : float
        Unix time, by the store's clock, after which another holder may take over.
    """

    space: Space
    holder: str
    token: int
    ttl: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read.

    Parameters
    ----------
    seq : int
        Its number in the journal, from 1; for a snapshot the last row that it covers.
    record : bytes
        What `Append.record` was.
    contents : tuple of int
        Ids of the contents that the record refers to, in the record's order.
    saved_at : float
        Unix time of the append, by the store's clock.
    """

    seq: int
    record: bytes
    contents: tuple[int, ...]
    saved_at: float


@dataclass(frozen=True, slots=True)
class Stored:
    """A space as it is loaded: its newest snapshot, if there is one, and the rows after it."""

    snapshot: Row | None
    rows: list[Row]

    @property
    def last_seq(self) -> int:
        """Number of the last row; 0 in an empty journal."""
        if self.rows:
            return self.rows[-1].seq
        return 0 if self.snapshot is None else self.snapshot.seq


@dataclass(frozen=True, slots=True)
class Append:
    """A row to be written.

    Parameters
    ----------
    space : Space
        Whose journal.
    seq : int
        The number of the last row, plus one.
    record : bytes
        Opaque to the store.
    contents : sequence of bytes or int
        What the record refers to: a text in UTF-8, or the id of a content that this space already
        refers to.
    token : int
        The lease's fencing token; 0 for a project, which has no lease.
    """

    space: Space
    seq: int
    record: bytes
    contents: Sequence[bytes | int] = ()
    token: int = 0


class Ticket(Protocol):
    """A row on its way to the disk."""

    def done(self) -> bool:
        """Whether it is on disk, or refused."""

    def wait(self, timeout: float | None = None) -> tuple[int, ...]:
        """Wait until it is on disk and return the ids of its contents, in `Append.contents` order.

        Raises
        ------
        LeaseLost
            When the row came with a fencing token that is not the newest.
        JournalConflict
            When there is another row of this number, or a gap before it.
        StoreFailed
            When the backend failed; whether the row was written is then told by `Store.load`, and
            appending the very same row again is always safe.
        TimeoutError
            When `timeout` seconds have passed; the row is still on its way.
        """

    def __await__(self) -> Generator[object, None, tuple[int, ...]]:
        """Wait without blocking the event loop."""


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """What a listing tells of a space. Sizes are in bytes as stored, times are Unix times."""

    space: Space
    last_seq: int
    rows: int
    stored_bytes: int
    saved_at: float | None
    holder: str | None
    lease_expires_at: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a check of a store found wrong: where, what, and whether it has been mended."""

    where: str
    what: str
    mended: bool = False


@dataclass(slots=True)
class PruneReport:
    """What a prune took away, and what it refused to, with the reason."""

    rows: int = 0
    contents: int = 0
    spaces: list[Space] = field(default_factory=list)
    refused: list[tuple[Space, str]] = field(default_factory=list)


class Store(Protocol):
    """The durable tier.

    Every method raises `StoreFailed` when the backend fails (with the driver's error as its cause)
    and never waits for longer than the store's ``timeout``. All methods are safe for use by many
    threads, and a file or database by many processes; a lock of another writer is waited for and
    never seen by the caller. `bytes` that were stored come back equal or not at all: what does not
    match its checksum raises `StoreCorrupt`.
    """

    @property
    def url(self) -> str:
        """What `open_store` was given, without a password."""

    @property
    def durable(self) -> bool:
        """Whether what is stored outlives the process."""

    @property
    def codec(self) -> Codec:
        """What everything at rest passes through."""

    def acquire(self, space: Space, holder: str, ttl: float) -> Lease:
        """Take the lease on a session.

        A project has none (`StoreInvalid`). It can be had when there is none, when it has run out,
        when the same holder asks again, or when the holder was a process of this machine that is
        dead. A lease that would hold for longer than its ttl from now has run out too: the clock
        was moved back.

        Raises
        ------
        LeaseHeld
            When another holder has it; says who, and for how long.
        """

    def renew(self, lease: Lease) -> Lease:
        """Prolong a lease by its ttl; raises `LeaseLost` when another holder has taken over."""

    def release(self, lease: Lease) -> None:
        """Give a lease back, once what was appended before is on disk or refused.

        Does nothing when the lease is lost. Afterwards its token is refused, and the next lease's
        token is greater, even when the space has been deleted in between.
        """

    def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        """Write one row and its contents, both or neither.

        A row that is there already, byte for byte, with the same token, counts as written: a caller
        who does not know how an append ended makes it again. That is so even when the lease has
        been lost since, and `LeaseLost` comes before `JournalConflict` where both would do. A
        writer of a project, who has no token that tells its rows from another writer's, makes its
        records distinct (by a nonce, say) and waits for one row before it appends the next.

        At ``COMMIT`` the errors of `Ticket.wait` are raised here; else by the ticket. Rows of one
        space reach the disk in the order in which they were appended; when one fails, those after
        it fail too. Besides those errors, `StoreInvalid` is raised for a name or a token that no
        space can have, `LimitExceeded` for an item of more than 256 MiB, and `ContentMissing` for
        an id that the space does not refer to.
        """

    def flush(self) -> None:
        """Wait until every row appended so far is on disk or its ticket has failed."""

    def save_snapshot(self, row: Append) -> None:
        """Replace the space's snapshot by one that covers the rows up to ``row.seq``.

        Same checks of the token as in `append`; ``row.seq`` is at most the last row's and at least
        that of the snapshot which is there, else `JournalConflict`. On disk when it returns.
        """

    def load(self, space: Space) -> Stored:
        """Read a space's snapshot and the rows after it; an unknown space is empty."""

    def rows(self, space: Space, first: int = 1) -> Iterator[Row]:
        """Read the journal from row `first` on, rows before the snapshot included."""

    def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        """Return contents by id, in order.

        Raises
        ------
        ContentMissing
            When there is none of that id, or it is another tenant's. An id is never given to
            another text, even when the first one has been deleted.
        StoreCorrupt
            When one does not match its digest.
        """

    def spaces(self, tenant: str | None = None) -> list[SpaceInfo]:
        """List the spaces of one tenant, or of all, by tenant, scope and name."""

    def prune(self, before: float, *, tenant: str | None = None) -> PruneReport:
        """Delete what is older than `before` (Unix time) and no longer needed.

        A session in which nothing was saved since `before` and which nobody holds goes as a whole;
        a project never does. Of any other space: the first rows of the journal, as far as they are
        all older and its snapshot covers them, and contents that no row and no snapshot refers to
        any more. What a page of the current state points to stays, because the snapshot, or a row
        after it, refers to it. What is old and stays is told with its reason in
        `PruneReport.refused`.
        """

    def delete(self, space: Space) -> None:
        """Delete a space; contents that no other space refers to go with it.

        Raises
        ------
        LeaseHeld
            While somebody holds it.
        """

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Check every row, content and reference; with `repair`, mend what can be mended.

        Nothing that can still be read is deleted by a repair, except contents that nothing refers
        to.
        """

    def close(self) -> None:
        """Flush and release everything; a second call changes nothing."""
