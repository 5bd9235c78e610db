"""Session: one agent's memory, and what of it outlives the process (paper, sections 5 and 6)."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from ..audit import AuditLog
from ..errors import (
    ClawVMError,
    LeaseLost,
    OptionUnknown,
    PageInvalid,
    SessionClosed,
    SnapshotInvalid,
)
from ..faults import FaultKind
from ..messages import Shape
from ..pages import Page, PageType, Pin, Scope
from ..representations import Builders
from ..residency import Decision, Policy
from ..snapshot import StateDelta, load, save
from ..stores import Durability, Store
from ..tokens import TokenCounter
from ..writeback import Journal, Operation, OpKind, Principal, Receipt, Rejection
from .assembler import OnInfeasible
from .boundaries import RESETS, Boundaries, BoundaryKind, BoundaryReport, Coverage, boundary_kind
from .conversation import RepairMode
from .durable import HARNESS, Durable
from .exits import watch
from .memory import Memory
from .prompt import Prompt
from .recall import Recall
from .reuse import SourceCheck
from .saved import restore_parts, settle, whole_of
from .tracing import Tracing, audit_file

__all__ = ["Session"]

_CLEAN_ENDS = (BoundaryKind.END, BoundaryKind.EXIT)
_DURABILITIES = tuple(durability.value for durability in Durability)


class Session(Memory):
    """One agent's memory under a token budget.

    Operations by task: taking in (`put`, `add`, `extend`, `add_result`), using (`touch`, `pin`,
    `demand`, `recall`, `search`), a turn (`assemble`, `post_model`, `tool_execute`), boundaries
    (`boundary`, `compaction`, `reset`, `close`, `fork`, `take_back`), writing back (`stage`,
    `rejected`, `retry`, `undo`), looking (`explain`, `page`, `pages`, `level`, `plan`, `faults`,
    `repairs`, `coverage`).

    Parameters
    ----------
    session_id : str
        Names the session in handles and in the store.
    budget : int
        Most that a prompt may cost, in tokens, everything included.
    store : Store or str, optional
        Where the session is kept, as an address (``"sqlite:///agents.db"``,
        ``"postgresql://..."``) or an open store, which stays open. A session that is there goes on
        where it was committed last. Without a store nothing outlives the process.
    tenant : str, optional
        Whose session it is; nothing of one tenant is ever found for another.
    project : str, optional
        Name of the project whose shared pages (`Scope.PROJECT`) this session reads and writes.
    durability : {"commit", "group", "deferred"}, optional
        When a commit is on disk: when the call returns; within a few milliseconds, together with
        other sessions' (`wait` waits for it); at the latest after a second.
    spool : path, optional
        Folder for commits while the store is down; by default beside a SQLite file, else in the
        user's state folder.
    audit : path, optional
        File, or folder for a file of the session's name, of its decision trace (`clawvm.audit`).
    **options
        As for `Memory`: counter, policy, shape, repair, on_infeasible, builders, same_result,
        reuse.

    Raises
    ------
    BudgetInvalid
        When the budget is not a positive whole number.
    PolicyUnknown
        When no policy has that name.
    OptionUnknown
        When an option of a few words is none of them, or the saved session counts its tokens
        otherwise.
    TokenizerUnavailable
        When the counter is asked for by name and its vocabulary is not at hand.
    LeaseHeld
        When somebody else has the session open.
    StoreInvalid, StoreFailed, StoreCorrupt, SnapshotInvalid
        When the store, or what it holds of this session, cannot be used.

    Notes
    -----
    Thread safety: one thread at a time uses a session; different sessions are independent.
    """

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
        **options: Unpack[MemoryOptions],
    ) -> None:
        super().__init__(session_id, budget=budget, **options)
        check_option("durability", durability, _DURABILITIES)
        self._options = options
        self._boundaries = Boundaries()
        self._last: str | None = None
        self._durable: Durable | None = None
        self._shared: SharedPages | None = None
        self._trace: Tracing | None = None
        if store is not None:
            self._durable = Durable(
                self._parts,
                self._saved_extra,
                store,
                tenant=tenant,
                durability=Durability(durability),
                spool=spool,
            )
        try:
            if audit is not None:
                self._trace = Tracing(AuditLog(audit_file(audit, session_id)), self._parts)
            if self._durable is not None:
                self._resume(self._durable)
            if project is not None:
                self._shared = SharedPages(self._given_pages(), self._durable, project)
                self._shared.pull()
            if self._trace is not None:
                self._trace.opened(budget, self.counter.name)
        except BaseException:
            self.release()
            raise

    @classmethod
    def open(cls, session_id: str, *, budget: int, **options: Any) -> Self:
        """Start a session: `Session(session_id, budget=..., ...)` under the paper's name for it."""
        return cls(session_id, budget=budget, **options)
