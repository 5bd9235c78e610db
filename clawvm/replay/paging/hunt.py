"""An adversary that watches: each turn needs what the last prompt shows least of."""

from __future__ import annotations

from dataclasses import replace

from ...pages import Fidelity, PageType
from ..workloads import Demand, Turn, Workload
from ..workloads.scale import ABSTRACT
from ..workloads.script import Script, ladder
from .contenders import Contender
from .ledger import Ledger
from .result import PagingResult
from .simulator import Run

__all__ = ["HUNT_BUDGET", "hunt"]

HUNT_BUDGET = 180
"""Tokens: about half of what the pages of a hunt cost whole."""

_TURNS = 80
_RESULTS = 16


def hunt(contender: Contender, budget: int = HUNT_BUDGET) -> tuple[Workload, PagingResult]:
    """Run a policy against the demands that hurt it most, as far as its last prompt tells.

    Parameters
    ----------
    contender : Contender
        Whom.
    budget : int, optional
        Tokens.

    Returns
    -------
    tuple of (Workload, PagingResult)
        What happened, as a workload that can be run again, and what came of it.
    """
    pages = _pages()
    results = [spec.id for spec in pages.pages if spec.type is PageType.EVIDENCE]
    everything = tuple(spec.id for spec in pages.pages)
    turns: list[Turn] = []
    with Ledger() as ledger:
        run = Run(pages, contender, budget, ledger)
        for turn in range(_TURNS):
            puts = everything if turn == 0 else ()
            demands = (_worst(run, results),) if turn else ()
            turns.append(Turn(puts=puts, demands=demands))
            run.step(turns[-1])
        return replace(pages, turns=tuple(turns)), run.finish()


def _pages() -> Workload:
    script = Script()
    for number in range(2):
        tokens = ladder(PageType.BOOTSTRAP, 20, ABSTRACT.pointer)
        script.page(f"rules-{number}", PageType.BOOTSTRAP, tokens)
    for number in range(_RESULTS):
        tokens = ladder(PageType.EVIDENCE, 16 + number, ABSTRACT.pointer)
        script.page(f"result-{number:02}", PageType.EVIDENCE, tokens)
    return script.build("adversarial/hunt", "hunt", 0)


def _worst(run: Run, results: list[str]) -> Demand:
    page_id = min(results, key=lambda name: (run.shown.get(name, 0), name))
    return Demand(page_id, Fidelity.FULL, f"tool({page_id})")
