"""Operations as the trees of a journal record, and back; `snapshots` has those of a snapshot row.

An operation is a list whose last members are left out where they are the default. Only what an
older version wrote can be missing a member, and only what a newer one wrote can have more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..errors import SnapshotInvalid
from ..pages import PageType, Scope
from .operations import (
    TEXT_FIELD,
    Committed,
    Operation,
    OpKind,
    Principal,
    PrincipalKind,
    ReasonCode,
    Rejection,
)

__all__ = [
    "Transaction",
    "note_of",
    "operation_of",
    "operation_tree",
    "operation_trees",
    "recordable",
    "transaction_of",
]

_OPS = tuple(OpKind)
_SCOPES = tuple(Scope)
_KINDS = tuple(PrincipalKind)
_COMMITTED, _UNTRUSTED, _REJECTED = 0, 1, 2
_STRING_SHOWN = 1024


class Transaction(NamedTuple):
    """One row of a journal, decoded.

    Parameters
    ----------
    seq : int
        Number of the row.
    commit_id : str
        Names the commit; the same wherever and however often it is written.
    boundary : str
        The boundary at which it was made.
    turn : int
        The session's turn.
    at : float
        Unix time, by the clock of the process that made it.
    committed : tuple of Committed
        What was committed, in order.
    rejected : tuple of Rejection
        What was refused.
    settled : tuple of str
        Ids of earlier rejections whose retry this is; they are listed no more.
    undoes : int
        Number of the row that this one takes back; 0 for any other.
    """

    seq: int
    commit_id: str
    boundary: str
    turn: int
    at: float
    committed: tuple[Committed, ...]
    rejected: tuple[Rejection, ...]
    settled: tuple[str, ...]
    undoes: int = 0


def recordable(operation: Operation) -> Operation:
    """Return a refused operation as it can be recorded: long names cut, no value that is no JSON.

    Called for what failed the schema check only; everything else is recorded as it is.
    """
    shown = f"{operation.value!r:.{_STRING_SHOWN}}"
    return operation._replace(
        page_id=operation.page_id[:_STRING_SHOWN],
        field=operation.field[:_STRING_SHOWN],
        evidence=operation.evidence[:_STRING_SHOWN],
        value=shown.encode("utf-8", "backslashreplace").decode(),
        expected_version=_small(operation.expected_version),
        version=_small(operation.version),
    )


def _small(version: int | None) -> int | None:
    return version if version is None or abs(version) < 1 << 53 else None


def operation_tree(operation: Operation) -> list[Any]:
    """Return an operation as a tree."""
    (
        page_id,
        field,
        op,
        value,
        scope,
        evidence,
        principal,
        expected,
        version,
        kind,
        grant,
        owner,
    ) = operation
    return [
        page_id,
        None if field == TEXT_FIELD else field,
        _OPS.index(op),
        value,
        evidence,
        _SCOPES.index(scope),
        _principal_tree(principal),
        expected,
        version,
        None if kind is None else int(kind),
        None if grant is None else _principal_tree(grant),
        owner,
    ]


def operation_of(tree: Sequence[Any]) -> Operation:
    """Read what `operation_tree` wrote; a `ValueError` or another when it is none."""
    page_id, field, op, value, evidence, scope, principal, expected, version, kind, grant, owner = (
        tree
    )
    return Operation(
        page_id,
        TEXT_FIELD if field is None else field,
        _OPS[op],
        value,
        _SCOPES[scope],
        evidence,
        _principal_of(principal),
        expected,
        version,
        None if kind is None else PageType(kind),
        None if grant is None else _principal_of(grant),
        owner,
    )


def _principal_tree(principal: Principal) -> list[Any]:
    return [principal.name, _KINDS.index(principal.kind)]


def _principal_of(tree: Sequence[Any]) -> Principal:
    name, kind = tree
    return Principal(name, _KINDS[kind])


def operation_trees(
    committed: Iterable[Committed], rejected: Iterable[Rejection]
) -> list[list[Any]]:
    """Return one tree for each operation of a transaction."""
    trees: list[list[Any]] = []
    for entry in committed:
        state = _UNTRUSTED if entry.untrusted else _COMMITTED
        tree = [state, entry.version, entry.before, *operation_tree(entry.operation)]
        while tree[-1] is None:
            tree.pop()
        trees.append(tree)
    for rejection in rejected:
        head = [_REJECTED, rejection.code.value, rejection.reason, rejection.attempt]
        trees.append([*head, *operation_tree(rejection.operation)])
    return trees


def note_of(transaction: Transaction) -> dict[str, Any]:
    """Return what a row says of a transaction beside its operations."""
    note: dict[str, Any] = {
        "id": transaction.commit_id,
        "boundary": transaction.boundary,
        "turn": transaction.turn,
        "at": transaction.at,
    }
    if transaction.settled:
        note["settled"] = list(transaction.settled)
    if transaction.undoes:
        note["undoes"] = transaction.undoes
    return note


_COMMITTED_LENGTH = 3 + len(Operation._fields)


def transaction_of(
    seq: int, operations: Sequence[Any], meta: dict[str, Any], where: str
) -> Transaction:
    """Read what `operation_trees` and the journal's notes say.

    Raises
    ------
    SnapshotInvalid
        When they are no transaction of this version.
    """
    committed: list[Committed] = []
    rejected: list[Rejection] = []
    try:
        turn, at = meta["turn"], meta["at"]
        for number, tree in enumerate(operations):
            if tree[0] == _REJECTED:
                _, code, reason, attempt, *rest = tree
                rejected.append(
                    Rejection(
                        f"{seq}.{number}",
                        operation_of(rest),
                        ReasonCode(code),
                        reason,
                        turn,
                        at,
                        attempt,
                    )
                )
            else:
                whole = tree + [None] * (_COMMITTED_LENGTH - len(tree))
                state, version, before = whole[:3]
                committed.append(
                    Committed(operation_of(whole[3:]), version, before, state == _UNTRUSTED)
                )
        return Transaction(
            seq,
            meta["id"],
            meta["boundary"],
            turn,
            at,
            tuple(committed),
            tuple(rejected),
            tuple(meta.get("settled", ())),
            meta.get("undoes", 0),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise SnapshotInvalid(
            f"{where}: row {seq} holds no transaction of this version ({error}); it was written "
            "by a newer ClawVM or by something else"
        ) from error
