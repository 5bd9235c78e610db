"""The observable fault model (paper, section 3).

Each fault is an event with page, turn and reason. The duplicate-signature alert is a workload
signal, not a fault, but it counts towards thrash.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FAULT_EVENTS_MAX", "Fault", "FaultKind", "FaultObserver"]

FAULT_EVENTS_MAX = 10_000


class FaultKind(StrEnum):
    """The six policy-controllable faults and the alert."""

    REFETCH = "refetch"
    DUPLICATE_TOOL = "duplicate-tool"
    PINNED_INVARIANT_MISS = "pinned-invariant-miss"
    POST_COMPACTION_BOOTSTRAP = "post-compaction-bootstrap"
    SILENT_RECALL = "silent-recall"
    FLUSH_MISS = "flush-miss"
    DUPLICATE_SIGNATURE = "duplicate-signature"


_NAMES = tuple(kind.value for kind in FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One event.

    Parameters
    ----------
    kind : FaultKind
        Which of the six, or the alert.
    page_id : str
        The page that was missing, or repeated.
    turn : int
        The session's turn.
    reason : str
        What was expected and what was found.
    """

    kind: FaultKind
    page_id: str
    turn: int
    reason: str


class FaultObserver:
    """Counts faults and hits of one session.

    The last `FAULT_EVENTS_MAX` events are kept; the counts are of all of them.
    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        self.events: deque[Fault] = deque(maxlen=FAULT_EVENTS_MAX)
        self.hits = 0
        # Told of every fault and alert as it is counted.
        self.listener: Callable[[Fault], None] | None = None
        self._counts: Counter[str] = Counter()

    def record(self, kind: FaultKind, page_id: str, turn: int, reason: str) -> None:
        """Count one fault or alert and keep its event."""
        self._counts[kind] += 1
        fault = Fault(kind, page_id, turn, reason)
        self.events.append(fault)
        if self.listener is not None:
            self.listener(fault)

    def restore(self, counts: Mapping[str, int], hits: int) -> None:
        """Go on from saved counts; the events before them are in the decision trace."""
        self._counts = Counter({FaultKind(kind): count for kind, count in counts.items() if count})
        self.hits = hits

    def hit(self) -> None:
        """Count one use of a page that was resident at the fidelity it was needed at."""
        self.hits += 1

    @property
    def counts(self) -> dict[str, int]:
        """Every kind by name, those that never happened included."""
        return {name: self._counts.get(name, 0) for name in _NAMES}

    @property
    def explicit(self) -> int:
        """Faults without the alerts."""
        return self._counts.total() - self._counts[FaultKind.DUPLICATE_SIGNATURE]

    @property
    def thrash_index(self) -> float:
        """F / (H + 1): faults and alerts over hits (paper, appendix A, after Denning 1968)."""
        return self._counts.total() / (self.hits + 1)
