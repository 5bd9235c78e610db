"""How near the selector comes to the optimum, on families of knapsacks easy and hard."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bench.report.section import Section

# The families are those of the tests.
sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))

from knapsacks import FAMILIES, TURN, pages_of

if TYPE_CHECKING:
    from clawvm._core import PageTable

__all__ = ["REALISTIC", "Shares", "measure_shares", "quality_of", "quality_section"]

Shares = dict[str, dict[int, list[float]]]
"""Shares of the optimum by family and by pages."""

REALISTIC = "realistic"
SIZES = (10, 20, 50, 100, 200)
SEEDS = 60
BUDGET_SHARES = (0.1, 0.3)


def quality_of(core: ModuleType, family: str, pages: int, seeds: int = SEEDS) -> list[float]:
    """Return what `select` comes to, in shares of the proven optimum above the floor.

    Parameters
    ----------
    core : module
        The back end.
    family : str
        One of the families of knapsacks.
    pages : int
        Pages of each knapsack.
    seeds : int
        Knapsacks to draw.
    """
    found = []
    for seed in range(seeds):
        drawn = pages_of(family, random.Random(f"{family} {pages} {seed}"), pages)
        tokens = sum(page["tokens"][3] for page in drawn)
        budget = max(1, int(tokens * BUDGET_SHARES[seed % len(BUDGET_SHARES)]))
        ours, best, least = (table_of(core, drawn) for _ in range(3))
        plan = ours.select(budget, TURN)
        if not plan.feasible:
            continue
        # With no token to spare every page stays at the least that it must have.
        floor = worth(least) if least.select(max(plan.floor_tokens, 1), TURN).floor_tokens else 0
        if best.select_exact(budget, TURN).proven and (most := worth(best) - floor):
            found.append((worth(ours) - floor) / most)
    return found


def table_of(core: ModuleType, pages: list[dict[str, Any]]) -> PageTable:
    """Return a table of these pages."""
    table: PageTable = core.PageTable(capacity=len(pages))
    for page in pages:
        table.put(**page)
    return table


def worth(table: PageTable) -> int:
    """Return what the pages of a table are worth at their levels, an exact integer."""
    return sum(table.value(slot, table.level(slot), TURN) for slot in table.slots())


def measure_shares(core: ModuleType) -> Shares:
    """Measure every family at every size."""
    return {
        family: {pages: quality_of(core, family, pages) for pages in SIZES} for family in FAMILIES
    }


def quality_section(shares: Shares) -> Section:
    """Show mean and worst of every family."""
    section = Section(
        "Value against the optimum",
        f"Mean / worst share of what `select_exact` proves to be the most, above the floor: "
        f"{SEEDS} knapsacks each, with 10 % and 30 % of what their pages have in full.",
        ["family", *(f"{pages} pages" for pages in SIZES)],
    )
    for family, by_pages in shares.items():
        cells = [f"{mean(found):.5f} / {min(found):.4f}" for found in by_pages.values()]
        section.add(family.replace("_", " "), *cells)
    return section
