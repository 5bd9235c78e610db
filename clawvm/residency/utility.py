"""What a page is worth, from what real sessions needed back.

The expected number of later verbatim quotations of a page, measured on recorded agent sessions,
depends on who wrote it, on its size (about the power 0.75 between 400 and 12,800 characters, flat
above, a third of that under 400, a tenth under 200) and on the turns since it was last touched; not
on how often it was used. An agent's own edits and writes are quoted more than twice as much as what
it read, command output half as much, searches hardly, edit confirmations never. A result that an
equal call has repeated is worth 7 % of what it was; what is known of a file 30 % once the file has
been edited, and what was read of it once it has been read again. The figures: ``docs/tuning.md``.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from math import isqrt

__all__ = ["PageKind", "outdated_weight", "page_weight", "superseded_weight"]

_SUPERSEDED_PERCENT = 7
_OUTDATED_PERCENT = 30
_SIZE_FLAT_CHARS = 12_800
_SIZE_SMALL_CHARS = 400
_SIZE_TINY_CHARS = 200


class PageKind(Enum):
    """Who wrote a text, with its worth per unit of size in twentieths of a typical result."""

    SYSTEM = ("system", 400)
    INSTRUCTIONS = ("instructions", 60)
    USER = ("user", 20)
    ATTACHMENT = ("attachment", 10)
    OWN_TEXT = ("assistant text", 35)
    OWN_EDIT = ("own edit", 50)
    OWN_SHELL = ("own command", 25)
    OWN_CALL = ("own call", 20)
    READ_RESULT = ("read result", 20)
    SHELL_RESULT = ("command output", 10)
    SEARCH_RESULT = ("search result", 2)
    AGENT_RESULT = ("subagent result", 2)
    OTHER_RESULT = ("tool result", 20)
    EDIT_CONFIRMATION = ("edit confirmation", 0)
    STATE = ("state page", 200)

    def __init__(self, label: str, worth: int) -> None:
        self.label = label
        self.worth = worth


def page_weight(kind: PageKind, characters: int) -> int:
    """Return the base utility of a text.

    Parameters
    ----------
    kind : PageKind
        Who wrote it.
    characters : int
        Its length.

    Returns
    -------
    int
        At least 1; ``worth * characters ** 0.75``, flat above 12,800 characters, a third of that
        under 400 and a tenth under 200. Integer arithmetic throughout, so that every machine gets
        the same.
    """
    return max(1, kind.worth * _scaled_size(min(characters, _SIZE_FLAT_CHARS)) >> 6)


@lru_cache(maxsize=4096)
def _scaled_size(characters: int) -> int:
    """Return 256 times ``characters ** 0.75``, a third or a tenth of it for a small text."""
    # Two nested integer square roots of its cube scaled by 2**32.
    scaled = isqrt(isqrt(characters**3 << 32))
    if characters < _SIZE_TINY_CHARS:
        return scaled // 10
    return scaled // 3 if characters < _SIZE_SMALL_CHARS else scaled


def superseded_weight(weight: int) -> int:
    """Return what is left of `weight` once an equal call has been made again."""
    return max(1, weight * _SUPERSEDED_PERCENT // 100)


def outdated_weight(weight: int) -> int:
    """Return what is left of `weight` once a later call has changed the file, or read it again."""
    return max(1, weight * _OUTDATED_PERCENT // 100)
