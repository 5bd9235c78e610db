"""The decision trace: an append-only, hash-chained log of what was decided, and its reading."""

from .events import LEVEL_NAMES, Level, Moved
from .explanation import Explanation
from .history import Difference, History
from .log import AuditLog
from .summary import AuditSummary, verify

__all__ = [
    "LEVEL_NAMES",
    "AuditLog",
    "AuditSummary",
    "Difference",
    "Explanation",
    "History",
    "Level",
    "Moved",
    "verify",
]
