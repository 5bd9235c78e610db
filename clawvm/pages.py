"""Pages: types, fidelity, pins, scopes, provenance (paper, section 2, Table 1).

A page is a typed record with a stable id, a scope, a provenance and a minimum fidelity. It can
lose fidelity, level by level; it never loses its identity or its provenance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from .errors import PageInvalid

__all__ = [
    "LEVELS",
    "RULES",
    "CallInfo",
    "Fidelity",
    "Page",
    "PageForm",
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


LEVELS = tuple(Fidelity)
"""Every level, each at its own number: ``LEVELS[n]`` is ``Fidelity(n)``, ten times as fast."""


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


class CallInfo(NamedTuple):
    """What is remembered of a tool call beside its text, to know a repetition of it.

    Parameters
    ----------
    call_id : str or None
        Its id, where the format gives calls one.
    signature : str
        Equal for equal calls (`messages.signature`).
    target : str or None
        The file or address that it names.
    """

    call_id: str | None
    signature: str
    target: str | None


@dataclass(frozen=True, slots=True)
class PageForm:
    """One level of a page's ladder: what stands for each of its parts.

    Parameters
    ----------
    texts : tuple of (str or None)
        For each part of the page the text shown instead of the original, or None for the original
        itself.
    part_tokens : tuple of int
        What each part costs in a prompt, in tokens.
    quality : int
        What this level is worth, in thousandths of the full page.
    """

    texts: tuple[str | None, ...]
    part_tokens: tuple[int, ...]
    quality: int

    @property
    def tokens(self) -> int:
        """What the level costs in a prompt."""
        parts = self.part_tokens
        return parts[0] if len(parts) == 1 else sum(parts)


@dataclass(slots=True)
class Page:
    """A typed record with a stable id, a provenance and a ladder of forms (paper, section 2).

    Parameters
    ----------
    id : str
        Unique in its session, at most 512 bytes of UTF-8.
    type : PageType
        Which of the six.
    provenance : Provenance
        The event that it came from.
    scope : Scope
        Who may see it.
    pin : Pin
        How strongly it holds its floor.
    floor : Fidelity
        The least level that satisfies its invariant.
    texts : tuple of str
        Its full text, part by part: one for a message's text, call and result for a tool exchange.
    ladder : dict of Fidelity to PageForm
        The levels it can be shown at, cheapest first; ``FULL`` is always there.
    weight : int
        Base utility of the full page, in arbitrary units (``residency.utility``).
    recompute_cost : int
        What it takes to make it again, in arbitrary units (paper, section 2).
    is_tool : bool
        Whether it holds a tool call and its result.
    label : str
        What it is, for a reader: ``read result``, ``user message``...
    version : int
        Counts the contents it has had, from 1; 0 before it is in a page table.
    slot : int
        Its place in the page table; -1 when it is not there (archived by a reset).
    position : int
        Place of its first part in the layout of the conversation.
    request : int
        The turn at whose prompt it was first there.
    call : CallInfo or None
        The call, for a page that holds one that the harness ran.
    is_given : bool
        Whether the harness put it, rather than its having been made from a message.
    serial : int
        Place among all pages that the session has made, from 1.
    inherited : int
        The version that it had when the session was forked off another one; 0 if it was made here.
    granted_by : str
        Who allowed it to steer the agent although a tool or a document brought it; else blank.
    """

    id: str
    type: PageType
    provenance: Provenance
    scope: Scope
    pin: Pin
    floor: Fidelity
    texts: tuple[str, ...]
    ladder: dict[Fidelity, PageForm]
    weight: int
    recompute_cost: int = 0
    is_tool: bool = False
    label: str = "page"
    version: int = 0
    slot: int = -1
    position: int = -1
    request: int = 0
    call: CallInfo | None = None
    is_given: bool = False
    serial: int = 0
    inherited: int = 0
    granted_by: str = ""

    def tokens(self, level: Fidelity) -> int:
        """What `level` costs in a prompt; 0 for ``NONE``."""
        return self.ladder[level].tokens if level else 0

    def shown(self, level: Fidelity, part: int) -> str | None:
        """Return the text that a prompt shows for `part` at `level`, or None at ``NONE``."""
        if not level:
            return None
        text = self.ladder[level].texts[part]
        return self.texts[part] if text is None else text
