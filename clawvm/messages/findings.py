"""What can be wrong with a history, one finding at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Finding", "FindingKind", "RepairReport"]


class FindingKind(StrEnum):
    """The ways in which a history can be broken."""

    ORPHAN_CALL = "orphan call"
    ORPHAN_RESULT = "orphan result"
    EXTRA_RESULT = "extra result"
    DISPLACED_RESULT = "displaced result"
    EARLY_RESULT = "early result"
    DUPLICATE_ID = "duplicate id"
    BAD_ID = "bad id"
    EMPTY = "empty content"
    TRAILING_THINKING = "trailing thinking"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a service would refuse.

    Parameters
    ----------
    kind : FindingKind
        What is wrong.
    message : int
        Index of the message in the history as it was given.
    call_id : str or None
        The id of the call or result, if it has one.
    problem : str
        The same in words.
    done : str
        What a repair does about it.
    """

    kind: FindingKind
    message: int
    call_id: str | None
    problem: str
    done: str

    def __str__(self) -> str:
        return f"message {self.message}: {self.problem}; {self.done}"


@dataclass(slots=True)
class RepairReport:
    """What was found in a history and done about it; false when the history was healthy.

    Parameters
    ----------
    findings : list of Finding
        In the order of the messages.
    """

    findings: list[Finding] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.findings)

    def __str__(self) -> str:
        if not self.findings:
            return "nothing to repair"
        count = len(self.findings)
        head = f"{count} finding{'s' if count > 1 else ''}"
        return "\n".join([head, *(f"  {finding}" for finding in self.findings)])
