"""What is known of parts once they are pages: where each is, and which calls are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..messages import Part, PartKind
from ..pages import Fidelity, Page
from .tools import ToolKind

__all__ = ["CallKey", "Entry", "Exchange", "call_key"]

CallKey = tuple[str | None, str | None]


class Entry(NamedTuple):
    """A part that came in with the last prompt: where it is now.

    Parameters
    ----------
    kind : PartKind
        What it is.
    call_id : str or None
        For calls and results, the call's id.
    page_id : str
        The page that holds it.
    part : int
        Which part of the page: 0, or 1 for the result of a call.
    """

    kind: PartKind
    call_id: str | None
    page_id: str
    part: int


@dataclass(slots=True)
class Exchange:
    """A tool call on its way, and the equal call before it, if there was one.

    Parameters
    ----------
    page : Page
        The page of call and, later, result.
    call : Part
        The call.
    tool : ToolKind
        What the tool does.
    earlier : Page or None
        The page of the last equal call.
    earlier_level : Fidelity
        At which level the model saw that page when it made this call.
    """

    page: Page
    call: Part
    tool: ToolKind
    earlier: Page | None
    earlier_level: Fidelity


def call_key(part: Part) -> CallKey:
    """Return what a call and its result have in common: an id, or in the old format a name."""
    return (part.call_id, None) if part.call_id is not None else (None, part.name)
