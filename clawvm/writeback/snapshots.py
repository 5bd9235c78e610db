"""Snapshot rows: everything committed and the whole state, so that loading need not read it all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import crash_points
from ..snapshot import Encoded, Kind, StateDelta, encode
from ..stores import Append, Space, Store
from .heads import Heads
from .operations import Rejection
from .reading import Fold
from .records import heads_tree

__all__ = ["rebuild_snapshot", "write_snapshot"]


def write_snapshot(
    store: Store,
    space: Space,
    seq: int,
    token: int,
    state: StateDelta | None,
    heads: Heads,
    rejections: Iterable[Rejection],
    known: Mapping[str, int],
) -> Encoded:
    """Write what a journal comes to up to row `seq`; a project has no state.

    Raises
    ------
    StoreFailed, LeaseLost, JournalConflict, ContentMissing
        As `Store.save_snapshot` does; nothing has changed then.
    """
    encoded = encode(
        Kind.RECORD if state is None else Kind.SNAPSHOT,
        state,
        meta={"heads": heads_tree(heads, rejections)},
        external=True,
        known=known,
    )
    crash_points.reach("writeback.snapshot")
    store.save_snapshot(Append(space, seq, encoded.data, encoded.contents, token))
    return encoded


def rebuild_snapshot(store: Store, space: Space, seq: int, token: int, rows: Fold) -> None:
    """Put what the rows up to `seq` add up to in the place of a snapshot that is damaged."""
    rejections = rows.rejections.values()
    write_snapshot(store, space, seq, token, rows.state, rows.heads, rejections, {})
