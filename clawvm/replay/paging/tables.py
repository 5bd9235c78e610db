"""The sweeps and what the paper makes of them: its Tables 4, 6, 8 and 9, ours beside the published.

Every function returns plain rows of integers and names, in a fixed order; `docs/workloads.md` says
what the columns mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from ...errors import OptionUnknown
from ..oracle.misses import MissRules, least_misses
from ..workloads import Workload
from ..workloads.adversaries import ADVERSARIES
from ..workloads.families import FAMILIES, FAMILY_SEED, family_workload
from ..workloads.scale import ABSTRACT, SCALES
from ..workloads.tasks import task_workloads
from .contenders import (
    ABLATIONS,
    COMPARED,
    PAPER_ABLATIONS,
    Contender,
    contender,
)
from .figures import TABLE_4, TABLE_6, TABLE_8, TABLE_9
from .hunt import HUNT_BUDGET, hunt
from .simulator import simulate

__all__ = [
    "ABLATION_BUDGET",
    "TASK_BUDGETS",
    "Row",
    "ablations",
    "adversarial",
    "table_4",
    "table_6",
    "table_8",
    "table_9",
    "tasks",
    "tier2",
]

Row = dict[str, int | str]

TASK_BUDGETS = (180, 300)
ABLATION_BUDGET = 180
_MULTI_SESSION = "multi_session"


def tier2(
    budgets: Sequence[int] | None = None,
    families: Sequence[str] | None = None,
    policies: Sequence[str] = COMPARED,
    *,
    scale: str = ABSTRACT.name,
    seed: int = FAMILY_SEED,
    published_budgets: bool = False,
) -> list[Row]:
    """Run every policy over every family under every budget.

    Parameters
    ----------
    budgets : sequence of int, optional
        Tokens; by default those of the scale.
    families : sequence of str, optional
        By default all four.
    policies : sequence of str, optional
        Names of `CONTENDERS`; by default all but the ablations.
    scale : {"abstract", "real"}, optional
        Which sizes.
    seed : int, optional
        Of the workloads.
    published_budgets : bool, optional
        On the multi-session family, give the paper's baselines the smaller budgets that its
        artifact gives them (78 and 85 %). Their names then say so.

    Raises
    ------
    OptionUnknown, PolicyUnknown, BudgetInvalid
        Before anything is run, for what does not exist.
    """
    found = [contender(name) for name in policies]
    if scale not in SCALES:
        raise OptionUnknown(f"a scale is {' or '.join(map(repr, SCALES))}, found {scale!r}")
    for family in families or ():
        if family not in FAMILIES:
            raise OptionUnknown(f"a family is one of {', '.join(FAMILIES)}, found {family!r}")
    workloads = [
        family_workload(family, SCALES[scale], seed) for family in families or tuple(FAMILIES)
    ]
    rows = []
    for budget in budgets or SCALES[scale].budgets:
        for workload in workloads:
            for each in found:
                percent = each.multisession_percent if workload.family == _MULTI_SESSION else 100
                scaled = published_budgets and percent < 100
                given = budget * percent // 100 if scaled else budget
                row = _measured(workload, each, given)
                row["sweep_budget_tokens"] = budget
                if published_budgets and each.multisession_percent < 100:
                    row["policy"] = (
                        f"{each.name} ({each.multisession_percent}% on {_MULTI_SESSION})"
                    )
                rows.append(row)
    return rows


def table_4(rows: Iterable[Row]) -> list[Row]:
    """Return the means of a sweep by policy: faults in tenths, thrash in thousandths.

    The published figures are -1 where the paper has none, and at real sizes.
    """
    table = []
    for (policy,), group in _grouped(rows, "policy"):
        count = len(group)
        name = str(policy).split(" ")[0]
        published = TABLE_4.get(name, (-1, -1)) if _is_papers(group) else (-1, -1)
        table.append(
            {
                "policy": policy,
                "configurations": count,
                "faults_tenths": _mean(group, "published_faults", 10),
                "thrash_milli": _mean(group, "thrash_milli"),
                "controllable_faults": _total(group, "controllable_faults"),
                "misses_tenths": _mean(group, "misses", 10),
                "least_misses_tenths": _mean(group, "least_misses", 10),
                "moved_pages_tenths": _mean(group, "moved_pages", 10),
                "paper_faults_tenths": published[0],
                "paper_thrash_milli": published[1],
            }
        )
    return table


def ablations(budget: int = ABLATION_BUDGET, *, scale: str = ABSTRACT.name) -> list[Row]:
    """Run the paper's policy and ours, and each of their ablations, over the four families.

    Parameters
    ----------
    budget : int, optional
        Tokens.
    scale : {"abstract", "real"}, optional
        Which sizes.
    """
    policies = ("paper_clawvm", *PAPER_ABLATIONS, "clawvm", *ABLATIONS)
    return tier2([budget], policies=policies, scale=scale)


def table_6(rows: Iterable[Row]) -> list[Row]:
    """Return the faults of ablations summed over families; published figures -1 where none."""
    table = []
    for (policy,), group in _grouped(rows, "policy"):
        nothing = (-1, -1, -1)
        published = TABLE_6.get(str(policy), nothing) if _is_papers(group) else nothing
        table.append(
            {
                "policy": policy,
                "bootstrap": _total(group, "post_compaction_bootstrap"),
                "flush": _total(group, "flush_miss"),
                "dup_refetch": _total(group, "duplicate_tool") + _total(group, "refetch"),
                "total": _total(group, "published_faults"),
                "pinned": _total(group, "pinned_invariant_miss"),
                "recalls": _total(group, "recalls"),
                "blind_recalls": _total(group, "blind_recalls"),
                "moved_pages": _total(group, "moved_pages"),
                "epochs": _total(group, "epochs"),
                "paper_bootstrap": published[0],
                "paper_flush": published[1],
                "paper_dup_refetch": published[2],
            }
        )
    return table


def tasks(budgets: Sequence[int] = TASK_BUDGETS, policies: Sequence[str] = COMPARED) -> list[Row]:
    """Run every policy over the thirty tasks under every budget; ``done`` is 1 without a fault."""
    found = [contender(name) for name in policies]
    rows = []
    for budget in budgets:
        workloads = task_workloads(budget)
        for each in found:
            for workload in workloads:
                row = _measured(workload, each, budget)
                row["compactions"] = sum(turn.boundary is not None for turn in workload.turns)
                row["done"] = int(row["published_faults"] == 0)
                rows.append(row)
    return rows


def table_8(rows: Iterable[Row]) -> list[Row]:
    """Return how many tasks were done, by budget and policy; published figures -1 where none."""
    table = []
    for (budget, policy), group in _grouped(rows, "budget_tokens", "policy"):
        table.append(
            {
                "budget_tokens": budget,
                "policy": policy,
                "tasks": len(group),
                "done": _total(group, "done"),
                "compactions": _total(group, "compactions"),
                "bootstrap": _total(group, "post_compaction_bootstrap"),
                "total": _total(group, "published_faults"),
                "paper_done": TABLE_8.get((str(policy), int(budget)), -1),
            }
        )
    return table


def adversarial(policies: Sequence[str] = COMPARED) -> list[Row]:
    """Run every policy against every adversary at the adversary's own budget."""
    found = [contender(name) for name in policies]
    rows = []
    for adversary in ADVERSARIES.values():
        workload = adversary.write()
        rows += [_measured(workload, each, adversary.budget) for each in found]
    # What a hunt did is run once more, now as a workload like the others.
    return rows + [_measured(hunt(each)[0], each, HUNT_BUDGET) for each in found]


def table_9(rows: Iterable[Row]) -> list[Row]:
    """Return what adversaries did, in the order of the rows; published figures -1 where none."""
    return [
        {
            "adversary": row["family"],
            "policy": row["policy"],
            "budget_tokens": row["budget_tokens"],
            "faults": row["published_faults"],
            "controllable_faults": row["controllable_faults"],
            "insufficient_turns": row["insufficient_turns"],
            "hits": row["hits"],
            "misses": row["misses"],
            "least_misses": row["least_misses"],
            "blind_recalls": row["blind_recalls"],
            "moved_pages": row["moved_pages"],
            "paper_faults": TABLE_9.get((str(row["family"]), str(row["policy"])), -1),
        }
        for row in rows
    ]


def _measured(workload: Workload, each: Contender, budget: int) -> Row:
    """Return the row of a run, and the fewest misses of any policy of its kind."""
    row = simulate(workload, each, budget).row()
    row["misses"] = sum(int(row[name]) for name in ("recalls", "refetch", "duplicate_tool"))
    floor_kept = each.mechanisms.pins and each.mechanisms.demand_paging
    row["least_misses"] = _least(workload, budget, floor_kept)
    return row


@lru_cache(maxsize=64)
def _least(workload: Workload, budget: int, floor_kept: bool) -> int:
    return least_misses(workload, budget, MissRules(floor_kept=floor_kept)).misses


def _grouped(rows: Iterable[Row], *keys: str) -> Iterator[tuple[tuple[int | str, ...], list[Row]]]:
    """Yield the rows with equal values of `keys` together, in the order of their first ones."""
    groups: dict[tuple[int | str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    yield from groups.items()


def _is_papers(rows: Iterable[Row]) -> bool:
    """Whether rows are of the sizes that the paper has figures for."""
    return all(f"/{ABSTRACT.name}/" in str(row["workload"]) for row in rows)


def _total(rows: Iterable[Row], column: str) -> int:
    return sum(int(row[column]) for row in rows)


def _mean(rows: Sequence[Row], column: str, scale: int = 1) -> int:
    """Return the mean of a column times `scale`, rounded half up."""
    return (2 * scale * _total(rows, column) + len(rows)) // (2 * len(rows))
