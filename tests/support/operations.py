"""Operations and authorities for the tests of write-back."""

from __future__ import annotations

from typing import Any

from clawvm.pages import Scope
from clawvm.stores import Space
from clawvm.writeback import Authority, Operation, OpKind, Principal, PrincipalKind

HARNESS = Principal("harness", PrincipalKind.HARNESS)
USER = Principal("ann", PrincipalKind.USER)
MODEL = Principal("model", PrincipalKind.MODEL)
TOOL = Principal("browser", PrincipalKind.TOOL)

SESSION = Space("acme", Scope.SESSION, "s1")
PROJECT = Space("acme", Scope.PROJECT, "p1")

_KINDS = ("harness", "user", "model", "tool", "document")


def source_of(evidence: str) -> str | None:
    """``tool:7`` came from a tool; what starts with no kind names nothing."""
    kind = evidence.partition(":")[0]
    return kind if kind in _KINDS else None


AUTHORITY = Authority(source_of)


def operation(
    op: OpKind = OpKind.SET,
    value: Any = "text",
    *,
    page_id: str = "page",
    field: str = "text",
    scope: Scope = Scope.SESSION,
    evidence: str = "user:1",
    principal: Principal = HARNESS,
    **others: Any,
) -> Operation:
    return Operation(page_id, field, op, value, scope, evidence, principal, **others)
