"""What a session asks of a store, and the typed answer to a lookup (paper, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

__all__ = ["ContentKey", "Recall", "RecallOutcome", "Store"]


class ContentKey(NamedTuple):
    """What names one content: the session that owns it, the page, its version (from 1)."""

    session_id: str
    page_id: str
    version: int


class RecallOutcome(StrEnum):
    """How a lookup ended; there is no unexplained nothing."""

    FOUND = "found"
    NO_MATCH = "no-match"
    DENIED = "denied"
    BACKEND_ERROR = "backend-error"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Recall:
    """The answer to a lookup.

    Parameters
    ----------
    outcome : RecallOutcome
        How it ended.
    page_id : str
        What was asked for.
    version : int
        The version that was found; for ``STALE`` the newest there is; 0 where nothing is known.
    text : str or None
        The exact text for ``FOUND``, the newest text for ``STALE``, else None.
    reason : str
        One sentence for a reader.
    """

    outcome: RecallOutcome
    page_id: str
    version: int
    text: str | None
    reason: str

    @property
    def found(self) -> bool:
        """Whether this is the text that was asked for."""
        return self.outcome is RecallOutcome.FOUND


class Store(Protocol):
    """Keeps contents by session, page and version.

    An implementation raises `OSError` when its backend fails, a driver's own error wrapped in one;
    `Session.recall` turns that into ``RecallOutcome.BACKEND_ERROR``, never into an empty answer.
    """

    def put(self, key: ContentKey, text: str) -> None:
        """Keep `text` under `key`; putting the same text again changes nothing."""

    def get(self, key: ContentKey) -> str | None:
        """Return the text under `key`, or None when there is none."""

    def close(self) -> None:
        """Release what the store holds; a second call changes nothing."""
