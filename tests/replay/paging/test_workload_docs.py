"""``docs/workloads.md`` names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clawvm.replay.paging import CONTENDERS, contender, simulate
from clawvm.replay.paging.tables import tier2
from clawvm.replay.workloads import (
    ABSTRACT,
    ADVERSARIES,
    FAMILIES,
    SCALES,
    TASK_COUNTS,
    family_workload,
)

PAGE = (Path(__file__).parents[3] / "docs" / "workloads.md").read_text(encoding="utf-8")
FIRST_CELLS = {
    name
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for name in re.findall(r"`([^`]+)`", line.split("|")[1])
}


@pytest.mark.parametrize(
    "name",
    [*FAMILIES, *SCALES, *ADVERSARIES, "hunt", *CONTENDERS, *tier2([120], ["plan_heavy"])[0]],
)
def test_every_name_has_its_row(name: str) -> None:
    assert name in FIRST_CELLS


@pytest.mark.parametrize("name", ADVERSARIES)
def test_every_adversary_has_its_budget(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` ")]
    assert row.split("|")[2].strip().replace(",", "") == str(ADVERSARIES[name].budget)


@pytest.mark.parametrize("kind", TASK_COUNTS)
def test_every_kind_of_task_is_named(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def test_the_budgets_are_those_of_the_scales() -> None:
    assert ", ".join(map(str, ABSTRACT.budgets)) in PAGE
    assert ", ".join(f"{budget // 1000}k" for budget in SCALES["real"].budgets) in PAGE


def test_the_example_runs() -> None:
    names: dict[str, object] = {
        "contender": contender,
        "simulate": simulate,
        "ABSTRACT": ABSTRACT,
        "family_workload": family_workload,
    }
    example = "\n".join(line[4:] for line in PAGE.splitlines() if line.startswith("    "))
    exec(example, names)  # the page's own words
    assert names["result"].explicit == 0  # type: ignore[attr-defined]
