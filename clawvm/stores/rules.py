"""What every store decides alike: who may take a lease, and whether a row may be written."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..errors import JournalConflict, LeaseHeld, LeaseLost, StoreInvalid
from ..pages import Scope
from .holder import is_dead
from .protocol import Append, Lease, Space

__all__ = [
    "Held",
    "check_free",
    "check_sequence",
    "check_snapshot",
    "check_space",
    "check_token",
    "check_unheld",
    "lost",
    "refused_rows",
    "renewal_due",
    "renewed",
    "runs",
]


_PROJECT = Scope.PROJECT


class Held(NamedTuple):
    """What a store knows of a space's lease; `holder` is None when nobody has it."""

    token: int = 0
    holder: str | None = None
    ttl: float = 0.0
    expires_at: float = 0.0


@lru_cache(maxsize=1024)  # every append asks it of one of a few
def check_space(space: Space) -> None:
    """Refuse names that not every store could keep."""
    for part, text in (("tenant", space.tenant), ("name", space.name)):
        problem = None
        try:
            if not text or "\0" in text:
                problem = "empty, or has a NUL character"
            elif len(text.encode()) > 1024:
                problem = "longer than 1024 bytes"
        except UnicodeEncodeError:
            problem = "no text that UTF-8 can hold"
        if problem:
            raise StoreInvalid(f"the {part} {text!r} of a space is {problem}; give it another name")


def runs(held: Held, now: float) -> bool:
    """Whether a lease still holds.

    One that would hold for longer than its ttl from now was given before the clock was moved back;
    nobody could say when it ends.
    """
    return held.holder is not None and now < held.expires_at <= now + held.ttl


def check_free(space: Space, held: Held, holder: str, now: float) -> None:
    """Raise `LeaseHeld` unless `holder` may take the lease."""
    if space.scope is Scope.PROJECT:
        raise StoreInvalid(
            f"{space} takes no lease: its writers go by row numbers; append with token 0"
        )
    if held.holder != holder:
        check_unheld(space, held, now)


def check_unheld(space: Space, held: Held, now: float) -> None:
    """Raise `LeaseHeld` while somebody holds a space."""
    if held.holder is not None and runs(held, now) and not is_dead(held.holder):
        raise LeaseHeld(str(space), held.holder, held.expires_at, held.expires_at - now)


def refused_rows(rows: int, covered: int) -> str:
    """Say why a prune leaves rows that are old enough."""
    return f"{rows} old rows stay: the snapshot covers the rows up to {covered} only"


def lost(space: Space, token: int, held: Held) -> LeaseLost:
    """Make the error for a token that is not the newest."""
    who = f"{held.holder} holds it" if held.holder else "nobody holds it"
    return LeaseLost(
        f"{space}: the lease with token {token} is lost, the newest is {held.token} ({who}); "
        "acquire the session again and decide anew"
    )


def check_token(row: Append, held: Held) -> None:
    """Raise `LeaseLost` unless the row comes with the newest token, or for a project with none."""
    if row.space.scope is _PROJECT:
        if row.token != 0:
            raise StoreInvalid(
                f"{row.space} takes no lease, found token {row.token}; append with token 0"
            )
    elif row.token != held.token or held.holder is None:
        raise lost(row.space, row.token, held)


def check_sequence(row: Append, last_seq: int) -> None:
    """Raise `JournalConflict` unless the row follows the last one."""
    if row.seq <= last_seq:
        raise JournalConflict(
            f"{row.space} has a row {row.seq} already, its last one is {last_seq}; "
            "read it and decide anew"
        )
    if row.seq != last_seq + 1:
        raise JournalConflict(
            f"{row.space}: row {row.seq} would leave a gap, the last row is {last_seq}; "
            "append the rows before it first"
        )


def check_snapshot(row: Append, last_seq: int, covered: int) -> None:
    """Raise `JournalConflict` for a snapshot of rows that are not there, or older than the last."""
    if row.seq < 1 or not covered <= row.seq <= last_seq:
        raise JournalConflict(
            f"{row.space}: a snapshot up to row {row.seq} is refused, the last row is {last_seq} "
            f"and the snapshot that is there covers {covered}; load the space and make it anew"
        )


def renewal_due(held: Held, now: float) -> bool:
    """Whether an append renews the lease: half of its ttl has passed, or the clock went back."""
    return not now + held.ttl / 2 < held.expires_at <= now + held.ttl


def renewed(space: Space, held: Held, now: float) -> Lease:
    """Return the lease that starts now."""
    assert held.holder is not None
    return Lease(space, held.holder, held.token, held.ttl, now + held.ttl)
