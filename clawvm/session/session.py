"""Session: one agent's memory, and what of it outlives the process (paper, sections 5 and 6)."""

from __future__ import annotations

import os
from typing import Any, Self, Unpack

from ..errors import OperationInvalid, PageInvalid, SnapshotInvalid
from ..pages import Page, PageType, Scope
from ..snapshot import load, save
from ..stores import Store
from ..writeback import Journal, Operation, OpKind, Principal, Receipt, Rejection
from .boundaries import BoundaryKind
from .durable import HARNESS
from .forks import fork, take_back
from .lifecycle import KeptMemory
from .recalling import RecallingOptions
from .saved import whole_of

__all__ = ["Session"]


class Session(KeptMemory):
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
        As for `Memory` and `RecallingMemory`: counter, policy, shape, repair, on_infeasible,
        builders, same_result, reuse.

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

    Attributes
    ----------
    notes : dict
        JSON of the harness's own, saved in the same commit as the session: for instance which
        input it has given to the session last, to know where to go on after a crash.

    Notes
    -----
    Thread safety: one thread at a time uses a session; different sessions are independent.
    """

    @classmethod
    def open(
        cls,
        session_id: str,
        *,
        budget: int,
        store: Store | str | None = None,
        tenant: str = "default",
        project: str | None = None,
        durability: str = "commit",
        spool: str | os.PathLike[str] | None = None,
        audit: str | os.PathLike[str] | None = None,
        **options: Unpack[RecallingOptions],
    ) -> Self:
        """Start a session, or go on with it: the constructor under the paper's name for it."""
        return cls(
            session_id,
            budget=budget,
            store=store,
            tenant=tenant,
            project=project,
            durability=durability,
            spool=spool,
            audit=audit,
            **options,
        )

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, budget: int, **options: Unpack[RecallingOptions]
    ) -> Self:
        """Return the session of a snapshot file, without a store; see `snapshot`.

        Raises
        ------
        SnapshotInvalid
            When the file is damaged, of another kind, or of a version that is not known.
        OSError
            When it cannot be read.
        """
        state = load(path).delta
        if state is None:
            raise SnapshotInvalid(f"{os.fspath(path)} holds no session")
        session = cls(state.session_id, budget=budget, **options)
        session._take_over(state)
        return session

    # Subagents, snapshots

    def fork(self, session_id: str, **changes: Any) -> Session:
        """Return a session of its own that knows everything this one does: a subagent's, or a try.

        Texts are shared until one of the two changes them. In the store the fork is another
        session; what its handles name it can always get back, handles of this session included.

        Parameters
        ----------
        session_id : str
            Its name.
        **changes
            Options to have otherwise, `budget` included.

        Raises
        ------
        PageInvalid
            When the store has a session of this name already.
        """
        return fork(self, session_id, **changes)

    def take_back(self, child: Session, *page_ids: str) -> list[Page]:
        """Take over pages of a subagent's session, as evidence of this one, and commit.

        Parameters
        ----------
        child : Session
            A session of the same process.
        *page_ids : str
            Which of its live pages; here they are called ``CHILD:PAGE``.

        Raises
        ------
        PageNotFound
            When `child` has no such page; nothing has been taken over then.
        """
        return take_back(self, child, page_ids)

    def snapshot(self, path: str | os.PathLike[str]) -> None:
        """Write the whole session to one file, which is the old one or the new one at any time.

        Equal sessions give equal files. `load` reads it.

        Raises
        ------
        OSError
            When it cannot be written; an older file is untouched.
        """
        self._check_open()
        save(path, whole_of(self._parts, self._saved_extra()))

    # Writing back

    def stage(
        self,
        page_id: str,
        field: str,
        op: str,
        value: Any,
        *,
        evidence: str,
        principal: Principal = HARNESS,
        scope: Scope = Scope.SESSION,
        expected_version: int | None = None,
        page_type: PageType | None = None,
        granted_by: Principal | None = None,
    ) -> None:
        """Stage one typed operation; the next boundary validates and commits it, or refuses it.

        Parameters
        ----------
        page_id : str
            Whose field: a page that was put, or a new one.
        field : str
            ``"text"`` for what the prompt shows of the page, or a name of your own.
        op : {"append", "merge", "set"}
            What to do (`docs/writeback.md`).
        value : JSON
            What to append, merge or set; None sets a tombstone.
        evidence : str
            What it came from: a page id, a handle, or ``SOURCE:REFERENCE`` of a page's provenance.
        principal : Principal, optional
            Who asks for it.
        scope : Scope, optional
            Whether it is for a page of this session or of its project; of those, a model or tool
            may write none without a grant.
        expected_version : int, optional
            For ``set``: the version that is to be replaced (`field_version`).
        page_type : PageType, optional
            What a new page is; evidence unless given.
        granted_by : Principal, optional
            The user or harness who allows what a tool or a document brought to become a rule.

        Raises
        ------
        OperationInvalid
            When it is no operation at all; everything else is told by the boundary.
        PageInvalid
            When the page was made from a message, whose text is what the message says.
        """
        durable = self._need_store("stage an operation")
        page = self._book.live.get(page_id)
        if page is not None and not page.is_given:
            raise PageInvalid(
                f"page {page_id!r} of session {self.session_id!r} was made from a message and "
                "shows what that says; stage the operation for another page"
            )
        durable.stage(
            Operation(
                page_id,
                field,
                _op_kind(op),
                value,
                scope,
                evidence,
                principal,
                expected_version=expected_version,
                page_type=page_type,
                granted_by=granted_by,
            )
        )

    def rejected(self) -> list[Rejection]:
        """List the operations that were refused and not retried with success, oldest first.

        Those of the project come last, whichever of its sessions they were refused to.
        """
        durable = self._need_store("list rejections")
        return [*durable.journal.rejected(), *durable.shared_rejections]

    def retry(self, rejection_id: str, **changes: Any) -> None:
        """Stage a refused operation again, with `changes` to its members.

        Raises
        ------
        OperationInvalid
            When no rejection has this id.
        """
        self._need_store("retry an operation").journal.retry(rejection_id, **changes)

    def undo(self, seq: int, principal: Principal = HARNESS) -> Receipt:
        """Take back a committed transaction: its fields get their earlier values as new versions.

        Parameters
        ----------
        seq : int
            Its number in the journal; an undo can be undone.
        principal : Principal, optional
            Who asks.

        Returns
        -------
        Receipt
            What was written, or refused because a later commit has changed the same field.

        Raises
        ------
        OperationInvalid
            When there is no such transaction, or the values before it have been pruned.
        """
        durable = self._need_store("undo a commit")
        self._commit(BoundaryKind.TURN)
        receipt = durable.journal.undo(seq, principal, turn=self.turn)
        self._adopt(durable)
        return receipt

    @property
    def journal(self) -> Journal:
        """The session's journal, to look at: `history`, `rows`, `head`, `waiting`, `down`."""
        return self._need_store("have a journal").journal

    def _fork_options(self) -> dict[str, Any]:
        """Return what a fork of this session is opened with."""
        options: dict[str, Any] = {"budget": self._budget, **self._options}
        if self._durable is not None:
            options |= self._durable.options
        return options


def _op_kind(name: str) -> OpKind:
    try:
        return OpKind(name)
    except ValueError:
        known = ", ".join(repr(kind.value) for kind in OpKind)
        raise OperationInvalid(f"an operation is one of {known}, found {name!r}") from None
