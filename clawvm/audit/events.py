"""The events of a decision trace: their names and fields, in the order in which a line has them.

`docs/audit.md` says what each field means. Fields are only ever added, at the end and
optional, so that an older log stays readable.
"""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "EVENTS",
    "FIELDS",
    "FORMAT",
    "LEVEL_NAMES",
    "OWN_EVENTS",
    "Archive",
    "Assemble",
    "Begun",
    "Boundary",
    "Close",
    "Commit",
    "Demand",
    "Fault",
    "Level",
    "Lost",
    "Moved",
    "Open",
    "Page",
    "Recall",
    "Rejection",
    "Reopened",
    "Rotated",
]

FORMAT = 1
"""Version of the line format and of the chain rule; stands in the first line of every file."""

Level = Literal["none", "pointer", "structured", "compressed", "full"]

LEVEL_NAMES: tuple[Level, ...] = ("none", "pointer", "structured", "compressed", "full")
"""Names of the levels by `Fidelity` number."""

#: page id, old level, new level, tokens at the old level, tokens at the new level
Moved = tuple[str, Level, Level, int, int]


class Open(TypedDict):
    """A session began to write, new or resumed; what the log holds of later turns never was."""

    session: str
    budget: int
    policy: str
    counter: str
    library: str


class Page(TypedDict):
    """A page was put, got a new content, or other terms (pin, floor)."""

    page_id: str
    type: str
    version: int
    tokens: dict[Level, int]
    provenance: tuple[str, str]
    pin: str
    floor: Level


class Demand(TypedDict):
    """A page was demanded at a level for the next prompt."""

    page_id: str
    level: Level


class Assemble(TypedDict):
    """A prompt was decided."""

    budget: int
    used: int
    floor: int
    epoch: bool
    prefix_kept: int
    low_water: int | None
    moves: list[Moved]
    worth: dict[str, float]
    least_worth: float | None
    feasible: bool
    missing: int


class Fault(TypedDict):
    """One of the six faults, or the alert."""

    kind: str
    page_id: str
    reason: str


class Boundary(TypedDict):
    """A lifecycle boundary was passed."""

    kind: str
    restored: list[str]
    took_us: int
    outcome: str


class Commit(TypedDict):
    """A transaction was committed."""

    seq: int
    operations: int
    bytes: int
    spooled: bool


class Rejection(TypedDict):
    """An operation was refused."""

    page_id: str
    field: str
    code: str
    principal: str


class Recall(TypedDict):
    """A page's text was looked up."""

    page_id: str
    outcome: str


class Archive(TypedDict):
    """A page left the page table; it can still be recalled."""

    page_id: str


class Close(TypedDict):
    """The session ended in order."""


class Begun(TypedDict):
    """The first line of a log."""

    format: int


class Rotated(TypedDict):
    """The first line of every later file of a log."""

    format: int
    dropped: int


class Reopened(TypedDict):
    """A torn last line was cut off when the log was opened again."""

    torn_bytes: int


class Lost(TypedDict):
    """Lines could not be written and are in no file."""

    lines: int
    first_turn: int
    last_turn: int
    reason: str


EVENTS: dict[str, type] = {
    # what a session writes
    "open": Open,
    "page": Page,
    "demand": Demand,
    "assemble": Assemble,
    "fault": Fault,
    "boundary": Boundary,
    "commit": Commit,
    "rejection": Rejection,
    "recall": Recall,
    "archive": Archive,
    "close": Close,
    # what the log itself writes
    "begun": Begun,
    "rotated": Rotated,
    "reopened": Reopened,
    "lost": Lost,
}

FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(fields.__annotations__) for name, fields in EVENTS.items()
}
"""The fields of each event, in the order of a line."""

OWN_EVENTS = frozenset({"begun", "rotated", "reopened", "lost"})
"""What the log itself writes, and nobody else may."""
