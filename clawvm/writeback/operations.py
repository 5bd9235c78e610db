"""What can be asked of the durable state, by whom, and the reasons for which it is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from ..pages import PageType, Scope

__all__ = [
    "TEXT_FIELD",
    "Committed",
    "Json",
    "OpKind",
    "Operation",
    "Principal",
    "PrincipalKind",
    "ReasonCode",
    "Rejection",
]

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

TEXT_FIELD = "text"
"""The field that holds a page's text: one text, or a list of texts where a page has several parts.

Every other field holds any JSON value.
"""


class OpKind(StrEnum):
    """The three operations (paper, section 5)."""

    APPEND = "append"
    MERGE = "merge"
    SET = "set"


class PrincipalKind(StrEnum):
    """Who acts."""

    HARNESS = "harness"
    USER = "user"
    MODEL = "model"
    TOOL = "tool"


class Principal(NamedTuple):
    """Who asks for an operation, or grants one."""

    name: str
    kind: PrincipalKind


class ReasonCode(StrEnum):
    """Why an operation was refused, one code for each check, in the order of the checks."""

    SCHEMA_INVALID = "SCHEMA_INVALID"
    PROVENANCE_DANGLING = "PROVENANCE_DANGLING"
    SCOPE_DENIED = "SCOPE_DENIED"
    DESTRUCTIVE_OP = "DESTRUCTIVE_OP"
    PIN_VIOLATED = "PIN_VIOLATED"
    POISONING_DENIED = "POISONING_DENIED"


class Operation(NamedTuple):
    """One typed change of one field of one page; a tuple, because a turn makes many.

    Parameters
    ----------
    page_id : str
        Whose field, at most 512 bytes of UTF-8.
    field : str
        ``"text"``, or a name of up to 64 ASCII letters, digits, ``_``, ``-`` and ``.``.
    op : OpKind
        What to do.
    value : Json
        What to append, merge or set. None, only with ``SET``, is the tombstone that stands for a
        field that is gone.
    scope : Scope
        Where it is to be kept; that of the journal that it is staged in.
    evidence : str
        Names the event that it came from; the session can tell what kind of event that was.
    principal : Principal
        Who asks for it.
    expected_version : int or None
        The version of the field that the principal has seen. For ``SET`` it must be the last
        committed one; None says that there is none yet. For the others it is checked when given.
    version : int or None
        The version that the field gets, where the caller counts them (a page's version is that of
        its text); by default the next one.
    page_type : PageType or None
        What the page is from now on; None leaves it.
    granted_by : Principal or None
        The user or harness who allowed what a tool or a document brought to become a rule.
    owner : str or None
        Name of the session or project that it is meant for; None is the journal's own.
    """

    page_id: str
    field: str
    op: OpKind
    value: Json
    scope: Scope
    evidence: str
    principal: Principal
    expected_version: int | None = None
    version: int | None = None
    page_type: PageType | None = None
    granted_by: Principal | None = None
    owner: str | None = None


class Committed(NamedTuple):
    """An operation that was committed.

    Parameters
    ----------
    operation : Operation
        What was asked for.
    version : int
        The version that the field has got.
    before : int
        The version that it had; 0 when it was new.
    untrusted : bool
        Whether it came from a tool or a document.
    """

    operation: Operation
    version: int
    before: int
    untrusted: bool


class Rejection(NamedTuple):
    """An operation that was refused and stays in the journal.

    Parameters
    ----------
    id : str
        Names it: number of the row that says so, a dot, number in the row.
    operation : Operation
        What was asked for.
    code : ReasonCode
        Which check refused it.
    reason : str
        What was expected and what was found.
    turn : int
        The turn of the commit.
    at : float
        Unix time of the commit, by the clock of the process that made it.
    attempt : int
        1, and one more for each retry.
    """

    id: str
    operation: Operation
    code: ReasonCode
    reason: str
    turn: int
    at: float
    attempt: int
