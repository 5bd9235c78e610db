"""A store for coroutines: the same methods, and the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .protocol import (
    Append,
    Durability,
    Finding,
    Lease,
    PruneReport,
    Row,
    Space,
    SpaceInfo,
    Store,
    Stored,
    Ticket,
)

__all__ = ["AsyncStore"]

Result = TypeVar("Result")

_THREADS = 4

# Rows are encoded on the loop's thread up to this size: handing them over would take as long.
_ENCODED_HERE_MAX = 64 * 1024

_ROWS_PER_STEP = 64


class AsyncStore:
    """Wraps a store; every call that may wait does so on a thread of its own.

    Parameters
    ----------
    store : Store
        The store; it can be used directly at the same time. `close` closes it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="clawvm-store")

    @property
    def url(self) -> str:
        """See `Store.url`."""
        return self._store.url

    @property
    def durable(self) -> bool:
        """See `Store.durable`."""
        return self._store.durable

    async def acquire(self, space: Space, holder: str, ttl: float) -> Lease:
        """See `Store.acquire`."""
        return await self._run(lambda: self._store.acquire(space, holder, ttl))

    async def renew(self, lease: Lease) -> Lease:
        """See `Store.renew`."""
        return await self._run(lambda: self._store.renew(lease))

    async def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        await self._run(lambda: self._store.release(lease))

    async def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        """See `Store.append`; at ``COMMIT`` the row is on disk when the coroutine ends."""
        # The level only says who waits: nobody does so on this thread.
        level = Durability.GROUP if durability is Durability.COMMIT else durability
        size = len(row.record) + sum(len(c) for c in row.contents if not isinstance(c, int))
        if size <= _ENCODED_HERE_MAX:
            ticket = self._store.append(row, level)
        else:
            ticket = await self._run(lambda: self._store.append(row, level))
        if durability is Durability.COMMIT:
            await ticket
        return ticket

    async def flush(self) -> None:
        """See `Store.flush`."""
        await self._run(self._store.flush)

    async def save_snapshot(self, row: Append) -> None:
        """See `Store.save_snapshot`."""
        await self._run(lambda: self._store.save_snapshot(row))

    async def load(self, space: Space) -> Stored:
        """See `Store.load`."""
        return await self._run(lambda: self._store.load(space))

    async def rows(self, space: Space, first: int = 1) -> AsyncIterator[Row]:
        """See `Store.rows`."""
        rows = self._store.rows(space, first)
        while part := await self._run(lambda: _take(rows)):
            for row in part:
                yield row

    async def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        """See `Store.contents`."""
        return await self._run(lambda: self._store.contents(space, ids))

    async def spaces(self, tenant: str | None = None) -> list[SpaceInfo]:
        """See `Store.spaces`."""
        return await self._run(lambda: self._store.spaces(tenant))

    async def prune(self, before: float, *, tenant: str | None = None) -> PruneReport:
        """See `Store.prune`."""
        return await self._run(lambda: self._store.prune(before, tenant=tenant))

    async def delete(self, space: Space) -> None:
        """See `Store.delete`."""
        await self._run(lambda: self._store.delete(space))

    async def check(self, *, repair: bool = False) -> list[Finding]:
        """See `Store.check`."""
        return await self._run(lambda: self._store.check(repair=repair))

    async def close(self) -> None:
        """See `Store.close`; ends the threads too."""
        try:
            await asyncio.to_thread(self._store.close)
        finally:
            self._threads.shutdown(wait=False)

    async def _run(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _take(rows: Iterator[Row]) -> list[Row]:
    return [row for _, row in zip(range(_ROWS_PER_STEP), rows, strict=False)]
