"""The four families: what each is made of, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from clawvm.pages import Fidelity, PageType, Pin
from clawvm.replay.workloads import (
    ABSTRACT,
    FAMILIES,
    REAL,
    SCALES,
    Scale,
    Workload,
    family_workload,
)
from clawvm.session import BoundaryKind

ALL = [(family, scale) for scale in SCALES.values() for family in FAMILIES]


def floors(workload: Workload) -> list[int]:
    """The floor of each turn in tokens: hard pins put so far, and demands."""
    specs = {page.id: page for page in workload.pages}
    known: set[str] = set()
    found = []
    for turn in workload.turns:
        known.update(turn.puts)
        levels = {name: specs[name].floor for name in known if specs[name].pin is Pin.HARD}
        for demand in turn.demands:
            before = levels.get(demand.page_id, Fidelity.NONE)
            levels[demand.page_id] = max(before, demand.level, specs[demand.page_id].floor)
        found.append(
            sum(
                next(cost for cost in specs[name].tokens[level - 1 :] if cost is not None)
                for name, level in levels.items()
            )
        )
    return found


@pytest.mark.parametrize(("family", "scale"), ALL)
def test_the_floor_of_every_turn_fits_the_smallest_budget(family: str, scale: Scale) -> None:
    workload = family_workload(family, scale)
    assert max(floors(workload)) <= scale.budgets[0]


@pytest.mark.parametrize(("family", "scale"), ALL)
def test_the_whole_history_fits_the_largest_budget_at_best(family: str, scale: Scale) -> None:
    workload = family_workload(family, scale)
    assert sum(page.tokens[-1] or 0 for page in workload.pages) > scale.budgets[-2]


@pytest.mark.parametrize(("family", "scale"), ALL)
def test_most_demands_come_back_to_an_earlier_page(family: str, scale: Scale) -> None:
    workload = family_workload(family, scale)
    demands = [(demand, turn) for turn in workload.turns for demand in turn.demands]
    again = [demand for demand, turn in demands if demand.page_id not in turn.puts]
    assert len(again) * 2 > len(demands)


@pytest.mark.parametrize(
    ("family", "compactions", "resets"),
    [
        ("evidence_heavy", 1, 0),
        ("plan_heavy", 4, 0),
        ("multi_session", 1, 3),
        ("constraint_heavy", 2, 0),
    ],
)
def test_each_family_has_its_boundaries(family: str, compactions: int, resets: int) -> None:
    boundaries = [turn.boundary for turn in family_workload(family, ABSTRACT).turns]
    assert boundaries.count(BoundaryKind.COMPACTION) == compactions
    assert boundaries.count(BoundaryKind.RESET) == resets


def test_the_constraint_heavy_family_has_the_most_constraints() -> None:
    counts = {
        family: sum(
            page.type is PageType.CONSTRAINT for page in family_workload(family, ABSTRACT).pages
        )
        for family in FAMILIES
    }
    assert max(counts, key=lambda family: counts[family]) == "constraint_heavy"


def test_the_plan_heavy_family_changes_its_plan_most() -> None:
    counts = {
        family: sum("plan" in turn.puts for turn in family_workload(family, REAL).turns)
        for family in FAMILIES
    }
    assert max(counts, key=lambda family: counts[family]) == "plan_heavy"


def test_another_seed_gives_another_workload() -> None:
    one, same, other = (family_workload("plan_heavy", ABSTRACT, seed) for seed in (1, 1, 2))
    assert one == same
    assert one.turns != other.turns


def test_every_process_makes_the_same_workloads() -> None:
    program = (
        "from clawvm.replay.workloads import *\n"
        "import xxhash\n"
        "made = [family_workload(f, s) for s in SCALES.values() for f in FAMILIES]\n"
        "made += task_workloads(180) + [a.write() for a in ADVERSARIES.values()]\n"
        "print(xxhash.xxh3_128_hexdigest(repr(made).encode()))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
