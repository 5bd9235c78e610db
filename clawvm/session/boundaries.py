"""The boundaries at which a runtime may destroy context, and which of them have fired.

A hook that a harness has not wired shows here: its boundary was never crossed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..errors import OptionUnknown

__all__ = [
    "CLEAN_ENDS",
    "RESETS",
    "Boundaries",
    "BoundaryKind",
    "BoundaryReport",
    "Coverage",
    "boundary_kind",
]


class BoundaryKind(StrEnum):
    """Lifecycle events before which dirty state is committed (architecture, section 7)."""

    TURN = "turn"
    PRUNE = "prune"
    COMPACTION = "compaction"
    RESET = "reset"
    NEW = "new"
    CLEAR = "clear"
    IDLE = "idle"
    MODEL_SWITCH = "model-switch"
    SPAWN = "spawn"
    RETURN = "return"
    END = "end"
    EXIT = "exit"
    RECOVERY = "recovery"


RESETS = frozenset({BoundaryKind.RESET, BoundaryKind.NEW, BoundaryKind.CLEAR})
"""Those that end a conversation: rules and preferences stay, everything else is archived."""

CLEAN_ENDS = frozenset({BoundaryKind.END, BoundaryKind.EXIT})
"""Those after which nothing of the session is missing."""

_FIRED_WHEN = {
    BoundaryKind.TURN: "boundary('turn'), after each reply",
    BoundaryKind.PRUNE: "assemble(), before pages give way",
    BoundaryKind.COMPACTION: "compaction()",
    BoundaryKind.RESET: "reset()",
    BoundaryKind.NEW: "boundary('new')",
    BoundaryKind.CLEAR: "boundary('clear')",
    BoundaryKind.IDLE: "boundary('idle')",
    BoundaryKind.MODEL_SWITCH: "boundary('model-switch')",
    BoundaryKind.SPAWN: "fork()",
    BoundaryKind.RETURN: "take_back()",
    BoundaryKind.END: "close()",
    BoundaryKind.EXIT: "the end of the process, or a signal",
    BoundaryKind.RECOVERY: "opening a session that was not closed",
}


def boundary_kind(name: str) -> BoundaryKind:
    """Return the boundary of that name.

    Raises
    ------
    OptionUnknown
        When there is none.
    """
    try:
        return BoundaryKind(name)
    except ValueError:
        known = ", ".join(repr(kind.value) for kind in BoundaryKind)
        raise OptionUnknown(f"a boundary is one of {known}, found {name!r}") from None


@dataclass(frozen=True, slots=True)
class BoundaryReport:
    """What came of one boundary.

    Parameters
    ----------
    kind : BoundaryKind
        Which.
    turn : int
        The session's turn.
    outcome : str
        ``"committed"`` (in the store), ``"pending"`` (on its way there, see `Session.wait`),
        ``"spooled"`` (the store is down; on this machine's disk), ``"nothing"`` (nothing was
        dirty) or ``"memory"`` (the session has no store).
    operations, rejected : int
        Operations that were committed, and that were refused.
    """

    kind: BoundaryKind
    turn: int
    outcome: str
    operations: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often each boundary has fired in a session, over all its processes.

    Parameters
    ----------
    counts : mapping of BoundaryKind to int
        Every kind, those that never fired included.
    outcomes : mapping of str to int
        How commits ended, by `BoundaryReport.outcome`; ``spooled`` counts the store's failures.
    """

    counts: Mapping[BoundaryKind, int]
    outcomes: Mapping[str, int]

    @property
    def never(self) -> tuple[BoundaryKind, ...]:
        """Those that never fired."""
        return tuple(kind for kind, count in self.counts.items() if not count)

    def __str__(self) -> str:
        """One line a boundary: how often it fired, or what would have; then the commits."""
        lines = [
            f"{kind.value:13} {count if count else f'never; fired by {_FIRED_WHEN[kind]}'}"
            for kind, count in self.counts.items()
        ]
        ended = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        return "\n".join([*lines, f"commits       {ended or 'none'}"])


class Boundaries:
    """Counts the boundaries of one session.

    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(BoundaryKind, 0)
        self._outcomes: dict[str, int] = {}

    def fired(self, kind: BoundaryKind) -> None:
        """Count one."""
        self._counts[kind] += 1

    def ended(self, outcome: str) -> None:
        """Count how a commit ended."""
        self._outcomes[outcome] = self._outcomes.get(outcome, 0) + 1

    @property
    def coverage(self) -> Coverage:
        """What has fired so far."""
        return Coverage(dict(self._counts), dict(self._outcomes))

    def saved(self) -> dict[str, dict[str, int]]:
        """Return the counts, as JSON."""
        fired = {kind.value: count for kind, count in self._counts.items() if count}
        return {"fired": fired, "outcomes": dict(self._outcomes)}

    def restore(self, saved: Mapping[str, Mapping[str, int]]) -> None:
        """Go on from saved counts."""
        for name, count in saved.get("fired", {}).items():
            self._counts[boundary_kind(name)] = count
        self._outcomes = dict(saved.get("outcomes", {}))
