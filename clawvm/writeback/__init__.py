"""Staged, validated, committed: the only way into a store."""

from .delivery import CommitTicket
from .heads import Head
from .journal import Journal
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
from .view import Receipt

__all__ = [
    "TEXT_FIELD",
    "Authority",
    "CommitTicket",
    "Committed",
    "Head",
    "Journal",
    "Json",
    "OpKind",
    "Operation",
    "Principal",
    "PrincipalKind",
    "ReasonCode",
    "Receipt",
    "Rejection",
]
