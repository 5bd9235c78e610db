"""Whole turns: pages touched, contents replaced and levels decided, of one table or of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from . import validate
from .dirty import digest_words

if TYPE_CHECKING:
    from .page_table import PageTable

__all__ = ["Content", "Job", "read_contents", "turn_many"]


class Content(NamedTuple):
    """What a page is from now on."""

    slot: object
    digest: tuple[int, int]
    tokens: tuple[int, ...]
    quality: tuple[int, ...]


class Job(NamedTuple):
    """A turn of one table, its arguments checked as far as they are without a look at it."""

    budget: int
    turn: int
    touched: tuple[object, ...]
    contents: list[Content]


def read_contents(contents: Sequence[object]) -> list[Content]:
    """Check contents, apart from their slots, and hash their texts."""
    read = []
    for given in contents:
        slot, text, tokens, quality = validate.content(given)
        words = digest_words(xxhash.xxh3_128_digest(text))
        read.append(Content(slot, words, tokens, quality))
    return read


def turn_many(
    tables: Sequence[PageTable],
    budgets: Sequence[int],
    turns: Sequence[int],
    touched: Sequence[Sequence[int]],
    contents: Sequence[Sequence[tuple[int, str, Sequence[int | None], Sequence[int]]]]
    | None = None,
) -> list[bytes | None]:
    """Make one turn of each table, as `PageTable.turn` does.

    The compiled core does the work of all of them without the GIL; meanwhile the tables are in use,
    and whoever calls one of them is refused. If an argument is refused, nothing has changed.

    Parameters
    ----------
    tables : sequence of PageTable
        No table twice.
    budgets, turns : sequences of int
        One for each table.
    touched : sequence of sequences of int
        For each table the slots that were used.
    contents : sequence of sequences, optional
        For each table its new contents; none without it.

    Returns
    -------
    list of bytes or None
        For each table the moves, as in `Selection.packed`; None where the floor does not fit.

    Raises
    ------
    TableInUse
        When a table is in the batch twice, or in use by another thread.
    """
    from .page_table import PageTable

    many = list(tables)
    texts = [()] * len(many) if contents is None else [tuple(one) for one in contents]
    slots = [tuple(one) for one in touched]
    validate.same_lengths(len(many), *map(len, (texts, budgets, turns, slots)))
    validate.same_kind(many, PageTable)
    jobs = [
        Job(validate.budget(budget), validate.turn(turn), used, read_contents(new))
        for budget, turn, used, new in zip(budgets, turns, slots, texts, strict=True)
    ]
    seen: set[int] = set()
    for number, (table, job) in enumerate(zip(many, jobs, strict=True)):
        if id(table) in seen:
            validate.refuse_table(number)
        seen.add(id(table))
        table._check_job(job)
    plans = [table._run_job(job) for table, job in zip(many, jobs, strict=True)]
    return [plan.packed if plan.feasible else None for plan in plans]
