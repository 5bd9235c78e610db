"""The five checks that every operation passes before it is committed (paper, section 5).

Each check is a function that returns a sentence when it refuses. The first one that does decides
the reason code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import OperationInvalid
from ..pages import RULES, PageType, Pin, Scope
from ..stores import Space
from .heads import Head, Heads, PageHead
from .merge import TEXT_CHARS_MAX, apply, mismatch, size_problem
from .operations import (
    TEXT_FIELD,
    Json,
    Operation,
    OpKind,
    Principal,
    PrincipalKind,
    ReasonCode,
)

__all__ = [
    "EVIDENCE_CHARS_MAX",
    "FIELD_CHARS_MAX",
    "PAGE_ID_BYTES_MAX",
    "UNTRUSTED_SOURCES",
    "Authority",
    "Verdict",
    "check_destruction",
    "check_policy",
    "check_schema",
    "check_scope",
    "check_stageable",
    "judge",
]

PAGE_ID_BYTES_MAX = 512
FIELD_CHARS_MAX = 64
EVIDENCE_CHARS_MAX = 1024
VERSION_MAX = (1 << 32) - 1

_TRUSTED_SOURCES = frozenset({"harness", "user", "model"})
UNTRUSTED_SOURCES = frozenset({"tool", "document"})
"""Sources that anybody in the world may write into; so may every source of an unknown kind."""

# What such a source must not make on its own: the next prompts would obey it.
_PROTECTED = frozenset({PageType.BOOTSTRAP, PageType.CONSTRAINT, PageType.PREFERENCE})
_GRANTING = frozenset({PrincipalKind.HARNESS, PrincipalKind.USER})
_HARD_PINNED = frozenset(kind for kind, rules in RULES.items() if rules.pin is Pin.HARD)
_FIELD_MARKS = str.maketrans("-.", "__")
# To look a member of an enum up takes as long as a call; a boundary would do so a hundred times.
_SET, _TOOL, _PROJECT = OpKind.SET, PrincipalKind.TOOL, Scope.PROJECT


def _harness_and_user(principal: Principal) -> bool:
    return principal.kind in _GRANTING


@dataclass(frozen=True, slots=True)
class Authority:
    """What validation asks the session.

    Parameters
    ----------
    source_of : callable
        The kind of event that an evidence reference names (``harness``, ``user``, ``model``,
        ``tool``, ``document``), or None when it names nothing.
    is_pinned : callable, optional
        Whether a page is pinned hard; by default bootstrap and constraint pages are.
    writes_project : callable, optional
        Whether a principal may write what a project shares; by default harness and user may.
    """

    source_of: Callable[[str], str | None]
    is_pinned: Callable[[str], bool] | None = None
    writes_project: Callable[[Principal], bool] = _harness_and_user


class Verdict(NamedTuple):
    """How the checks ended: a code and a sentence, or what the operation makes of its field."""

    code: ReasonCode | None
    reason: str
    version: int = 0
    before: int = 0
    value: Json = None
    untrusted: bool = False


def check_stageable(operation: Operation) -> None:
    """Refuse what could not even be recorded as rejected.

    Raises
    ------
    OperationInvalid
        When it has no page, no field or no known op, or a member of the wrong Python type.
    """
    (page_id, field, op, _, scope, evidence, principal, expected, version, kind, grant, owner) = (
        operation
    )
    if (
        type(page_id) is str
        and page_id
        and type(field) is str
        and field
        and type(op) is OpKind
        and type(scope) is Scope
        and type(evidence) is str
        and type(principal) is Principal
        and (expected is None or type(expected) is int)
        and (version is None or type(version) is int)
        and (kind is None or type(kind) is PageType)
        and (grant is None or type(grant) is Principal)
        and (owner is None or type(owner) is str)
    ):
        return
    raise OperationInvalid(
        f"page {page_id!r:.100}, field {field!r:.100}: an operation needs a page id, a field, an "
        f"OpKind, a Scope, evidence, a Principal, whole numbers for versions and a PageType or "
        f"None, found op={op!r:.40}, scope={scope!r:.40}, evidence={evidence!r:.40}, "
        f"principal={principal!r:.60}, expected_version={expected!r:.40}, version={version!r:.40}, "
        f"page_type={kind!r:.40}, granted_by={grant!r:.60}, owner={owner!r:.40}"
    )


def check_schema(operation: Operation, head: Head) -> str | None:
    """Fields, types, sizes: the limits stand in this module and in `merge`."""
    page_id, field, op, value, _, evidence, _, expected, version, _, grant, _ = operation
    if len(page_id) > PAGE_ID_BYTES_MAX // 4:
        size = len(page_id.encode("utf-8", "surrogatepass"))
        if size > PAGE_ID_BYTES_MAX:
            return f"a page id has at most {PAGE_ID_BYTES_MAX} bytes of UTF-8, found {size}"
    if field != TEXT_FIELD and not (
        len(field) <= FIELD_CHARS_MAX
        and field.isascii()
        and field.translate(_FIELD_MARKS).isidentifier()
    ):
        return (
            f"a field's name is up to {FIELD_CHARS_MAX} ASCII letters, digits, '_', '-' and '.' "
            f"and starts with no digit, found {field!r:.100}"
        )
    if not 0 < len(evidence) <= EVIDENCE_CHARS_MAX:
        return f"evidence is named in 1 to {EVIDENCE_CHARS_MAX} characters, found {len(evidence)}"
    if expected is not None and not 0 <= expected <= VERSION_MAX:
        return f"a version is a whole number from 0 to {VERSION_MAX}, found {expected}"
    if version is not None and not 0 <= version <= VERSION_MAX:
        return f"a version is a whole number from 0 to {VERSION_MAX}, found {version}"
    if grant is not None and grant.kind not in _GRANTING:
        return f"a user or the harness can grant, found {grant}"
    if op is _SET and type(value) is str and field == TEXT_FIELD and len(value) <= TEXT_CHARS_MAX:
        return None  # what most of them are
    return size_problem(field, value) or mismatch(field, op, head.value, value)


def check_scope(operation: Operation, space: Space, authority: Authority) -> str | None:
    """Whether it belongs into this journal, and its principal may write there."""
    if operation.scope is not space.scope:
        return f"it is for a {operation.scope}, this is the journal of {space}"
    if operation.owner is not None and operation.owner != space.name:
        return f"it is for {operation.owner!r:.100}, this is the journal of {space}"
    if (
        space.scope is _PROJECT
        and operation.granted_by is None
        and not authority.writes_project(operation.principal)
    ):
        name, kind = operation.principal
        return f"{kind} {name!r:.100} may not write {space}; let a user or the harness grant it"
    return None


def check_destruction(operation: Operation, head: Head) -> str | None:
    """Whether nothing is overwritten that the principal has not seen."""
    expected, version = operation.expected_version, operation.version
    if expected is None:
        expected = 0 if operation.op is _SET else head.version
    if expected != head.version:
        return (
            f"version {expected} was to be replaced, the last committed one is {head.version}; "
            "read it and decide anew"
        )
    if version is not None and version <= head.version:
        return f"version {version} was to be made, the last committed one is {head.version}"
    return None


def check_policy(
    operation: Operation, head: Head, page: PageHead, source: str, authority: Authority
) -> tuple[ReasonCode, str] | None:
    """Pins and memory poisoning: no hard-pinned page is emptied, no found text becomes a rule."""
    kind = page.page_type if operation.page_type is None else operation.page_type
    if operation.field == TEXT_FIELD and _is_blank(operation.value) and not _is_blank(head.value):
        if authority.is_pinned is not None:
            pinned = authority.is_pinned(operation.page_id)
        else:
            pinned = page.page_type in _HARD_PINNED
        if pinned and operation.op is _SET:
            return (
                ReasonCode.PIN_VIOLATED,
                "the page is pinned hard and would have no text any more; unpin it first",
            )
    if kind in _PROTECTED and operation.granted_by is None:
        found = f"a {source}" if source not in _TRUSTED_SOURCES else None
        if operation.principal.kind is _TOOL:
            found = f"the tool {operation.principal.name!r:.100}"
        elif page.untrusted and page.page_type not in _PROTECTED:
            found = "a tool or a document in an earlier commit"
        if found is not None:
            return (
                ReasonCode.POISONING_DENIED,
                f"what came from {found} does not become a {kind.name.lower()} page by itself; "
                "a user or the harness has to grant it",
            )
    return None


def judge(
    operation: Operation, heads: Heads, space: Space, authority: Authority, source: str | None
) -> Verdict:
    """Run the five checks in order.

    Parameters
    ----------
    operation : Operation
        What `check_stageable` has let through.
    heads : Heads
        What is committed, with the operations before it in the same transaction.
    space : Space
        Whose journal.
    authority : Authority
        What the session knows.
    source : str or None
        What the evidence resolved to.
    """
    page_id, field, op, value = operation[:4]
    head = heads.field(page_id, field)
    if (problem := check_schema(operation, head)) is not None:
        return Verdict(ReasonCode.SCHEMA_INVALID, problem)
    if source is None:
        return Verdict(
            ReasonCode.PROVENANCE_DANGLING,
            f"evidence {operation.evidence!r:.200} names no event of this session; name the "
            "message, call or file that the value came from",
        )
    if (problem := check_scope(operation, space, authority)) is not None:
        return Verdict(ReasonCode.SCOPE_DENIED, problem)
    if (problem := check_destruction(operation, head)) is not None:
        return Verdict(ReasonCode.DESTRUCTIVE_OP, problem)
    refused = check_policy(operation, head, heads.page(page_id), source, authority)
    if refused is not None:
        return Verdict(*refused)
    if op is not _SET:
        value = apply(op, head.value, value)
        if (problem := size_problem(field, value)) is not None:
            return Verdict(ReasonCode.SCHEMA_INVALID, f"after the {op}: {problem}")
    version = head.version + 1 if operation.version is None else operation.version
    untrusted = source not in _TRUSTED_SOURCES or operation.principal.kind is _TOOL
    # A boundary judges many: made without the call of Python that a NamedTuple's own maker is.
    return tuple.__new__(Verdict, (None, "", version, head.version, value, untrusted))


def _is_blank(value: Json) -> bool:
    if isinstance(value, str):
        # A text that starts with a letter is the common case and needs no copy of it.
        return not value or (value[0].isspace() and not value.strip())
    if isinstance(value, list):
        return all(map(_is_blank, value))
    return value is None
