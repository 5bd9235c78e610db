"""Staged, validated, committed: the only way into a store."""

from .operations import (
    TEXT_FIELD,
    Committed,
    Json,
    Operation,
    OpKind,
    Principal,
    PrincipalKind,
    ReasonCode,
    Rejection,
)
from .validate import Authority

__all__ = [
    "TEXT_FIELD",
    "Authority",
    "Committed",
    "Json",
    "OpKind",
    "Operation",
    "Principal",
    "PrincipalKind",
    "ReasonCode",
    "Rejection",
]
