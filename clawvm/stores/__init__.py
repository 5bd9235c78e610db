"""The durable tier behind one protocol."""

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
    "Durability",
    "Finding",
    "Lease",
    "PruneReport",
    "Row",
    "Space",
    "SpaceInfo",
    "Store",
    "Stored",
    "Ticket",
]
