"""Turns of many sessions in one call, on one core and on two."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING

from bench.sessions import draw_text
from bench.tables import LEVEL_QUALITY, OVERCOMMIT, page_ladder, put_page
from clawvm._backend import core

if TYPE_CHECKING:
    from clawvm._core import PageTable

__all__ = ["Batch", "turns_per_second"]

TOUCHES, PUTS = 3, 2
TEXTS = 400
ROUNDS = 7
FIRST_TURN = 100

Content = tuple[int, str, Sequence[int | None], Sequence[int]]


class Batch:
    """Page tables of many sessions, and what a turn of each changes.

    Parameters
    ----------
    sessions : int
        Page tables.
    pages : int
        Pages of each.
    """

    def __init__(self, sessions: int, pages: int) -> None:
        self.rng = random.Random("batch")
        self.pages = pages
        self.turn = FIRST_TURN
        self.texts = [draw_text(self.rng) for _ in range(TEXTS)]
        self.ladders = [page_ladder(self.rng) for _ in range(TEXTS)]
        self.tables = [self.filled(number) for number in range(sessions)]
        full_tokens = sum(tokens[3] or 0 for tokens in self.ladders) * pages // TEXTS
        self.budgets = [full_tokens // OVERCOMMIT] * sessions

    def filled(self, session: int) -> PageTable:
        """Return a table whose pages are other ones of the drawn than those of the next."""
        table: PageTable = core.PageTable(capacity=self.pages)
        for number in range(self.pages):
            tokens = self.ladders[(session + number) % TEXTS]
            put_page(table, number, tokens, 1 + (7 * session + number) % 100, number % FIRST_TURN)
        return table

    def draw(self) -> None:
        """Draw what the next turn of every session changes."""
        self.turn += 1
        slots = range(self.pages)
        self.touched = [self.rng.choices(slots, k=TOUCHES) for _ in self.tables]
        self.contents = [[self.content() for _ in range(PUTS)] for _ in self.tables]

    def content(self) -> Content:
        """Draw a new text for a page."""
        drawn = self.rng.randrange(TEXTS)
        slot = self.rng.randrange(self.pages)
        return slot, self.texts[drawn], self.ladders[drawn], LEVEL_QUALITY

    def run(self, part: slice) -> None:
        """Do the turns of a part of the sessions in one call."""
        tables = self.tables[part]
        core.turn_many(
            tables,
            self.budgets[part],
            [self.turn] * len(tables),
            self.touched[part],
            self.contents[part],
        )


def turns_per_second(batch: Batch, threads: int) -> float:
    """Return the median of the turns that so many threads do in a second."""
    size = len(batch.tables)
    step = -(-size // threads)
    parts = [slice(start, start + step) for start in range(0, size, step)]
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(ROUNDS):
            batch.draw()
            begin = perf_counter_ns()
            list(pool.map(batch.run, parts))
            rates.append(size / (perf_counter_ns() - begin) * 1e9)
    return median(rates)
