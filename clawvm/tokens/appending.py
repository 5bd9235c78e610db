"""Counting a text that has grown: where it can be cut so that the counts of both sides add up.

Every encoding of OpenAI's splits a text by a regular expression and encodes each piece for itself.
A text may be cut before a space that follows something that is no white space:

- No piece goes over such a cut. Each of the expressions matches a space only as the first
  character of a piece (`` ?``, ``[^\\r\\n\\p{L}\\p{N}]?``) or in a run of white space (``\\s``),
  which holds nothing else.
- The pieces before the cut do not depend on what follows it. What looks ahead (``\\s+(?!\\S)``,
  ``\\s++$``) looks at the end of a run of white space; a run before the cut ends before the cut.
- The pieces after it do not depend on what comes before it: nothing looks back.

Python calls four control characters white space that the expressions do not (U+001C to U+001F),
and none the other way round; so what is no white space to Python is none to them.
"""

from __future__ import annotations

import re

__all__ = ["WINDOW_CHARS", "safe_cut"]

WINDOW_CHARS = 4096
"""How far before the end of the old text a cut is looked for: what is counted again at most."""

_LAST_CUT = re.compile(r".*\S(?= )", re.DOTALL)


def safe_cut(text: str, end: int) -> int:
    """Return the last place up to `end` at which ``text`` may be cut, 0 if there is none near."""
    found = _LAST_CUT.match(text, max(0, end - WINDOW_CHARS), end + 1)
    return found.end() if found else 0
