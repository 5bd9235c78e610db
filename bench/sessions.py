"""Sessions to measure: their pages came ten a turn, their budget is a tenth of what they cost."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from clawvm.pages import Fidelity, PageType
from clawvm.residency import ClawVMPolicy
from clawvm.residency.policy import LOW_WATER_PERCENT
from clawvm.session import Prompt, Session

__all__ = ["SELECT_EVERY_TURN", "TEXT_CHARS", "LongSession", "draw_text"]

OVERCOMMIT = 10
PAGES_PER_EARLIER_TURN = 10
TEXT_CHARS = 2048
TEXTS = 400
# A low-water mark of 100 %: every turn passes the budget and selects.
SELECT_EVERY_TURN = 100

PAGE_TYPES = (PageType.EVIDENCE, PageType.EVIDENCE, PageType.CONVERSATION, PageType.PLAN)
WORDS = (
    *("budget", "cache", "decide", "evict", "floor", "handle", "index", "journal", "kernel"),
    *("ladder", "memory", "notice", "order", "page", "quality", "record", "select", "table"),
    *("because", "between", "without", "the", "of", "and", "to"),
)


def draw_text(rng: random.Random, chars: int = TEXT_CHARS) -> str:
    """Draw lines of words, of a given size in all."""
    text = ""
    while len(text) < chars:
        text += " ".join(rng.choices(WORDS, k=rng.randrange(4, 16))) + "\n"
    return text[:chars]


@cache
def common_texts() -> list[str]:
    """Return the texts that all sessions draw from."""
    rng = random.Random("texts")
    return [draw_text(rng) for _ in range(TEXTS)]


class LongSession:
    """A session of `pages` pages beside its two rules, and the turns that follow.

    Parameters
    ----------
    pages : int
        Pages beside the rules.
    low_water_percent : int
        Of the policy; `SELECT_EVERY_TURN` is the dearest case.
    audit : path, optional
        Where the session writes its decision trace.
    """

    def __init__(
        self,
        pages: int,
        low_water_percent: int = LOW_WATER_PERCENT,
        audit: Path | None = None,
    ) -> None:
        self._random = random.Random(f"session of {pages} pages")
        self._texts = common_texts()
        self._ids: list[str] = []
        policy = ClawVMPolicy(low_water_percent)
        self.session = Session(budget=10**9, counter="approximate", policy=policy, audit=audit)
        self.session.put("rules", PageType.BOOTSTRAP, self._random.choice(self._texts))
        self.session.put("task", PageType.CONSTRAINT, self._random.choice(self._texts))
        while len(self._ids) < pages:
            self.append(min(PAGES_PER_EARLIER_TURN, pages - len(self._ids)))
            self.session.assemble()
        full_tokens = sum(page.tokens(Fidelity.FULL) for page in self.session.pages())
        self.session.budget = full_tokens // OVERCOMMIT
        self.session.assemble()

    def change(self, touches: int = 3, puts: int = 2) -> None:
        """Touch some pages and give others a new text, as a turn does before its prompt."""
        changed = self._random.sample(self._ids, touches + puts)
        for page_id in changed[:touches]:
            self.session.touch(page_id)
        for page_id in changed[touches:]:
            self.put(page_id)

    def append(self, count: int = 2) -> None:
        """Put pages that are new."""
        for _ in range(count):
            self._ids.append(f"page-{len(self._ids)}")
            self.put(self._ids[-1])

    def put(self, page_id: str) -> None:
        """Give one page a text that it has not had."""
        page_type = PAGE_TYPES[int(page_id.removeprefix("page-")) % len(PAGE_TYPES)]
        self.session.put(page_id, page_type, self.new_text())

    def new_text(self) -> str:
        """Draw a text that no page has had."""
        return f"{self._random.randrange(10**9)}\n{self._random.choice(self._texts)}"

    def assemble(self) -> Prompt:
        """Build the next prompt."""
        return self.session.assemble()
