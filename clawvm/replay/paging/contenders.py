"""Everything that runs over a workload, in one table: a policy, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...errors import PolicyUnknown
from ...residency import ClawVMPolicy, Policy
from ..policies import POLICY_NAMES, make_policy
from ..workloads import Workload
from .ablated import EveryTurn, PlainGreedy
from .published import PublishedPolicy, lru_score, recency_score, with_lookahead

__all__ = [
    "ABLATIONS",
    "COMPARED",
    "CONTENDERS",
    "PAPER_ABLATIONS",
    "PAPER_POLICIES",
    "Contender",
    "Mechanisms",
    "contender",
]


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """What a runtime does for its policy.

    Parameters
    ----------
    pins : bool
        Hard pins are given to the policy.
    resolution : bool
        A page that is not shown can be got back by its handle.
    at_compaction, at_reset, at_eviction : bool
        What is dirty is committed before that.
    demand_paging : bool
        What a turn demands is given to the policy.
    catalogue : bool
        One small page says that there are pages without a line.
    cheaper_forms : bool
        Pages have levels between their floor and the full text.
    half_life : int
        Turns after which an untouched page is worth half.
    """

    pins: bool = True
    resolution: bool = True
    at_compaction: bool = True
    at_reset: bool = True
    at_eviction: bool = True
    demand_paging: bool = True
    catalogue: bool = True
    cheaper_forms: bool = True
    half_life: int = 32


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy as it runs over workloads.

    Parameters
    ----------
    name : str
        Unique among all.
    group : {"paper", "paper ablation", "harness", "ours", "ablation"}
        Where it is from.
    make : callable
        Makes the policy for a workload.
    mechanisms : Mechanisms
        What stands around it.
    multisession_percent : int
        Share of the budget that the paper's artifact gives it on multi-session workloads; only
        used where that is asked for.
    """

    name: str
    group: str
    make: Callable[[Workload], Policy]
    mechanisms: Mechanisms
    multisession_percent: int = 100


_OURS = Mechanisms()
# The artifact commits at boundaries and knows no catalogue.
_PAPER = Mechanisms(at_eviction=False, catalogue=False)
_NOTHING = replace(_PAPER, pins=False, resolution=False, at_compaction=False, at_reset=False)
_NEVER_DECAYS = 1 << 31


def _retrieval(workload: Workload) -> Policy:
    return PublishedPolicy(None, prefetch=False)


_PAPER_SIX = (
    Contender("retrieval_only", "paper", _retrieval, _NOTHING, 78),
    Contender("retrieval_only_cached", "paper", _retrieval, replace(_NOTHING, resolution=True), 78),
    Contender(
        "compaction_hybrid",
        "paper",
        lambda workload: PublishedPolicy(recency_score),
        replace(_PAPER, pins=False, at_reset=False),
        85,
    ),
    Contender("paper_lru", "paper", lambda workload: PublishedPolicy(lru_score), _PAPER),
    Contender("paper_clawvm", "paper", lambda workload: PublishedPolicy(), _PAPER),
    Contender("oracle_h3", "paper", lambda workload: with_lookahead(workload, 3), _PAPER),
)


def _paper_without(name: str, **changes: bool) -> Contender:
    return Contender(
        f"paper-no-{name}",
        "paper ablation",
        lambda workload: PublishedPolicy(),
        replace(_PAPER, **changes),
    )


# Table 6 of the paper, in its order.
_PAPER_ABLATED = (
    _paper_without("pointer-resolution", resolution=False),
    _paper_without("writeback-at-compaction", at_compaction=False),
    _paper_without("pins", pins=False),
    _paper_without("writeback-at-reset", at_reset=False),
    Contender("paper-no-scoring", "paper ablation", lambda workload: PublishedPolicy(None), _PAPER),
    Contender(
        "paper-no-prefetch",
        "paper ablation",
        lambda workload: PublishedPolicy(prefetch=False),
        _PAPER,
    ),
)

# What harnesses do, with all that ours has around it: only the selection differs.
_HARNESS = tuple(
    Contender(name, "harness", lambda workload, name=name: make_policy(name), _OURS)  # type: ignore[misc]
    for name in POLICY_NAMES
    if name not in ("clawvm", "paper")
)


def _clawvm(workload: Workload) -> Policy:
    return ClawVMPolicy()


def _without(name: str, **changes: bool | int) -> Contender:
    return Contender(name, "ablation", _clawvm, replace(_OURS, **changes))  # type: ignore[arg-type]


def _otherwise(name: str, make: Callable[[], Policy]) -> Contender:
    return Contender(name, "ablation", lambda workload: make(), _OURS)


_ABLATED = (
    _without("no-pins", pins=False),
    _without("no-pointer-resolution", resolution=False),
    # Each alone leaves the other two to commit what it would have.
    _without("no-writeback-at-compaction", at_compaction=False),
    _without("no-writeback-at-reset", at_reset=False),
    _without("no-writeback-at-eviction", at_eviction=False),
    _without("no-writeback", at_compaction=False, at_reset=False, at_eviction=False),
    _without("no-demand-paging", demand_paging=False),
    _without("no-catalogue", catalogue=False),
    _without("no-cheaper-forms", cheaper_forms=False),
    _without("no-decay", half_life=_NEVER_DECAYS),
    _otherwise("no-low-water", lambda: ClawVMPolicy(100)),
    _otherwise("no-epochs", EveryTurn),
    _otherwise("no-repair", PlainGreedy),
    _otherwise("exact", lambda: ClawVMPolicy(solver="exact")),
)

CONTENDERS: dict[str, Contender] = {
    found.name: found
    for found in (
        *_PAPER_SIX,
        *_HARNESS,
        Contender("clawvm", "ours", _clawvm, _OURS),
        *_PAPER_ABLATED,
        *_ABLATED,
    )
}
"""All of them by name, in the order of the tables."""

PAPER_POLICIES = tuple(found.name for found in _PAPER_SIX)
PAPER_ABLATIONS = tuple(found.name for found in _PAPER_ABLATED)
ABLATIONS = tuple(found.name for found in _ABLATED)
COMPARED = tuple(name for name, found in CONTENDERS.items() if not found.group.endswith("ablation"))


def contender(name: str) -> Contender:
    """Return a contender by its name.

    Raises
    ------
    PolicyUnknown
        When there is none.
    """
    if name not in CONTENDERS:
        raise PolicyUnknown(f"no policy is called {name!r}; there are {', '.join(CONTENDERS)}")
    return CONTENDERS[name]
