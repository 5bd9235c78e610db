"""The durable tier behind one protocol."""

from .codec import Codec, Lz4Codec
from .holder import is_dead, this_holder
from .open import open_store
from .protocol import (
    CONTENT_BYTES_MIN,
    Append,
    Durability,
    Finding,
    Lease,
    PruneReport,
    Row,
    Space,
    SpaceInfo,
    Store,
    Stored,
    Ticket,
)

__all__ = [
    "CONTENT_BYTES_MIN",
    "Append",
    "Codec",
    "Durability",
    "Finding",
    "Lease",
    "Lz4Codec",
    "PruneReport",
    "Row",
    "Space",
    "SpaceInfo",
    "Store",
    "Stored",
    "Ticket",
    "is_dead",
    "open_store",
    "this_holder",
]
