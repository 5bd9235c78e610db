"""What a builder is given and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Builder", "ContentKind", "Form", "Source"]


class ContentKind(StrEnum):
    """What a text is, as far as its reduced forms are concerned."""

    JSON = "json"
    LOG = "log"
    CODE = "code"
    DIFF = "diff"
    SEARCH = "search"
    PROSE = "prose"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Source:
    """A text whose cheaper forms are wanted, with what is known about it.

    Parameters
    ----------
    text : str
        The full text, as it stands in the prompt.
    kind : ContentKind
        What it is; see :func:`detect`. A wrong kind makes a poor form, never an error.
    tool : str, optional
        The tool that returned it.
    arguments : mapping, optional
        What the tool was called with; values of any type, in the order of the call.
    path : str, optional
        The file that it shows.
    is_error : bool
        Whether the tool reported a failure.
    role : str, optional
        Who said it, for messages.
    call_shown : bool
        Whether the call that it answers stands right above it, so that a form need not repeat tool,
        arguments and path.
    handle : str
        What resolves to the full text; the pointer starts with it.
    """

    text: str
    kind: ContentKind
    tool: str | None = None
    arguments: Mapping[str, object] | None = None
    path: str | None = None
    is_error: bool = False
    role: str | None = None
    handle: str = ""
    call_shown: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A cheaper form of a text.

    Parameters
    ----------
    text : str
        What stands in the prompt in place of the full text. It says that it is a reduced form.
    quality : int
        Share of later verbatim needs that it keeps, per mille of the full text's: 1 to 999.
    """

    text: str
    quality: int


Builder = Callable[[Source], Form | None]
"""Makes one form of a source, or ``None`` where it has nothing cheaper to offer.

Deterministic, without a model call, and never raises on odd text.
"""
