"""A memory that is committed at the boundaries of its life (architecture, section 7)."""

from __future__ import annotations

import contextlib
import copy
import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, Unpack

from ..audit import AuditLog
from ..collector import paused
from ..errors import LeaseLost, MessageInvalid, OptionUnknown, SessionClosed
from ..faults import FaultKind
from ..pages import Page, PageType, Scope
from ..snapshot import StateDelta
from ..stores import Durability, Store
from ..writeback import CommitTicket
from .boundaries import (
    CLEAN_ENDS,
    RESETS,
    Boundaries,
    BoundaryKind,
    BoundaryReport,
    Coverage,
    boundary_kind,
)
from .durable import Durable
from .exits import watch
from .given import Terms
from .memory import SURVIVES_RESET, check_option
from .prompt import Prompt
from .recall import Recall
from .recalling import RecallingMemory, RecallingOptions
from .saved import restore_parts
from .tracing import Tracing, audit_file

__all__ = ["KeptMemory"]

_COMPACTION = BoundaryKind.COMPACTION
_DURABILITIES = tuple(durability.value for durability in Durability)


class KeptMemory(RecallingMemory):
    """A memory with a store, a decision trace and boundaries; `Session` tells the parameters."""

    # Thousands of objects come back, and all of them stay.
    @paused()
    def __init__(
        self,
        session_id: str = "session",
        *,
        budget: int,
        store: Store | str | None = None,
        tenant: str = "default",
        project: str | None = None,
        durability: str = "commit",
        spool: str | os.PathLike[str] | None = None,
        audit: str | os.PathLike[str] | None = None,
        **options: Unpack[RecallingOptions],
    ) -> None:
        self._durable: Durable | None = None
        self._trace: Tracing | None = None
        super().__init__(session_id, budget=budget, **options)
        check_option("durability", durability, _DURABILITIES)
        if project is not None and store is None:
            raise OptionUnknown(f"session {session_id!r}: a project needs the store that it is in")
        self.notes: dict[str, Any] = {}
        self._options = options
        self._boundaries = Boundaries()
        self._last: str | None = None
        self._pending: CommitTicket | None = None
        if store is not None:
            self._durable = Durable(
                self._parts,
                self._saved_extra,
                store,
                tenant=tenant,
                project=project,
                put_shared=self._put_shared,
                durability=Durability(durability),
                spool=spool,
            )
        opened = False
        try:
            if audit is not None:
                self._trace = Tracing(AuditLog(audit_file(audit, session_id)), self._parts)
            if self._durable is not None:
                self._resume(self._durable)
            if self._trace is not None:
                self._trace.opened(budget, self.counter.name)
            if self._outlives_itself:
                watch(self)
            opened = True
        finally:
            if not opened:
                self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True):
            return
        if self._outlives_itself:
            warnings.warn(f"session {self.session_id!r} was not closed", ResourceWarning, 2, self)
            self.release()

    # A turn

    def assemble(self) -> Prompt:
        """Decide what is resident and build the prompt of the next request.

        Pages that give way are committed before: what a pointer names can always be got back.

        Returns
        -------
        Prompt

        Raises
        ------
        BudgetInfeasible
            When the floor does not fit, before anything has moved, unless the session reports
            instead.
        LeaseLost, StoreFailed, SpoolFull
            When pages were to give way and could not be made durable; nothing has moved.
        SessionClosed
            After `close`.
        """
        if self._trace is None:
            return super().assemble()
        self._check_open()
        self._take_in()
        self._trace.pages(self._book.fresh)
        if self._assembler.demands:
            self._trace.demanded()
        prompt = self._decide()
        self._trace.assembled(prompt.plan)
        return prompt

    def recall(self, name: str, version: int | None = None, *, show: bool = False) -> Recall:
        """Look a page's exact text up, in memory or in the store; see `RecallingMemory.recall`."""
        recall = super().recall(name, version, show=show)
        if self._trace is not None:
            self._trace.recalled(recall)
        return recall

    # Boundaries

    def boundary(self, kind: str) -> BoundaryReport:
        """Commit what is dirty, before the runtime destroys context at a lifecycle event.

        No model is called, and nothing but the store is talked to, for no longer than its timeout.

        Parameters
        ----------
        kind : str
            ``"turn"``, ``"prune"``, ``"idle"``, ``"model-switch"``: only commits.
            ``"compaction"``: and the next prompt demotes to the low-water mark. ``"reset"``,
            ``"new"``, ``"clear"``: and a new conversation begins; rules and preferences stay,
            everything else is archived and can still be recalled. After these the next prompt's
            rules are checked. The other kinds of `BoundaryKind` have operations of their own.

        Returns
        -------
        BoundaryReport

        Raises
        ------
        LeaseLost
            When another holder has taken the session over. Its pages that were not committed count
            as flush misses.
        StoreFailed, SpoolFull
            When the store failed and what is dirty could not be spooled either. Nothing has been
            destroyed; make the call again.
        """
        self._check_open()
        chosen = boundary_kind(kind)
        started = time.perf_counter_ns()
        if chosen in RESETS:
            self._take_in()
        self._boundaries.fired(chosen)
        report = self._commit_compaction() if chosen is _COMPACTION else self._commit(chosen)
        if chosen in RESETS:
            gone = [page for page in self._book.live.values() if page.type not in SURVIVES_RESET]
            self._end_conversation()
            if self._trace is not None:
                self._trace.archived(gone)
            self._assembler.boundary = chosen.value
            if self._durable is not None:
                report = replace(self._commit(chosen), operations=report.operations)
        if self._trace is not None:
            restored = [page.id for page in self._book.pinned.values()]
            took_us = (time.perf_counter_ns() - started) // 1000
            self._trace.passed(report, restored, took_us)
        return report

    async def boundary_async(self, kind: str) -> BoundaryReport:
        """Do the same as `boundary` on a thread, so that an event loop goes on meanwhile.

        The session must not be used until it has answered.
        """
        import asyncio

        return await asyncio.to_thread(self.boundary, kind)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until everything committed so far is on disk.

        Raises
        ------
        TimeoutError
            When `timeout` seconds have passed.
        LeaseLost, StoreFailed, SpoolFull
            When it could not be written; what failed goes before the next commit.
        """
        if self._pending is not None:
            self._pending.wait(timeout)
            self._pending = None

    def compaction(self) -> BoundaryReport:
        """Commit; the next prompt demotes to the low-water mark, and its rules are checked."""
        return self.boundary(BoundaryKind.COMPACTION)

    def reset(self) -> BoundaryReport:
        """Commit, then begin a new conversation: rules and preferences stay, the rest is archived.

        What was archived can still be recalled. The next prompt's rules are checked.
        """
        return self.boundary(BoundaryKind.RESET)

    def close(self, *, discard: bool = False) -> None:
        """Commit and end the session; a second call changes nothing.

        Parameters
        ----------
        discard : bool, optional
            Give up what is not committed: each page that is lost counts as a flush miss.

        Raises
        ------
        LeaseLost, StoreFailed, SpoolFull
            When it could not be committed. The session is still open: close it again, or discard.
        """
        if self._closed:
            return
        if discard:
            self._count_misses("it was discarded when the session was closed")
        else:
            self._boundaries.fired(BoundaryKind.END)
            self._commit(BoundaryKind.END, Durability.COMMIT)
        if self._trace is not None:
            self._trace.close()
        self.release()

    def release(self) -> None:
        """Let go of lease, store and trace without committing; `close` is the way to end."""
        self._closed = True
        if self._trace is not None:
            self._trace.release()
        if self._durable is not None:
            self._durable.release()

    @property
    def closed(self) -> bool:
        """Whether the session takes no more operations."""
        return self._closed

    @property
    def coverage(self) -> Coverage:
        """Which boundaries have fired, and which never did: a hook that is not wired shows."""
        return self._boundaries.coverage

    # Inner workings

    @property
    def _outlives_itself(self) -> bool:
        """Whether anything is to be written when the process ends."""
        return self._durable is not None or self._trace is not None

    def _need_store(self, what: str) -> Durable:
        self._check_open()
        if self._durable is None:
            raise SessionClosed(f"session {self.session_id!r} has no store and cannot {what}")
        return self._durable

    def _commit(self, kind: BoundaryKind, durability: Durability | None = None) -> BoundaryReport:
        durable, turn = self._durable, self._assembler.turn
        self._last = kind.value
        if durable is None:
            return BoundaryReport(kind, turn, "memory")
        if not durable.has_changes and kind not in CLEAN_ENDS:
            return BoundaryReport(kind, turn, "nothing")
        if self._trace is not None:
            # What the store has of a session, its trace tells: it goes first.
            self._trace.flush()
        try:
            receipt = durable.commit(kind, durability)
        except LeaseLost as error:
            self._count_misses(str(error))
            raise
        self._pending = receipt.ticket or self._pending
        if self._trace is not None:
            self._trace.committed(receipt)
        self._adopt(durable, {entry.operation.page_id for entry in receipt.committed})
        outcome = "spooled" if receipt.spooled else "pending" if receipt.ticket else "committed"
        self._boundaries.ended(outcome)
        return BoundaryReport(kind, turn, outcome, len(receipt.committed), len(receipt.rejected))

    def _commit_compaction(self) -> BoundaryReport:
        """Commit, and with it that the next prompt is a compaction's: a crash does not undo it."""
        before, self._assembler.boundary = self._assembler.boundary, _COMPACTION.value
        committed = False
        try:
            report = self._commit(_COMPACTION)
            committed = True
        finally:
            if not committed:
                self._assembler.boundary = before
        return report

    def _resume(self, durable: Durable) -> None:
        """Go on with what the store has of this session."""
        self._assembler.secure = self._secure
        state = durable.take_state()
        if state is not None:
            self._take_over(state)
            if self._last not in CLEAN_ENDS:
                self._boundaries.fired(BoundaryKind.RECOVERY)
        self._adopt(durable)
        durable.pull_shared()

    def _take_over(self, state: StateDelta) -> None:
        extra = restore_parts(self._parts, state)
        if extra["counter"] != self.counter.name:
            raise OptionUnknown(
                f"session {self.session_id!r} was saved with its tokens counted by "
                f"{extra['counter']!r}, and is opened with {self.counter.name!r}; open it with "
                "the same counter"
            )
        self._last = extra["last"]
        self._offers_recall = extra["offers_recall"]
        self._book.lineage = list(extra["lineage"])
        self.notes = extra["notes"]
        self._reuse.restore(extra["reuse"])
        self._boundaries.restore(extra["boundaries"])
        if self._durable is not None:
            self._durable.restore_shared(extra["shared"])

    def _saved_extra(self) -> dict[str, Any]:
        return {
            "counter": self.counter.name,
            "last": self._last,
            "offers_recall": self._offers_recall,
            "lineage": self._book.lineage,
            "notes": copy.deepcopy(self.notes) if self.notes else {},
            "reuse": self._reuse.saved(),
            "boundaries": self._boundaries.saved(),
            "shared": {} if self._durable is None else self._durable.saved_shared(),
        }

    def _adopt(self, durable: Durable, page_ids: Iterable[str] | None = None) -> None:
        """Take over texts that operations have changed, and archive pages that got a tombstone."""
        for page_id, head in durable.ahead(page_ids):
            page = self._book.live.get(page_id)
            if isinstance(head.value, str):
                kind = durable.journal.page_type(page_id)
                self._put_text(page_id, kind or PageType.EVIDENCE, head.value, head.version)
            elif page is not None and page.is_given:
                self._layout.remove(page)
                self._assembler.forget(page)
                self._book.archive(page)

    def _put_text(self, page_id: str, kind: PageType, text: str, version: int) -> Page:
        return self._given.put(
            page_id,
            kind,
            text,
            Terms(None, None, None, None, None, 0, "journal"),
            None,
            turn=self._assembler.turn + 1,
            shape=self._conversation.shape,
            version=version,
        )

    def _put_shared(self, page_id: str, kind: PageType, text: str) -> Page:
        return self.put(page_id, kind, text, scope=Scope.PROJECT, granted_by="project")

    def _older_text(self, page_id: str, version: int) -> str | None:
        return None if self._durable is None else self._durable.older_text(page_id, version)

    def _secure(self, pages: Iterable[Page]) -> None:
        """Commit before pages give way, unless all of them are durable already."""
        durable = self._durable
        if durable is not None and not all(map(durable.is_durable, pages)):
            self._boundaries.fired(BoundaryKind.PRUNE)
            self._commit(BoundaryKind.PRUNE)

    def _count_misses(self, reason: str) -> None:
        if self._durable is None:
            return
        # Messages that wait for the next prompt are lost as well; a broken history has no pages.
        with contextlib.suppress(MessageInvalid):
            self._take_in()
        for page in self._durable.dirty:
            self.faults.record(FaultKind.FLUSH_MISS, page.id, self.turn, reason)
