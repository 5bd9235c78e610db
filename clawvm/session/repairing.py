"""What checks and repairs of a store have in common."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ContentMissing, LeaseHeld, SnapshotInvalid, StoreCorrupt
from ..pages import Scope
from ..stores import Space, Store, this_holder

__all__ = ["UNREADABLE", "leased"]

UNREADABLE = (ContentMissing, SnapshotInvalid, StoreCorrupt)
"""What is raised for what is there and cannot be read."""

_LEASE_SECONDS = 30.0


@contextmanager
def leased(store: Store, space: Space) -> Iterator[int | None]:
    """Hold a session for the length of a repair; a project needs nobody to hold it.

    Yields
    ------
    int or None
        The token to write with; None when somebody else has the session open.
    """
    if space.scope is Scope.PROJECT:
        yield 0
        return
    try:
        lease = store.acquire(space, f"{this_holder()}.{secrets.token_hex(4)}", _LEASE_SECONDS)
    except LeaseHeld:
        yield None
        return
    try:
        yield lease.token
    finally:
        store.release(lease)
