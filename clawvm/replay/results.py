"""The figures of a replay; ``docs/metrics.md`` defines every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from .availability import SpanTotals
from .billing import Bill
from .policies import FullPolicy

__all__ = ["ReplayResult", "relate_to_full"]


@dataclass(slots=True)
class ReplayResult:
    """What one policy did on one session; `docs/metrics.md` defines every figure.

    All sizes are in tokens, all times in microseconds.
    """

    trace: str
    policy: str
    backend: str
    tokens: str
    budget_tokens: int
    turns: int = 0
    pages: dict[str, int] = field(default_factory=dict)
    prompt_peak: int = 0
    prompt_total: int = 0
    turns_over_budget: int = 0
    turns_infeasible: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    hits: int = 0
    spans: SpanTotals = field(default_factory=lambda: SpanTotals(0, 0, 0))
    spans_by_type: dict[str, SpanTotals] = field(default_factory=dict)
    spans_by_kind: dict[str, SpanTotals] = field(default_factory=dict)
    spans_by_age: dict[str, SpanTotals] = field(default_factory=dict)
    prefix_tokens_kept: int = 0
    bills: dict[str, Bill] = field(default_factory=dict)
    full_bills: dict[str, Bill] = field(default_factory=dict)
    moves: int = 0
    epochs: int = 0
    repairs: int = 0
    plan_digest: str = ""
    turn_us: list[float] = field(default_factory=list)
    work: dict[str, int] = field(default_factory=dict)

    @property
    def built(self) -> int:
        """Prompts that were built."""
        return self.turns - self.turns_infeasible

    @property
    def prompt_mean(self) -> float:
        """Mean size of the prompts that were built."""
        return self.prompt_total / self.built if self.built else 0.0

    @property
    def churn(self) -> float:
        """Pages that changed level, a prompt."""
        return self.moves / self.built if self.built else 0.0

    @property
    def thrash_index(self) -> float:
        """Faults and alerts over hits, one hit added (paper, appendix A, after Denning 1968)."""
        return sum(self.faults.values()) / (self.hits + 1)

    def billed_share(self, provider: str) -> float | None:
        """Return what was billed as a share of the bill for the full history.

        None where that is not known (`relate_to_full`), or nothing was sent.
        """
        full = self.full_bills.get(provider)
        return None if full is None else self.bills[provider].share_of(full)

    def timing(self) -> dict[str, float]:
        """Microseconds of policy work a turn: median and 99th percentile."""
        if not self.turn_us:
            return {"median_us": 0.0, "p99_us": 0.0}
        median, p99 = np.percentile(self.turn_us, [50, 99])
        return {"median_us": round(float(median), 1), "p99_us": round(float(p99), 1)}

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        return msgspec.json.encode(
            {
                "trace": self.trace,
                "policy": self.policy,
                "backend": self.backend,
                "tokens": self.tokens,
                "budget_tokens": self.budget_tokens,
                "turns": self.turns,
                "pages": self.pages,
                "prompt_tokens": {
                    "peak": self.prompt_peak,
                    "mean": round(self.prompt_mean, 1),
                    "total": self.prompt_total,
                },
                "turns_over_budget": self.turns_over_budget,
                "turns_infeasible": self.turns_infeasible,
                "faults": self.faults,
                "span_availability": self._span_availability(),
                "prefix_tokens_kept": self.prefix_tokens_kept,
                "epochs": self.epochs,
                "repairs": self.repairs,
                "plan_digest": self.plan_digest,
                "timing": self.timing(),
                "hits": self.hits,
                "thrash_index": round(self.thrash_index, 4),
                "moves": self.moves,
                "churn": round(self.churn, 3),
                "bills": self.bills,
                "billed_share_of_full": self._billed_shares(),
            }
        )

    def _span_availability(self) -> dict[str, Any]:
        groups = {
            "by_type": self.spans_by_type,
            "by_kind": self.spans_by_kind,
            "by_age": self.spans_by_age,
        }
        counts = {
            name: {group: totals.counts() for group, totals in totals_of.items()}
            for name, totals_of in groups.items()
        }
        return {**self.spans.counts(), **counts}

    def _billed_shares(self) -> dict[str, float | None]:
        shares = {provider: self.billed_share(provider) for provider in self.bills}
        return {
            provider: None if share is None else round(share, 4)
            for provider, share in shares.items()
        }


def relate_to_full(results: Iterable[ReplayResult]) -> None:
    """Let each result of a session know what the full history would have been billed.

    Parameters
    ----------
    results : iterable of ReplayResult
        Of one session. Without one of the policy `full` among them nothing is known.
    """
    results = list(results)
    for full in results:
        if full.policy == FullPolicy.name:
            for result in results:
                result.full_bills = full.bills
