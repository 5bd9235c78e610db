"""Small workloads for the tests of the page-level simulator."""

from __future__ import annotations

from clawvm.pages import Fidelity, PageType
from clawvm.replay.paging import PagingResult, contender, simulate
from clawvm.replay.workloads import Demand, Workload
from clawvm.replay.workloads.script import Script

FULL, STRUCTURED, POINTER = Fidelity.FULL, Fidelity.STRUCTURED, Fidelity.POINTER

LOG = (2, 5, 10, 20)
RULE = (2, 6, None, 12)


def run(script: Script, policy: str, budget: int) -> PagingResult:
    return simulate(built(script), contender(policy), budget)


def built(script: Script) -> Workload:
    return script.build("case", "test", 0)


def script_with(*logs: str, rules: int = 0) -> Script:
    """A script with evidence pages of 2, 5, 10 and 20 tokens, and rules of 2, 6 and 12."""
    script = Script()
    for name in logs:
        script.page(name, PageType.EVIDENCE, LOG)
    for number in range(rules):
        script.page(f"rule-{number}", PageType.BOOTSTRAP, RULE)
    return script


def call(page_id: str, level: Fidelity = FULL) -> Demand:
    return Demand(page_id, level, f"read({page_id})")


def faults(result: PagingResult) -> dict[str, int]:
    """The faults that happened."""
    return {name: count for name, count in result.faults.items() if count}
