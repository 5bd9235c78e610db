"""Group commit: rows wait in one queue, and whoever leads writes all that is there at once.

A caller who must wait becomes the leader when there is none. While it writes, others queue up, and
the next leader, who is one of them, takes them all, and what comes while he begins: one sync to
disk serves as many rows as came in during the last one. Rows that nobody waits for are written by a
thread of the queue's own, which is there only while there is something to write.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence

from ..errors import ClawVMError, StoreFailed
from .packing import Prepared
from .protocol import Append, Durability, Space
from .tickets import awaiting

__all__ = ["Batch", "Busy", "CommitQueue", "Job", "in_turn"]

DELAYS = {Durability.COMMIT: 0.0, Durability.GROUP: 0.004, Durability.DEFERRED: 0.9}
"""Seconds after which a row that nobody waits for is written at the latest."""

BATCH_ROWS_MAX = 512
BATCH_BYTES_MAX = 8 * 1024 * 1024

# The queue's own thread ends when it has had nothing to do for so long.
_IDLE_SECONDS = 2.0


class Busy(StoreFailed):
    """Other writers had the backend for too long; nothing of the batch was written."""


class _Waiter:
    """A thread that waits for a job, and may be told to lead instead."""

    __slots__ = ("latch", "leads", "may_lead")

    def __init__(self, *, may_lead: bool) -> None:
        self.latch = threading.Lock()
        self.latch.acquire()
        self.leads = False
        self.may_lead = may_lead


class Job:
    """A row in the queue; what `Store.append` returns.

    Attributes
    ----------
    row : Append
        What to write.
    prepared : Prepared
        The same, encoded.
    snapshot : bool
        Whether it is the space's snapshot rather than its next row.
    """

    __slots__ = (
        "_callbacks",
        "_done",
        "_error",
        "_ids",
        "_queue",
        "_waiters",
        "deadline",
        "prepared",
        "row",
        "snapshot",
    )

    def __init__(
        self,
        queue: CommitQueue,
        row: Append,
        prepared: Prepared,
        *,
        snapshot: bool,
        deadline: float,
    ) -> None:
        self.row = row
        self.prepared = prepared
        self.snapshot = snapshot
        self.deadline = deadline
        self._queue = queue
        self._waiters: list[_Waiter] = []
        self._callbacks: list[Callable[[], None]] = []
        self._ids: tuple[int, ...] = ()
        self._error: BaseException | None = None
        self._done = False

    def succeed(self, ids: tuple[int, ...]) -> None:
        """Say that the row is written; its waiters are told when the whole batch is on disk."""
        self._ids = ids

    def fail(self, error: BaseException) -> None:
        """Say that the row is refused; waiters are told when the batch has ended."""
        self._error = error

    @property
    def failed(self) -> bool:
        """Whether `fail` has been called."""
        return self._error is not None

    def done(self) -> bool:
        """Whether it is on disk, or refused."""
        return self._done

    def wait(self, timeout: float | None = None) -> tuple[int, ...]:
        """Wait until it is on disk, writing it on this thread when nobody else is at it."""
        if not self._done:
            self._queue.drive(self, timeout)
        return self._outcome()

    def __await__(self) -> Generator[object, None, tuple[int, ...]]:
        """Wait without blocking the event loop: the queue's own thread writes."""
        yield from awaiting(self._when_done)
        return self._outcome()

    def _when_done(self, callback: Callable[[], None]) -> None:
        self._queue.when_done(self, callback)

    def _outcome(self) -> tuple[int, ...]:
        if self._error is not None:
            raise self._error
        return self._ids

    def _settle(self) -> None:
        """Wake everybody; only the queue calls it, holding its mutex."""
        self._done = True
        for waiter in self._waiters:
            waiter.latch.release()
        self._waiters.clear()


class Batch(list[Job]):
    """Jobs that are written together, oldest first."""

    __slots__ = ("_queue", "size")

    def __init__(self, queue: CommitQueue) -> None:
        self._queue = queue
        self.size = 0

    def grow(self) -> bool:
        """Take along what has been queued meanwhile, as far as there is room; whether any was."""
        before = len(self)
        self._queue.take_along(self)
        return len(self) > before


class CommitQueue:
    """Rows on their way into one store.

    Parameters
    ----------
    write : callable
        Gets a batch and the time (`time.monotonic`) until which it may wait for other writers.
        It goes through them by `in_turn`, calls `Job.succeed` or `Job.fail` on each and returns
        when the batch is on disk; or
        it raises, and then nothing of the batch is. `Busy` means that it may be tried again.
        Until it commits it may call `Batch.grow`.
    timeout : float
        Seconds that a row may wait for other writers, from when it was appended.
    """

    def __init__(self, write: Callable[[Batch, float], None], timeout: float) -> None:
        self._write = write
        self._timeout = timeout
        self._mutex = threading.Lock()
        self._due_changed = threading.Condition(self._mutex)
        self._jobs: deque[Job] = deque()
        self._last: Job | None = None
        self._leading = False
        self._due: float | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def submit(
        self, row: Append, prepared: Prepared, durability: Durability, *, snapshot: bool = False
    ) -> Job:
        """Queue a row. At ``COMMIT`` the caller waits for the job next."""
        now = time.monotonic()
        delay = DELAYS[durability]
        deadline = now + delay + self._timeout
        job = Job(self, row, prepared, snapshot=snapshot, deadline=deadline)
        with self._mutex:
            self._jobs.append(job)
            self._last = job
            if durability is not Durability.COMMIT:
                self._schedule(now + delay)
        return job

    def flush(self) -> None:
        """Wait until all that has been queued is written or refused."""
        with self._mutex:
            last = self._last
        if last is not None and not last.done():
            self.drive(last, None)

    def drive(self, job: Job, timeout: float | None) -> None:
        """Wait until a job is done, leading when nobody does.

        Who waits for a limited time never leads: the queue's own thread is called instead.
        """
        self._check_process(job)
        waiter: _Waiter | None = None
        leads = False
        try:
            with self._mutex:
                if job._done:
                    return
                if self._leading or timeout is not None:
                    waiter = _Waiter(may_lead=timeout is None)
                    job._waiters.append(waiter)
                    if not self._leading:
                        self._schedule(time.monotonic())
                else:
                    leads = self._leading = True
            if waiter is not None:
                waiter.latch.acquire(timeout=self._patience(job) if timeout is None else timeout)
                leads = waiter.leads
            if leads:
                self._write_until(job)
            elif not job._done:
                raise _late(job, timeout)
        finally:
            # Who was told that his job is done has nothing to pass on, and is in nobody's way. An
            # interrupt may come while waiting: whoever was told to lead has to pass that on.
            if leads or not job._done:
                self._leave(job, waiter, leads)

    def _leave(self, job: Job, waiter: _Waiter | None, leads: bool) -> None:
        """Wait no more, and lead no more."""
        with self._mutex:
            if waiter is not None and waiter in job._waiters:
                job._waiters.remove(waiter)
            if leads or (waiter is not None and waiter.leads):
                self._hand_over()

    def when_done(self, job: Job, callback: Callable[[], None]) -> None:
        """Call back, on any thread, when a job is done, and have it written at once."""
        self._check_process(job)
        with self._mutex:
            if not job.done():
                job._callbacks.append(callback)
                self._schedule(time.monotonic())
                return
        callback()

    def _patience(self, job: Job) -> float:
        """Seconds to wait for a leader: the time that the job has, and as much for the disk."""
        return max(0.0, job.deadline - time.monotonic()) + self._timeout

    def _check_process(self, job: Job) -> None:
        if os.getpid() != self._process:
            raise StoreFailed(
                f"row {job.row.seq} of {job.row.space} was appended by process {self._process}, "
                f"which writes it; its child {os.getpid()} cannot wait for it"
            )

    def _schedule(self, due: float) -> None:
        """Have the queue's own thread write by `due`; the mutex is held."""
        if self._due is not None and self._due <= due:
            return
        self._due = due
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="clawvm-store-flush", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:
                # The interpreter is ending; closing the store writes what is here.
                self._thread = None
        else:
            self._due_changed.notify()

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._wait_until_due():
                    self._thread = None
                    return
                self._due = None
                if self._leading or not self._jobs:
                    # Who leads takes what is here along, or schedules it again when he leaves.
                    continue
                self._leading = True
            try:
                self._write_until(None)
            finally:
                with self._mutex:
                    self._hand_over()

    def _wait_until_due(self) -> bool:
        """Wait for work; False when there was none for long. The mutex is held."""
        while self._due is None:
            if not self._due_changed.wait(_IDLE_SECONDS) and self._due is None:
                return False
        while True:
            now = time.monotonic()
            if self._due is None or self._due <= now:
                return True
            self._due_changed.wait(self._due - now)

    def _write_until(self, job: Job | None) -> None:
        """Write batches until `job` is done, or until nothing is left."""
        while job is None or not job.done():
            batch = Batch(self)
            if not batch.grow():
                return
            self._write_batch(batch)

    def take_along(self, batch: Batch) -> None:
        """Move jobs from the queue to the end of a batch, as far as there is room."""
        with self._mutex:
            while self._jobs and len(batch) < BATCH_ROWS_MAX:
                size = batch.size + self._jobs[0].prepared.size
                if batch and size > BATCH_BYTES_MAX:
                    return
                batch.append(self._jobs.popleft())
                batch.size = size

    def _hand_over(self) -> None:
        """Make somebody who waits the next leader; the mutex is held."""
        for job in self._jobs:
            for waiter in job._waiters:
                if waiter.may_lead:
                    job._waiters.remove(waiter)
                    waiter.leads = True
                    waiter.latch.release()
                    return
        self._leading = False
        if self._jobs:
            self._schedule(time.monotonic())

    def _write_batch(self, batch: Batch) -> None:
        again: list[Job] = []
        try:
            self._write(batch, batch[0].deadline)
        except Busy as error:
            now = time.monotonic()
            for job in batch:
                if job.deadline <= now:
                    job.fail(_copy(error))
                else:
                    again.append(job)
        except Exception as error:
            for job in batch:
                job.fail(_copy(error))
        except BaseException:
            for job in batch:
                job.fail(
                    StoreFailed(
                        f"row {job.row.seq} of {job.row.space}: its writer was interrupted; "
                        "load tells whether it was written, appending it again is safe"
                    )
                )
            raise
        finally:
            self._finish(batch, again)

    def _finish(self, batch: Batch, again: list[Job]) -> None:
        callbacks: list[Callable[[], None]] = []
        with self._mutex:
            settled: list[Job] = [job for job in batch if job not in again] if again else batch
            self._jobs.extendleft(reversed(again))
            if any(job.failed for job in settled):
                waiting = list(self._jobs)
                self._jobs = deque(in_turn([*settled, *waiting], skip=len(settled)))
                settled = [*settled, *(job for job in waiting if job.failed)]
            for job in settled:
                if job._callbacks:
                    callbacks += job._callbacks
                    job._callbacks.clear()
                job._settle()
        for callback in callbacks:
            callback()


def in_turn(batch: Sequence[Job], skip: int = 0) -> Iterator[Job]:
    """Go through jobs in order, leaving out, and failing, those behind one that has failed.

    What stands behind a row that failed was made in the belief that it would be there.

    Parameters
    ----------
    batch : sequence of Job
        What to write.
    skip : int, default 0
        How many at the front are known to have ended, and are not gone through again.
    """
    failed: dict[tuple[Space, int], Job] = {}
    for place, job in enumerate(batch):
        before = failed.get((job.row.space, job.row.token)) if failed else None
        if place >= skip:
            if before is not None and job.row.seq > before.row.seq:
                job.fail(_copy(before._error))
            else:
                yield job
        if job._error is not None and not job.snapshot:
            failed.setdefault((job.row.space, job.row.token), job)


def _late(job: Job, timeout: float | None) -> Exception:
    row = f"row {job.row.seq} of {job.row.space}"
    if timeout is not None:
        return TimeoutError(
            f"{row} is not on disk after {timeout} s; it is still on its way: wait again"
        )
    return StoreFailed(
        f"{row} is not on disk, the disk has not answered for too long; load tells whether it was "
        "written, appending it again is safe"
    )


def _copy(error: BaseException | None) -> BaseException:
    """Copy an error, so that threads which raise it do not share one traceback."""
    assert error is not None
    if not isinstance(error, ClawVMError):
        return error
    copied = copy.copy(error)
    copied.__cause__ = error.__cause__
    return copied
