"""What a prompt is worth, and the most that any prompt could have been worth."""

from __future__ import annotations

from collections.abc import Mapping

from ..._backend import core
from ...pages import Fidelity, Page
from .forms import put_page

__all__ = ["Meter"]


class Meter:
    """Measures every policy by one page table that no policy touches."""

    def __init__(self) -> None:
        self._table = core.PageTable()

    def put(self, page: Page, turn: int) -> None:
        """Note a page, or a new content of one."""
        put_page(self._table, page, turn)

    def touch(self, page_id: str, turn: int) -> None:
        """Note that a page was used."""
        self._table.touch(self._table.slot(page_id), turn)

    def remove(self, page_id: str) -> None:
        """Note that a page was archived."""
        self._table.remove(self._table.slot(page_id))

    def measure(
        self,
        levels: Mapping[str, int],
        required: Mapping[str, Fidelity],
        budget: int,
        turn: int,
    ) -> tuple[int, int]:
        """Return the value of `levels`, and a bound on that of any levels above the same floor.

        Parameters
        ----------
        levels : mapping of str to int
            Resident level by page id.
        required : mapping of str to Fidelity
            The floor, which must fit the budget.
        budget : int
            Tokens.
        turn : int
            From 1.
        """
        table = self._table
        value = sum(table.value(table.slot(name), level, turn) for name, level in levels.items())
        for page_id, level in required.items():
            table.demand(table.slot(page_id), level)
        selection = table.select(budget, turn)
        table.clear_demands()
        # A sum of rounded values may be above the rounded sum by a last place.
        return min(value, selection.bound), selection.bound
