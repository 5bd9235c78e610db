"""What a policy did on a workload; `docs/workloads.md` defines every figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...faults import FaultKind

__all__ = ["PagingResult", "gap_ppm"]


@dataclass(slots=True)
class PagingResult:
    """Counts of one run; integers only, the same on every machine.

    Parameters
    ----------
    workload, family, policy : str
        What ran over what.
    budget_tokens : int
        What the policy got, which is less than the sweep's budget where the paper's own scale was
        asked for.
    pins : bool
        Whether the policy promises to keep hard pins.
    turns : int
        Turns of the workload.
    faults : dict of str to int
        The six faults and the alert, by name.
    hits : int
        Demands for a page that the prompt before showed well enough.
    recalls, blind_recalls : int
        Demands that were met from the store instead; those of them of which the prompt before gave
        no sign.
    insufficient_turns, insufficient_faults, insufficient_demands : int
        Turns whose floor is above the budget, and the pinned misses and unmet demands in them: no
        policy can help those.
    infeasible_turns : int
        Turns for which the policy built no prompt.
    overflow_turns : int
        Prompts above the budget.
    epochs, moved_pages : int
        Prompts for which pages were demoted, and changes of level but for pages that are new.
    used_tokens, used_peak : int
        Tokens of all prompts, and of the largest.
    plans : list of (int, int)
        Value of each prompt within budget and floor, and a bound on that of any such prompt.
    selections : list of (int, int)
        Value and bound of each selection that the policy itself tells them of: below the bound of
        the prompt where it selects down to a low-water mark.
    """

    workload: str
    family: str
    policy: str
    budget_tokens: int
    pins: bool
    turns: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    hits: int = 0
    recalls: int = 0
    blind_recalls: int = 0
    insufficient_turns: int = 0
    insufficient_faults: int = 0
    insufficient_demands: int = 0
    infeasible_turns: int = 0
    overflow_turns: int = 0
    epochs: int = 0
    moved_pages: int = 0
    used_tokens: int = 0
    used_peak: int = 0
    plans: list[tuple[int, int]] = field(default_factory=list)
    selections: list[tuple[int, int]] = field(default_factory=list)

    @property
    def alerts(self) -> int:
        """Calls that repeated what the prompt still showed."""
        return self.faults[FaultKind.DUPLICATE_SIGNATURE.value]

    @property
    def explicit(self) -> int:
        """The six faults together."""
        return sum(self.faults.values()) - self.alerts

    @property
    def controllable(self) -> int:
        """Those of them that a policy could have avoided."""
        return self.explicit - self.insufficient_faults

    @property
    def published(self) -> int:
        """The six as the paper's tables count them.

        There a policy that promises no pins has no pinned misses: its Table 6 has nine bootstrap
        faults and nothing else where hard pins are taken away.
        """
        if self.pins:
            return self.explicit
        return self.explicit - self.faults[FaultKind.PINNED_INVARIANT_MISS.value]

    @property
    def thrash_milli(self) -> int:
        """The thrash index F / (H + 1) over the published faults and alerts, in thousandths."""
        return 1000 * (self.published + self.alerts) // (self.hits + 1)

    def row(self) -> dict[str, int | str]:
        """Return all of it as one flat row."""
        return {
            "workload": self.workload,
            "family": self.family,
            "policy": self.policy,
            "budget_tokens": self.budget_tokens,
            "turns": self.turns,
            "faults": self.explicit,
            "controllable_faults": self.controllable,
            "published_faults": self.published,
            **{name.replace("-", "_"): count for name, count in self.faults.items()},
            "hits": self.hits,
            "recalls": self.recalls,
            "blind_recalls": self.blind_recalls,
            "thrash_milli": self.thrash_milli,
            "insufficient_turns": self.insufficient_turns,
            "insufficient_faults": self.insufficient_faults,
            "insufficient_demands": self.insufficient_demands,
            "infeasible_turns": self.infeasible_turns,
            "overflow_turns": self.overflow_turns,
            "epochs": self.epochs,
            "moved_pages": self.moved_pages,
            "used_tokens": self.used_tokens,
            "used_peak": self.used_peak,
            "plans": len(self.plans),
            "value": sum(value for value, _ in self.plans),
            "bound": sum(bound for _, bound in self.plans),
            "gap_median_ppm": gap_ppm(self.plans, 50),
            "gap_p99_ppm": gap_ppm(self.plans, 99),
            "selections": len(self.selections),
            "selection_gap_median_ppm": gap_ppm(self.selections, 50),
            "selection_gap_p99_ppm": gap_ppm(self.selections, 99),
        }


def gap_ppm(measured: Iterable[tuple[int, int]], percent: int) -> int:
    """Return how far values are below their bounds, in millionths of the bound.

    Parameters
    ----------
    measured : iterable of (int, int)
        Value and bound.
    percent : int
        Which of them, from the closest: 50 is the median.
    """
    gaps = sorted((bound - value) * 1_000_000 // bound for value, bound in measured if bound)
    return gaps[(len(gaps) - 1) * percent // 100] if gaps else 0
