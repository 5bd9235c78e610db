"""Tickets that need no queue, and how a coroutine waits for another thread."""

from __future__ import annotations

from collections.abc import Callable, Generator

from ..errors import ClawVMError

__all__ = ["Settled", "awaiting"]


class Settled:
    """The ticket of a row that is written, or refused, by the time `Store.append` returns."""

    __slots__ = ("_outcome",)

    def __init__(self, outcome: tuple[int, ...] | ClawVMError) -> None:
        self._outcome = outcome

    def done(self) -> bool:
        """True."""
        return True

    def wait(self, timeout: float | None = None) -> tuple[int, ...]:
        """Return the ids, or raise."""
        if isinstance(self._outcome, ClawVMError):
            raise self._outcome
        return self._outcome

    def __await__(self) -> Generator[object, None, tuple[int, ...]]:
        """Return the ids, or raise."""
        return self.wait()
        yield  # makes this a generator


def awaiting(when_done: Callable[[Callable[[], None]], None]) -> Generator[object, None, None]:
    """Suspend a coroutine until another thread calls what `when_done` is given."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    def told() -> None:
        try:
            loop.call_soon_threadsafe(wake)
        except RuntimeError:
            # The loop was closed; nobody is there any more to be told.
            return

    when_done(told)
    yield from future.__await__()
