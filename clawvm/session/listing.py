"""What a store holds, space by space, without opening any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..errors import SnapshotInvalid
from ..pages import Scope
from ..stores import Space, SpaceInfo, Store, clock, is_dead
from ..writeback.reading import load, read_rows
from .boundaries import BoundaryKind
from .repairing import UNREADABLE

__all__ = ["Listed", "SpaceState", "list_spaces"]

_CLEAN_ENDS = (BoundaryKind.END.value, BoundaryKind.EXIT.value)


class SpaceState(StrEnum):
    """How a session was left.

    ``OPEN``: a process has it. ``CLOSED``: it was ended. ``CRASHED``: its holder is dead, or its
    lease ran out, and it had not been ended. ``LEFT``: it was let go of without an end, as when
    what was not committed was discarded. ``EMPTY``: nothing was ever committed. ``DAMAGED``: its
    last row cannot be read. ``SHARED``: a project, which nobody holds.
    """

    OPEN = "open"
    CLOSED = "closed"
    CRASHED = "crashed"
    LEFT = "left"
    EMPTY = "empty"
    DAMAGED = "damaged"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Listed:
    """One session or project.

    Parameters
    ----------
    info : SpaceInfo
        What the store tells.
    state : SpaceState
        How it was left.
    why : str
        What that was seen from.
    turn : int or None
        Turn of the last commit; None for a project, or where it cannot be read.
    boundary : str or None
        Boundary of the last commit.
    waiting : int
        Rows of it that wait in the spool.
    """

    info: SpaceInfo
    state: SpaceState
    why: str
    turn: int | None
    boundary: str | None
    waiting: int


def list_spaces(
    store: Store, waiting: Mapping[Space, int], tenant: str | None = None
) -> Iterator[Listed]:
    """List the spaces of one tenant, or of all.

    Parameters
    ----------
    store : Store
        Where they are.
    waiting : mapping of Space to int
        Rows in the spool (`spool_check.waiting_rows`); a space that has all its rows there is
        listed too.
    tenant : str, optional
        Only this one's.

    Raises
    ------
    StoreFailed, StoreCorrupt
        When the list cannot be read.
    """
    infos = store.spaces(tenant)
    known = {info.space for info in infos}
    infos += [
        SpaceInfo(space, 0, 0, 0, None, None, None)
        for space in waiting
        if space not in known and tenant in (None, space.tenant)
    ]
    for info in sorted(infos, key=lambda info: info.space):
        yield _listed(store, info, waiting.get(info.space, 0))


def _listed(store: Store, info: SpaceInfo, waiting: int) -> Listed:
    turn = boundary = None
    try:
        if info.last_seq:
            turn, boundary = _last_commit(store, info)
    except UNREADABLE as error:
        return Listed(info, SpaceState.DAMAGED, str(error), None, None, waiting)
    if info.space.scope is Scope.PROJECT:
        return Listed(info, SpaceState.SHARED, "a project is open to all", None, boundary, waiting)
    state, why = _state(info, boundary)
    return Listed(info, state, why, turn, boundary, waiting)


def _last_commit(store: Store, info: SpaceInfo) -> tuple[int, str]:
    row = next(read_rows(store, info.space, info.last_seq), None)
    if row is not None:
        return row.transaction.turn, row.transaction.boundary
    # All rows were pruned: the snapshot knows.
    state = load(store, info.space).state
    if state is None:
        return 0, ""
    try:
        return state.scalars["assembler"]["turn"], state.scalars["session"]["last"]
    except (KeyError, TypeError) as error:
        raise SnapshotInvalid(f"the snapshot of {info.space} names no last boundary") from error


def _state(info: SpaceInfo, boundary: str | None) -> tuple[SpaceState, str]:
    gone = ""
    if info.holder is not None:
        who, left = _who(info.holder), (info.lease_expires_at or 0) - clock.now()
        if is_dead(info.holder):
            gone = f"{who} is dead"
        elif left <= 0:
            gone = f"the lease of {who} ran out {-left:,.0f} s ago"
        else:
            return SpaceState.OPEN, f"{who} has it, for {left:,.0f} s or until it renews its lease"
    if boundary in _CLEAN_ENDS:
        return SpaceState.CLOSED, f"its last commit was at the boundary {boundary!r}"
    if boundary is None:
        return SpaceState.EMPTY, gone or "nothing was committed"
    last = f"its last commit was at the boundary {boundary!r}"
    if gone:
        return SpaceState.CRASHED, f"{gone}, {last}"
    return SpaceState.LEFT, f"nobody has it, {last}"


def _who(holder: str) -> str:
    """Return a holder in words, if it is one of ours."""
    parts = holder.split(";")
    if len(parts) == 5 and parts[1].isdecimal():
        return f"process {parts[1]} on {parts[0].partition('/')[0]}"
    return holder
