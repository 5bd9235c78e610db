"""Pages: types, fidelity, pins, scopes, provenance (paper, section 2, Table 1).

A page is a typed record with a stable id, a scope, a provenance and a minimum fidelity. It can
lose fidelity, level by level; it never loses its identity or its provenance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from .errors import PageInvalid

__all__ = [
    "RULES",
    "Fidelity",
    "PageType",
    "Pin",
    "Provenance",
    "Scope",
    "TypeRules",
]


class Fidelity(IntEnum):
    """How much of a page is in the prompt; ``NONE`` means that no line of it is shown."""

    NONE = 0
    POINTER = 1
    STRUCTURED = 2
    COMPRESSED = 3
    FULL = 4


class PageType(IntEnum):
    """The six types of Table 1."""

    BOOTSTRAP = 0
    CONSTRAINT = 1
    PLAN = 2
    PREFERENCE = 3
    EVIDENCE = 4
    CONVERSATION = 5


class Pin(IntEnum):
    """How strongly a page holds its floor: hard is a constraint, soft only a preference."""

    NONE = 0
    SOFT = 1
    HARD = 2


class Scope(StrEnum):
    """Who may see a page: this session, or every session of the project."""

    SESSION = "session"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The event that a page came from; mandatory for every page.

    Parameters
    ----------
    source : str
        Kind of event: ``"harness"``, ``"user"``, ``"model"``, ``"tool"`` or a name of the caller's.
    reference : str
        What names the event there: a tool call id, a message index, a file.
    turn : int
        The session's turn at which the page was made.
    """

    source: str
    reference: str
    turn: int = 0

    def __post_init__(self) -> None:
        if not self.source or not self.reference:
            raise PageInvalid(
                f"provenance needs a source and a reference, found source={self.source!r}, "
                f"reference={self.reference!r}; name the event that the page came from"
            )


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What Table 1 fixes for a page type.

    Parameters
    ----------
    levels : tuple of Fidelity
        The ladder's allowed levels, cheapest first.
    floor : Fidelity
        The least level that satisfies the type's invariant.
    pin : Pin
        The pin a page of this type starts with.
    scope : Scope
        The scope it starts with.
    """

    levels: tuple[Fidelity, ...]
    floor: Fidelity
    pin: Pin
    scope: Scope


_P, _S, _C, _F = Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED, Fidelity.FULL

# Plan: its pointer form carries goal and current step, so its floor holds at every level.
RULES: dict[PageType, TypeRules] = {
    PageType.BOOTSTRAP: TypeRules((_S, _F), _S, Pin.HARD, Scope.PROJECT),
    PageType.CONSTRAINT: TypeRules((_S, _F), _S, Pin.HARD, Scope.SESSION),
    PageType.PLAN: TypeRules((_P, _S, _F), _P, Pin.SOFT, Scope.SESSION),
    PageType.PREFERENCE: TypeRules((_P, _S, _C, _F), _P, Pin.NONE, Scope.PROJECT),
    PageType.EVIDENCE: TypeRules((_P, _S, _C, _F), _P, Pin.NONE, Scope.SESSION),
    PageType.CONVERSATION: TypeRules((_P, _S, _C, _F), _P, Pin.NONE, Scope.SESSION),
}
