"""The part of a page table that decides levels: selections, and whole turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from . import exact, selector, validate
from .dirty import MAX_VERSION, next_version
from .exact import STATES_MAX, ExactSelection
from .layout import CHANGED
from .persistence import Persistent
from .selector import Selection
from .store import locked
from .turns import Job, read_contents

__all__ = ["Selecting"]

_Selection = TypeVar("_Selection", bound=Selection)


class Selecting(Persistent):
    """The part of `PageTable` that decides which level of each page is resident."""

    @locked
    def select(self, budget: int, turn: int) -> Selection:
        """Decide every page's level within a budget and make the levels resident. O(N log N).

        If the floor does not fit, the answer says so and nothing changes: levels and demands stay.

        Parameters
        ----------
        budget : int
            Tokens, 1 to 2**63 - 1.
        turn : int
            This turn; it only scales the values that are reported, the plan is the same at any.

        Raises
        ------
        BudgetInvalid
            If the budget is not such a number.
        """
        return self._select(validate.budget(budget), validate.turn(turn))

    @locked
    def turn(
        self,
        budget: int,
        turn: int,
        touched: Sequence[int] = (),
        contents: Sequence[tuple[int, str, Sequence[int | None], Sequence[int]]] = (),
    ) -> Selection:
        """Touch pages, replace contents and select, all in one call.

        Parameters
        ----------
        budget, turn : int
            As for `select`.
        touched : sequence of int
            Slots of the pages that were used.
        contents : sequence of (slot, text, tokens, quality)
            Pages with a new content, which are touched as well. The digest is that of the text
            (XXH3-128 of its UTF-8), tokens and quality are as for `put`; everything else about the
            page stays. A content that the page has already changes nothing.

        Raises
        ------
        PageNotFound, PageInvalid, LadderInvalid, LimitExceeded, BudgetInvalid
            As `select`, `touch` and `put` do. Nothing has changed then.
        """
        job = Job(
            validate.budget(budget), validate.turn(turn), tuple(touched), read_contents(contents)
        )
        self._check_job(job)
        return self._run_job(job)

    @locked
    def _check_job(self, job: Job) -> None:
        """Check what only the table can tell: that the pages are there and may change."""
        for slot in job.touched:
            self._record(slot)
        for content in job.contents:
            record = self._record(content.slot)
            if record.version + len(job.contents) > MAX_VERSION:
                next_version(MAX_VERSION, record.digest, content.digest)

    @locked
    def _run_job(self, job: Job) -> Selection:
        for slot in job.touched:
            self._touch(self._record(slot), job.turn)
        for content in job.contents:
            record = self._record(content.slot)
            version = next_version(record.version, record.digest, content.digest)
            self._set(record, "version", version)
            record.digest = content.digest
            if (content.tokens, content.quality) != (record.tokens, record.quality):
                self._set_ladder(record, content.tokens, content.quality)
                record.flags |= CHANGED
            self._touch(record, job.turn)
        return self._select(job.budget, job.turn)

    def _select(self, budget: int, turn: int) -> Selection:
        outcome = selector.select(self._records, budget, self._now(turn))
        self._stats["steps"] += outcome.steps
        return self._told(Selection, budget, outcome)

    def _told(self, kind: type[_Selection], budget: int, outcome: selector.Outcome) -> _Selection:
        """Commit a plan and return what was decided."""
        selection = kind.__new__(kind)
        selection.feasible = outcome.levels is not None
        selection.budget = budget
        selection.floor_tokens = outcome.floor_tokens
        selection.value = outcome.value
        selection.bound = outcome.bound
        selection.required = outcome.required
        moves = [] if outcome.levels is None else self._commit(outcome.levels)
        selection.packed = selector.packed_moves(moves)
        selection.used_tokens = self._used_tokens
        selection.steps = outcome.steps
        self._stats["selects"] += 1
        return selection

    @locked
    def select_exact(
        self, budget: int, turn: int, *, states_max: int = STATES_MAX
    ) -> ExactSelection:
        """Decide every page's level within a budget as well as can be, and prove it.

        Levels and demands change as by `select`. The objective is the same but for rounding, and
        is told in ``clawvm._reference.exact``.

        Parameters
        ----------
        budget : int
            Tokens, 1 to 2**63 - 1.
        turn : int
            This turn; it only scales the values that are reported, the plan is the same at any.
        states_max : int
            States that the search may keep, 24 bytes each, 1 to 2**31 - 1. A search that needs
            more stops: the answer is then the best plan found, not `proven`, and its `bound` holds.

        Raises
        ------
        BudgetInvalid
            If the budget is not such a number.
        LimitExceeded
            If the number of states is not.
        """
        budget, turn = validate.budget(budget), validate.turn(turn)
        states_max = validate.states(states_max)
        outcome = exact.select_exact(self._records, budget, self._now(turn), states_max)
        selection = self._told(ExactSelection, budget, outcome.plan)
        selection.proven = outcome.proven
        selection.states = outcome.states
        return selection
