"""Staged, validated, committed: the only way into a store."""

from .delivery import CommitTicket
from .heads import Head
from .journal import Journal, Receipt
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
from .reading import JournalRow
from .records import Transaction
from .validate import Authority

__all__ = [
    "TEXT_FIELD",
    "Authority",
    "CommitTicket",
    "Committed",
    "Head",
    "Journal",
    "JournalRow",
    "Json",
    "OpKind",
    "Operation",
    "Principal",
    "PrincipalKind",
    "ReasonCode",
    "Receipt",
    "Rejection",
    "Transaction",
]
