"""The container of snapshots, deltas and journal records (``docs/snapshot-format.md``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .state import JSON, Decoded, Encoded, Kind, StateDelta

__all__ = ["decode", "encode"]


def encode(
    kind: Kind,
    delta: StateDelta | None,
    operations: Sequence[JSON] = (),
    meta: Mapping[str, JSON] | None = None,
    *,
    base: bytes | None = None,
    external: bool = False,
    known: Mapping[str, int] | None = None,
) -> Encoded:
    """Write a state, a change or a journal record; the same input gives the same bytes.

    Parameters
    ----------
    kind : Kind
        What it is.
    delta : StateDelta or None
        The state or change; None for a record of operations alone.
    operations : sequence of JSON, optional
        The operations of a record.
    meta : mapping of str to JSON, optional
        Notes of the writer's.
    base : bytes, optional
        The digest of what a delta is a delta on; needed for that kind, refused for the others.
    external : bool, optional
        Leave texts of at least 512 bytes to a store and refer to them.
    known : mapping of str to int, optional
        Ids of texts that the store has already.

    Raises
    ------
    SnapshotInvalid
        When something in it is no JSON, or passes a documented limit.
    """
    raise NotImplementedError


def decode(data: bytes, contents: Sequence[bytes] = ()) -> Decoded:
    """Read a container; everything is checked before any of it is returned.

    Parameters
    ----------
    data : bytes
        What `encode` returned.
    contents : sequence of bytes, optional
        The external texts that it refers to, in its order.

    Raises
    ------
    SnapshotInvalid
        When it is damaged, of a version that is not known, or not of these contents.
    """
    raise NotImplementedError
