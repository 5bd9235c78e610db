"""Sessions as bytes: snapshots, deltas and journal records in one format.

``encode`` and ``decode`` are for rows of a store, ``save`` and ``load`` for files. The format is
described byte by byte in ``docs/snapshot-format.md``.
"""

from .container import decode, encode
from .files import load, load_delta, save, save_delta
from .state import JSON, Decoded, Encoded, Kind, RowState, StateDelta, apply

__all__ = [
    "JSON",
    "Decoded",
    "Encoded",
    "Kind",
    "RowState",
    "StateDelta",
    "apply",
    "decode",
    "encode",
    "load",
    "load_delta",
    "save",
    "save_delta",
]
