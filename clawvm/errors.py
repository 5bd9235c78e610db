"""Every error that ClawVM raises on purpose, under one base class.

A message names the page, session or file, what was expected, what was found, and what to do.
The compiled core and its pure twin raise these same classes with these same sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AuditEventInvalid",
    "AuditInvalid",
    "AuditUnavailable",
    "BaselineInvalid",
    "BudgetInfeasible",
    "BudgetInvalid",
    "BuilderInvalid",
    "ClawVMError",
    "CompiledCoreMissing",
    "ContentMissing",
    "EvaluationFailed",
    "ExtraMissing",
    "JournalConflict",
    "LadderInvalid",
    "LeaseHeld",
    "LeaseLost",
    "LimitExceeded",
    "MessageInvalid",
    "OperationInvalid",
    "OptionUnknown",
    "PageInvalid",
    "PageNotFound",
    "PolicyUnknown",
    "ResultsInvalid",
    "SessionClosed",
    "SnapshotInvalid",
    "SpoolFull",
    "StoreCorrupt",
    "StoreFailed",
    "StoreInvalid",
    "TableInUse",
    "TokenCountInvalid",
    "TokenizerUnavailable",
    "TraceInvalid",
]


class ClawVMError(Exception):
    """Base class of every error of ours."""


class CompiledCoreMissing(ClawVMError, ImportError):
    """The compiled core cannot be imported and the pure twin was not asked for."""


class PageNotFound(ClawVMError, KeyError):
    """No page has this id or slot."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put quotes round the sentence.
        return str(self.args[0]) if self.args else ""


class PageInvalid(ClawVMError, ValueError):
    """A page field has a value outside its documented range."""


class LadderInvalid(PageInvalid):
    """A ladder has no full level, or a cheaper level that is not cheaper."""


class LimitExceeded(ClawVMError, ValueError):
    """A documented limit (pages, id length, token count) would be passed; nothing was changed."""


class TableInUse(ClawVMError, RuntimeError):
    """A page table was called while a batch of turns had it."""


class BudgetInvalid(ClawVMError, ValueError):
    """A budget is not a positive whole number of tokens."""


class BudgetInfeasible(ClawVMError):
    """The pages that must be resident do not fit the budget.

    This is the paper's physical insufficiency (section 3). Raised before a prompt is built; no
    page has moved.

    Attributes
    ----------
    page_ids : tuple of str
        The pages of the floor, dearest first.
    floor_tokens : int
        What they cost at the cheapest level that satisfies each of them.
    budget_tokens : int
        What there was.
    missing_tokens : int
        ``floor_tokens - budget_tokens``.
    """

    def __init__(self, page_ids: Sequence[str], floor_tokens: int, budget_tokens: int) -> None:
        self.page_ids = tuple(page_ids)
        self.floor_tokens = floor_tokens
        self.budget_tokens = budget_tokens
        self.missing_tokens = floor_tokens - budget_tokens
        shown = ", ".join(repr(page_id) for page_id in self.page_ids[:5])
        more = f" and {len(self.page_ids) - 5} more" if len(self.page_ids) > 5 else ""
        super().__init__(
            f"the floor needs {floor_tokens} tokens and the budget is {budget_tokens}: "
            f"{self.missing_tokens} tokens are missing for {shown}{more}; "
            "raise the budget, unpin a page or demand less"
        )

    def __reduce__(self) -> tuple[type[BudgetInfeasible], tuple[tuple[str, ...], int, int]]:
        return type(self), (self.page_ids, self.floor_tokens, self.budget_tokens)


class BuilderInvalid(ClawVMError, ValueError):
    """A builder of representations was registered out of place, raised, or answered with no form.

    Attributes
    ----------
    builder : str
        The builder's name.
    kind : str
        The kind of content that it was to build for.
    level : str
        The level that it was to build, in lower case.
    """

    def __init__(self, builder: str, kind: str, level: str, found: str) -> None:
        self.builder = builder
        self.kind = kind
        self.level = level
        self.found = found
        super().__init__(
            f"representation builder {builder!r} for kind {kind!r} at level {level!r}: {found}; "
            "mend the builder, or register another one for this kind and level"
        )

    def __reduce__(self) -> tuple[type[BuilderInvalid], tuple[str, str, str, str]]:
        return type(self), (self.builder, self.kind, self.level, self.found)


class PolicyUnknown(ClawVMError, ValueError):
    """No residency policy has this name."""


class ResultsInvalid(ClawVMError, ValueError):
    """A folder of `clawvm eval` is not there, not whole, or holds lines of another kind."""


class OptionUnknown(ClawVMError, ValueError):
    """An option that takes one of a few words was given another."""


class SessionClosed(ClawVMError, RuntimeError):
    """The session has been closed and takes no more operations."""


class StoreFailed(ClawVMError):
    """The store's backend failed (down, full, read-only, too slow); the call can be made again."""


class StoreInvalid(ClawVMError, ValueError):
    """A store's address is not understood, or what is there is no store of ours, or a newer one."""


class StoreCorrupt(ClawVMError):
    """What a store holds does not match its checksum; ``clawvm fsck`` tells what is wrong."""


class ContentMissing(ClawVMError, LookupError):
    """A store has no content of this id for this tenant."""


class ExtraMissing(ClawVMError, ImportError):
    """Something was asked for that needs an extra which is not installed.

    Attributes
    ----------
    extra : str
        The extra: ``pip install 'clawvm[EXTRA]'``.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.what = what
        self.package = package
        self.extra = extra
        super().__init__(
            f"{what} needs {package}, which is not installed; pip install 'clawvm[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[ExtraMissing], tuple[str, str, str]]:
        return type(self), (self.what, self.package, self.extra)


class LeaseHeld(ClawVMError):
    """Another holder has the session's lease.

    Attributes
    ----------
    holder : str
        Who has it.
    expires_at : float
        Unix time after which it can be taken over.
    """

    def __init__(self, what: str, holder: str, expires_at: float, seconds_left: float) -> None:
        self.what = what
        self.holder = holder
        self.expires_at = expires_at
        self.seconds_left = seconds_left
        super().__init__(
            f"{what} is held by {holder} for another {seconds_left:.1f} s; close it there, or wait"
        )

    def __reduce__(self) -> tuple[type[LeaseHeld], tuple[str, str, float, float]]:
        return type(self), (self.what, self.holder, self.expires_at, self.seconds_left)


class LeaseLost(ClawVMError):
    """Another holder has taken the session over; this one's commits are refused from then on."""


class JournalConflict(ClawVMError):
    """Another writer has appended to the journal first; read its row and decide anew."""


class SnapshotInvalid(ClawVMError, ValueError):
    """A snapshot or record is damaged, of another kind, or of a version that is not known."""


class SpoolFull(ClawVMError):
    """The store is down and the local spool has no room for this commit; nothing was dropped."""


class OperationInvalid(ClawVMError, ValueError):
    """A write-back operation cannot even be staged: it has no page, no field or an unknown op."""


class AuditInvalid(ClawVMError, ValueError):
    """An audit log was altered, cut or is none of ours.

    Attributes
    ----------
    file : str
        The file of the log in which it was found.
    line : int
        The line in that file, from 1; 0 where it is about the file as a whole.
    expected : str
        What should be there.
    found : str
        What is there.
    """

    def __init__(self, file: str, line: int, expected: str, found: str) -> None:
        self.file = file
        self.line = line
        self.expected = expected
        self.found = found
        where = f"{file}:{line}" if line else file
        super().__init__(
            f"{where}: expected {expected}, found {found}; what follows from here on proves "
            "nothing, take the file from a copy"
        )

    def __reduce__(self) -> tuple[type[AuditInvalid], tuple[str, int, str, str]]:
        return type(self), (self.file, self.line, self.expected, self.found)


class AuditUnavailable(ClawVMError):
    """An audit log cannot be opened: another writer has it, it is closed, or the disk says no."""


class AuditEventInvalid(ClawVMError, ValueError):
    """An event for the audit log has an unknown name, or not the fields that its name asks for."""


class MessageInvalid(ClawVMError, ValueError):
    """A message is of no known chat format, or a broken history was not to be repaired."""


class TokenizerUnavailable(ClawVMError, LookupError):
    """A token counter was asked for by name and its vocabulary is not at hand."""


class TokenCountInvalid(ClawVMError, ValueError):
    """A token counter answered with something that is not a whole number of at least zero."""


class TraceInvalid(ClawVMError, ValueError):
    """A trace file is of no known format, or not one of its lines can be read."""


class EvaluationFailed(ClawVMError):
    """A part of an evaluation could not be done; what the other parts found is kept."""


class BaselineInvalid(ClawVMError, ValueError):
    """The baseline of a gate is missing, damaged or of a newer format."""
