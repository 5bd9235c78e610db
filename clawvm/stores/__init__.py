"""The durable tier behind one protocol; in this version only memory stands behind it."""

from .memory import MemoryStore
from .protocol import ContentKey, Recall, RecallOutcome, Store

__all__ = ["ContentKey", "MemoryStore", "Recall", "RecallOutcome", "Store"]
