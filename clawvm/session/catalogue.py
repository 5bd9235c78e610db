"""The catalogue: one bounded page that sums up what the prompt does not show.

A handle always resolves, but a line for each of thousands of pages would fill the prompt that it is
to spare. What has no line is counted here by kind, with the way to find it.
"""

from __future__ import annotations

from collections import Counter

from .._backend import core
from ..pages import Fidelity, Page
from .book import PageBook
from .recall_tool import RECALL_TOOL

__all__ = ["CATALOGUE_ID", "NOTHING_HIDDEN", "catalogue_text"]

CATALOGUE_ID = "clawvm:catalogue"
NOTHING_HIDDEN = "[memory: every page has its line here]"
_KINDS_MAX = 8


def catalogue_text(book: PageBook) -> str:
    """Say how many pages have no line in the prompt, by kind, and how to find them.

    Returns
    -------
    str
        One line, at most 8 kinds long; blank when every page has its line.
    """
    hidden = [page for page in book.live.values() if _is_hidden(page, book.table)]
    parts = []
    if hidden:
        parts.append(f"{len(hidden)} not shown here ({_by_kind(hidden)})")
    if book.archived:
        parts.append(f"{len(book.archived)} of earlier conversations")
    if not parts:
        return ""
    return (
        f"[memory: {' and '.join(parts)}; {RECALL_TOOL} finds them by words (query) and reads them "
        "by handle]"
    )


def _is_hidden(page: Page, table: core.PageTable) -> bool:
    return page.id != CATALOGUE_ID and table.level(page.slot) == Fidelity.NONE


def _by_kind(pages: list[Page]) -> str:
    counts = sorted(
        Counter(page.label for page in pages).items(), key=lambda item: (-item[1], item)
    )
    shown = [f"{count} {label}" for label, count in counts[:_KINDS_MAX]]
    rest = sum(count for _, count in counts[_KINDS_MAX:])
    return ", ".join([*shown, *([f"{rest} other"] if rest else [])])
