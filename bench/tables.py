"""Page tables to measure: pages as sessions have them, and turns that change a few of them."""

from __future__ import annotations

import random
from types import ModuleType
from typing import TYPE_CHECKING

from bench.rivals import Instance

if TYPE_CHECKING:
    from clawvm._core import PageTable, Selection

__all__ = [
    "LEVEL_QUALITY",
    "OVERCOMMIT",
    "TableTurns",
    "TextTurns",
    "page_ladder",
    "put_page",
    "required_level",
]

OVERCOMMIT = 10
PAGES_PER_HARD_PIN = 50
LEVEL_QUALITY = (150, 400, 800, 1000)
FIRST_TURN = 200
TEXT_CHARS = 2_000


def page_ladder(rng: random.Random) -> list[int | None]:
    """Draw the token counts of a page's levels: log-normal sizes, some levels missing."""
    full = max(40, int(rng.lognormvariate(5.5, 1)))
    counts: list[int | None] = [min(30, full // 8), full // 5 + 2, full // 2 + 4, full + 6]
    if rng.random() < 0.3:
        counts[rng.randrange(3)] = None
    return counts


def put_page(
    table: PageTable,
    number: int,
    tokens: list[int | None],
    weight: int,
    turn: int,
    digest: bytes = bytes(16),
) -> int:
    """Put the page of this number; one in fifty is pinned hard at its pointer."""
    return table.put(
        f"page:{number:015d}",
        tokens,
        LEVEL_QUALITY,
        weight,
        page_type=4,
        pin=2 * required_level(number),
        floor=1,
        digest=digest,
        turn=turn,
    )


def required_level(number: int) -> int:
    """Return the least level of the page of this number."""
    return 1 if number % PAGES_PER_HARD_PIN == 0 else 0


class TableTurns:
    """A table with a tenth of the tokens that its pages have in full, and the turns that follow.

    `instance` holds the same pages for the rivals.

    Parameters
    ----------
    core : module
        The back end.
    pages : int
        Pages in the table.
    changes : int
        How many pages `change` touches or replaces before a selection: three in five are touched,
        the others get a new content of another size.
    """

    def __init__(self, core: ModuleType, pages: int, changes: int = 5) -> None:
        self.rng = random.Random(f"table of {pages} pages")
        self.pages, self.turn = pages, FIRST_TURN
        self.touches = (3 * changes + 2) // 5
        self.puts = changes - self.touches
        self.table: PageTable = core.PageTable(capacity=pages)
        self.instance = Instance(budget=0)
        for number in range(pages):
            self.put(number, self.rng.randint(0, FIRST_TURN), bytes(16))
        self.budget = sum(tokens[3] or 0 for tokens in self.instance.tokens) // OVERCOMMIT
        self.instance.budget = self.budget
        self.changed: list[int] = []
        self.select()

    def put(self, number: int, turn: int, digest: bytes) -> None:
        """Put a page with a drawn ladder and weight."""
        tokens, weight = page_ladder(self.rng), self.rng.randint(1, 100)
        put_page(self.table, number, tokens, weight, turn, digest)
        level = required_level(number)
        self.instance.put(number, tokens, LEVEL_QUALITY, weight, turn, level)

    def change(self) -> None:
        """Begin a turn: touch some pages, give others a new content."""
        self.turn += 1
        self.changed = [self.rng.randrange(self.pages) for _ in range(self.touches + self.puts)]
        for number in self.changed[: self.touches]:
            self.table.touch(number, self.turn)
            self.instance.touch(number, self.turn)
        for number in self.changed[self.touches :]:
            self.put(number, self.turn, self.rng.randbytes(16))

    def select(self) -> Selection:
        """Decide the levels of all pages."""
        return self.table.select(self.budget, self.turn)


class TextTurns(TableTurns):
    """Turns whose new contents are texts of 2 KB, and which are one call from their begin to end.

    `prepare` draws what a turn will change; `run` does the turn: it touches the pages, hashes and
    puts the texts, decides all levels and lists the changes.
    """

    def prepare(self) -> None:
        """Draw the changes of the next turn."""
        self.turn += 1
        self.touched = [self.rng.randrange(self.pages) for _ in range(self.touches)]
        self.contents = [
            (
                self.rng.randrange(self.pages),
                f"{self.rng.getrandbits(60):020d}" * (TEXT_CHARS // 20),
                page_ladder(self.rng),
                LEVEL_QUALITY,
            )
            for _ in range(self.puts)
        ]

    def run(self) -> list[tuple[int, int, int]]:
        """Do the turn; returns the changes of levels."""
        return self.table.turn(self.budget, self.turn, self.touched, self.contents).moves
