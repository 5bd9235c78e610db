"""Whom the parts of messages belong to: pairs of a page's slot and the number of a part in it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from ..errors import SnapshotInvalid

__all__ = ["last_parts", "unpack_owners"]

Owners = tuple[tuple[int, int], ...]


def unpack_owners(data: Any, where: str) -> tuple[list[int], list[Owners | None]]:
    """Return the positions of messages, as runs, and the owners of each message.

    Parameters
    ----------
    data : bytes or memoryview
        The MessagePack of both lists. The owners of one message are a list of pairs, or nil for a
        message that is gone.
    where : str
        What names them in an error.

    Raises
    ------
    SnapshotInvalid
        When they are anything else, a slot is below -1 or another number below 0.
    """
    import msgspec

    count = Annotated[int, msgspec.Meta(ge=0)]
    slot = Annotated[int, msgspec.Meta(ge=-1)]
    kind: Any = tuple[list[count], list[tuple[tuple[slot, count], ...] | None]]
    try:
        runs, owners = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError, TypeError) as error:
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error
    return runs, owners


def last_parts(rows: Collection[tuple[Any, Owners] | None]) -> dict[int, int]:
    """Return for each slot that messages belong to the largest part of it that one is of.

    Parameters
    ----------
    rows : collection of ((object, owners) or None)
        Each message with its owners.
    """
    parts: dict[int, int] = {}
    for row in rows:
        for slot, part in () if row is None else row[1]:
            if slot not in parts or part > parts[slot]:
                parts[slot] = part
    return parts
